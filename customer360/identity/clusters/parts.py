"""A full run's work in parts, so that its memory does not follow the population.

A part holds whole pieces (see `pieces`), every record of each customer that has a record in it, and the last members of retired
ids that one of them could revive: what clustering and the continuity of ids look at together. So the parts can be done one after the
other, and all of them come out as if they had been done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from customer360.identity.clusters.components import weight
from customer360.identity.clusters.pieces import LARGEST_PIECE, pieces

RECORDS_AT_ONCE = 50_000
_EDGE = np.dtype(
    [("fields", ">i2"), ("l_bytes", ">i4"), ("l", ">i4"), ("r_bytes", ">i4"), ("r", ">i4"), ("w_bytes", ">i4"), ("weight", ">f8")]
)
_HEADER, _TRAILER = 19, 2  # bytes of COPY's binary format before and after the rows

Ints = NDArray[np.int64]


def parts(connection: Connection[Any], *, threshold: float, edge_table: LiteralString = "identity.edge") -> Iterator[int]:
    """Fill the temporary table `scope` with all records there are, deleted ones too, some tens of thousands at a time. Yields, once the
    table holds a part, how many parts are left; `edge_table` may be one of edges not yet adopted."""
    count = _number_records(connection)
    left, right, weights = _edges(connection, threshold, edge_table)
    piece = _pieces(connection, left, right, weights, count)
    part = _parts(connection, piece)
    _write(connection, piece, part)
    connection.execute("create temporary table scope (record_id text primary key, piece bigint not null) on commit drop")
    last = int(part.max(initial=-1))
    for number in range(last + 1):
        connection.execute("truncate scope")
        connection.execute("insert into scope select record_id, piece from part_record where part = %s", [number])
        connection.execute("analyze scope")
        yield last - number


def _number_records(connection: Connection[Any]) -> int:
    connection.execute(
        """create temporary table numbered_record on commit drop as
           select record_id, (row_number() over (order by record_id) - 1)::int as number from identity.record"""
    )
    connection.execute("analyze numbered_record")
    row = connection.execute("select count(*) from numbered_record").fetchone()
    return int(row[0]) if row else 0


def _edges(connection: Connection[Any], threshold: float, edge_table: LiteralString) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Numbers of both records of every edge that holds, and what it counts for."""
    rows = _copied(
        connection,
        sql.SQL(
            """select l.number, r.number, case e.kind when 'probabilistic' then e.probability else {firm} end::float8
                 from {edges} e
                 join numbered_record l on l.record_id = e.record_id_l
                 join numbered_record r on r.record_id = e.record_id_r
                where e.kind <> 'probabilistic' or e.probability >= {threshold}"""
        ).format(edges=sql.SQL(edge_table), firm=sql.Literal(weight("exact", 1.0)), threshold=sql.Literal(threshold)),
    )
    return rows["l"].astype(np.int64), rows["r"].astype(np.int64), rows["weight"].astype(np.float64)


def _pieces(connection: Connection[Any], left: Ints, right: Ints, weights: NDArray[np.float64], count: int) -> Ints:
    """The piece of each record: its component, or what it is part of once a component too large is taken apart."""
    piece = _connected(left, right, count)
    sizes = np.bincount(piece, minlength=1)
    is_cut = sizes[piece[left]] > LARGEST_PIECE if len(left) else np.zeros(0, dtype=bool)
    if is_cut.any():
        cut = np.flatnonzero(is_cut)
        names = _names(connection, np.unique(np.concatenate([left[cut], right[cut]])))
        strongest: dict[tuple[str, str], float] = {}
        for one, other, value in zip(left[cut].tolist(), right[cut].tolist(), weights[cut].tolist(), strict=True):
            pair = (names[one], names[other])
            strongest[pair] = max(strongest.get(pair, 0.0), value)
        numbers = {name: number for number, name in names.items()}
        alone = np.array(sorted(numbers.values()), dtype=np.int64)
        fresh = int(piece.max()) + 1
        piece[alone] = fresh + np.arange(len(alone))  # a record that is in none of the pieces is one by itself
        fresh += len(alone)
        for number, members in enumerate(pieces(strongest)):
            piece[[numbers[name] for name in members]] = fresh + number
    return piece


def _names(connection: Connection[Any], numbers: Ints) -> dict[int, str]:
    return dict(connection.execute("select number, record_id from numbered_record where number = any(%s)", [numbers.tolist()]).fetchall())


def _parts(connection: Connection[Any], piece: Ints) -> Ints:
    """The part of each record: pieces and the customers, living or revivable, that tie them together; small ones put together."""
    count = len(piece)
    if count == 0:
        return piece
    owned = _copied(
        connection,
        sql.SQL(
            """select n.number, dense_rank() over (order by m.customer_id)::int - 1, 0::float8
                 from identity.membership m
                 join identity.customer c using (customer_id)
                 join numbered_record n using (record_id)
                where m.valid_to is null or m.valid_to = c.retired_at"""
        ),
    )
    pieces_there = int(piece.max()) + 1
    tied = piece[owned["l"].astype(np.int64)]
    group = _connected(tied, owned["r"].astype(np.int64) + pieces_there, pieces_there + len(owned))[piece]
    # groups one after the other, in the order of their first record, until a part is full
    first = np.unique(group, return_index=True)[1]
    order = np.empty(int(group.max()) + 1, dtype=np.int64)
    order[group[np.sort(first)]] = np.arange(len(first))
    group = order[group]
    sizes = np.bincount(group)
    return ((np.cumsum(sizes) - sizes) // RECORDS_AT_ONCE)[group]


def _write(connection: Connection[Any], piece: Ints, part: Ints) -> None:
    connection.execute("create temporary table numbered_part (number int, piece int, part int) on commit drop")
    with connection.cursor() as cursor, cursor.copy("copy numbered_part from stdin") as copy:
        for start in range(0, len(piece), RECORDS_AT_ONCE):
            end = start + RECORDS_AT_ONCE
            rows = zip(range(start, end), piece[start:end].tolist(), part[start:end].tolist(), strict=False)
            copy.write("".join(f"{number}\t{of_piece}\t{of_part}\n" for number, of_piece, of_part in rows))
    connection.execute(
        """create temporary table part_record on commit drop as
           select record_id, piece, part from numbered_record join numbered_part using (number)"""
    )
    connection.execute("create index on part_record (part)")
    connection.execute("analyze part_record")
    connection.execute("drop table numbered_record, numbered_part")


def _connected(left: Ints, right: Ints, count: int) -> Ints:
    """The component of each of so many nodes."""
    ones = np.ones(len(left), dtype=np.int8)
    found = connected_components(coo_matrix((ones, (left, right)), shape=(count, count)), directed=False)[1]
    return np.asarray(found, dtype=np.int64)


def _copied(connection: Connection[Any], query: sql.Composable) -> NDArray[Any]:
    """The rows (int4, int4, float8) of a query as an array, without an object a value."""
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy ({}) to stdout (format binary)").format(query)) as copy:
        whole = b"".join(_bytes(copy))
    return np.frombuffer(whole, dtype=_EDGE, offset=_HEADER, count=(len(whole) - _HEADER - _TRAILER) // _EDGE.itemsize)


def _bytes(copy: Iterable[Any]) -> Iterator[bytes]:
    for block in copy:
        yield bytes(block)
