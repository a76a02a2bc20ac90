"""Writes identity.edge and identifier_refusal: what should stand against what stands, and only the difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from psycopg import Connection

from customer360.identity.evidence.certain import Edge, RefusedValue

_BATCH = 20_000
_SAME = 1e-9  # probabilities nearer than this are the same score


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDifference:
    """An edge that came, went or changed its probability."""

    record_id_l: str
    record_id_r: str
    kind: str
    rule: str
    probability: float
    change: str  # added, removed, changed
    probability_before: float | None = None  # of one that changed


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeChanges:
    """What a run changed among the edges. `differences` of a full run leave out what was added: it examines everything anyway."""

    differences: Sequence[EdgeDifference]
    added: int
    values_decided: int
    values_refused: int

    @property
    def records(self) -> set[str]:
        """Both ends of every edge that is told."""
        return {one.record_id_l for one in self.differences} | {one.record_id_r for one in self.differences}


def prepare(connection: Connection[Any]) -> None:
    """Make the temporary tables of what should stand."""
    connection.execute("create temporary table desired_edge (like identity.edge including defaults) on commit drop")
    connection.execute("create temporary table desired_refusal (like identity.identifier_refusal including defaults) on commit drop")


def collect(connection: Connection[Any], found: Iterable[Edge | RefusedValue], *, run_id: int) -> tuple[int, int]:
    """Write edges and refusals to the temporary tables. Returns how many of each."""
    edges = refusals = 0
    for batch in _batches(found):
        wanted = [one for one in batch if isinstance(one, Edge)]
        refused = [one for one in batch if isinstance(one, RefusedValue)]
        edges, refusals = edges + len(wanted), refusals + len(refused)
        with connection.cursor() as cursor:
            with cursor.copy(
                """copy desired_edge (record_id_l, record_id_r, kind, rule, identifier, probability, evidence, model_version, run_id)
                   from stdin"""
            ) as copy:
                copy.set_types(["text", "text", "text", "text", "bytea", "float8", "text", "text", "int8"])
                for edge in wanted:
                    pair = (edge.record_id_l, edge.record_id_r, edge.kind, edge.rule)
                    copy.write_row((*pair, edge.identifier, edge.probability, edge.evidence, edge.model_version, run_id))
            with cursor.copy("copy desired_refusal (attribute, value_hash, records, record_limit, reason, run_id) from stdin") as copy:
                copy.set_types(["text", "bytea", "int8", "int8", "text", "int8"])
                for one in refused:
                    copy.write_row((one.attribute, one.value_hash, one.refusal.records, one.refusal.limit, one.refusal.reason, run_id))
    return edges, refusals


def apply_all(connection: Connection[Any]) -> tuple[list[EdgeDifference], int]:
    """Make identity.edge and its refusals equal to what was collected. Returns what went or changed, and how many edges were added:
    a first run adds millions, and a full run examines everything whether added or not."""
    connection.execute("analyze desired_edge, desired_refusal")
    gone = _removed(
        connection,
        """delete from identity.edge e
            where not exists (select from desired_edge d
                               where (d.record_id_l, d.record_id_r, d.kind, d.rule, d.identifier)
                                   = (e.record_id_l, e.record_id_r, e.kind, e.rule, e.identifier))""",
    )
    connection.execute(
        """delete from identity.identifier_refusal f
            where not exists (select from desired_refusal d where (d.attribute, d.value_hash) = (f.attribute, f.value_hash))"""
    )
    before = _count(connection)
    changed = _upserted(connection, tell_added=False)
    return gone + changed, _count(connection) - before


def apply_scope(connection: Connection[Any], *, identifiers: Sequence[bytes], records: Sequence[str]) -> list[EdgeDifference]:
    """Make the edges and refusals of these identifier hashes, and the probabilistic and decided edges at these records, equal to
    what was collected. Other edges stay."""
    connection.execute("create temporary table scope_identifier (identifier bytea) on commit drop")
    connection.execute("create temporary table scope_record (record_id text) on commit drop")
    with connection.cursor() as cursor:
        with cursor.copy("copy scope_identifier from stdin") as copy:
            copy.set_types(["bytea"])
            for identifier in identifiers:
                copy.write_row((identifier,))
        with cursor.copy("copy scope_record from stdin") as copy:
            for record_id in records:
                copy.write_row((record_id,))
    connection.execute("analyze scope_identifier, scope_record, desired_edge, desired_refusal")
    still_wanted = """not exists (select from desired_edge d
                                   where (d.record_id_l, d.record_id_r, d.kind, d.rule, d.identifier)
                                       = (e.record_id_l, e.record_id_r, e.kind, e.rule, e.identifier))"""
    gone = _removed(
        connection,
        f"""delete from identity.edge e using scope_identifier s
            where e.identifier = s.identifier and e.identifier <> '\\x' and {still_wanted}""",
    )
    for side in ("record_id_l", "record_id_r"):
        gone += _removed(
            connection,
            f"delete from identity.edge e using scope_record s where e.{side} = s.record_id and e.identifier = '\\x' and {still_wanted}",
        )
    connection.execute(
        """delete from identity.identifier_refusal f using scope_identifier s
            where f.value_hash = s.identifier
              and not exists (select from desired_refusal d where (d.attribute, d.value_hash) = (f.attribute, f.value_hash))"""
    )
    return gone + _upserted(connection, tell_added=True)


def _count(connection: Connection[Any]) -> int:
    row = connection.execute("select count(*) from identity.edge").fetchone()
    return int(row[0]) if row else 0


def _removed(connection: Connection[Any], statement: str) -> list[EdgeDifference]:
    rows = connection.execute(statement + " returning e.record_id_l, e.record_id_r, e.kind, e.rule, e.probability")
    return [_difference(row, "removed") for row in rows]


def _upserted(connection: Connection[Any], *, tell_added: bool) -> list[EdgeDifference]:
    rows = connection.execute(
        """with written as (
               insert into identity.edge as e
                      (record_id_l, record_id_r, kind, rule, identifier, probability, evidence, model_version, run_id)
               select record_id_l, record_id_r, kind, rule, identifier, probability, evidence, model_version, run_id from desired_edge
               on conflict (record_id_l, record_id_r, kind, rule, identifier) do update
                  set probability = excluded.probability, evidence = excluded.evidence, model_version = excluded.model_version,
                      run_id = excluded.run_id
                where abs(e.probability - excluded.probability) > %s
                   or e.evidence is distinct from excluded.evidence
                   or e.model_version is distinct from excluded.model_version
               returning record_id_l, record_id_r, kind, rule, probability, old.probability as probability_before
           )
           select record_id_l, record_id_r, kind, rule, probability, probability_before
             from written
            where probability_before <> probability or %s and probability_before is null""",
        [_SAME, tell_added],
    )
    found = [_difference(row[:5], "added" if row[5] is None else "changed", before=row[5]) for row in rows]
    connection.execute(
        """insert into identity.identifier_refusal as f (attribute, value_hash, records, record_limit, reason, run_id)
           select attribute, value_hash, records, record_limit, reason, run_id from desired_refusal
           on conflict (attribute, value_hash) do update
              set records = excluded.records, record_limit = excluded.record_limit, reason = excluded.reason, run_id = excluded.run_id
            where (f.records, f.record_limit, f.reason) is distinct from (excluded.records, excluded.record_limit, excluded.reason)"""
    )
    return found


def _difference(row: Sequence[Any], change: str, *, before: float | None = None) -> EdgeDifference:
    left, right, kind, rule, probability = row
    return EdgeDifference(
        record_id_l=left, record_id_r=right, kind=kind, rule=rule, probability=probability, change=change, probability_before=before
    )


def _batches(found: Iterable[Edge | RefusedValue]) -> Iterator[list[Edge | RefusedValue]]:
    iterator = iter(found)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
