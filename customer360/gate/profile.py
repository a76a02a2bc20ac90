"""A load's profile: counts and shares small enough to keep for every load, to compare later ones with.

Nulls are counted for every field. Values are counted only for fields that are not personal and have few of them; quantiles are taken
of numbers that are not personal and no key. A large load is profiled by a sample of its pages, so that the cost is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql

from customer360.contracts.model import Field, SourceObject

MOST_VALUES = 30  # of a field: one with more is no category
SAMPLE_ROWS = 20_000
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_LONGEST_VALUE = 40  # characters
_NUMERIC = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a load's rows look like. Never holds a value of a personal field.

    `rows`: rows looked at. `nulls`: nulls per field. `values`: rows per value per field. `numbers`: QUANTILES per field.
    `newest_age`: seconds since the greatest cursor, None without one that is a time.
    """

    rows: int
    nulls: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    numbers: Mapping[str, Sequence[float]] = field(default_factory=dict)
    newest_age: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For ops.load_profile."""
        return {"rows": self.rows, "nulls": self.nulls, "values": self.values, "numbers": self.numbers, "newest_age": self.newest_age}


def read_profile(stored: Mapping[str, Any]) -> Profile:
    """A profile as it was kept."""
    return Profile(**{name: stored[name] for name in Profile.__slots__ if name in stored})


def take(connection: Connection[Any], obj: SourceObject, table: sql.Composable, *, rows: int) -> Profile:
    """Profile the typed rows of a load. `rows`: how many there are."""
    categories = [f for f in obj.fields if _is_category(f, obj)]
    numbers = [f for f in obj.fields if _is_measure(f, obj)]
    cursor = obj.extract.cursor
    is_timed = cursor is not None and obj.field(cursor).sql_type == "timestamptz"
    selected: list[sql.Composable] = [sql.SQL("count(*)")]
    selected += [sql.SQL("count({})").format(sql.Identifier(f.name)) for f in obj.fields]
    quantiles = sql.SQL(", ").join(map(sql.Literal, QUANTILES))
    selected += [
        sql.SQL("percentile_disc(array[{}]) within group (order by {}::double precision)").format(quantiles, sql.Identifier(f.name))
        for f in numbers
    ]
    if is_timed:
        selected.append(sql.SQL("extract(epoch from now() - max({}))").format(sql.Identifier(str(cursor))))
    source = table
    if rows > 1.5 * SAMPLE_ROWS:
        share = sql.Literal(100 * SAMPLE_ROWS / rows)
        source = sql.SQL("(select * from {} tablesample system ({}) repeatable (360))").format(table, share)
    query = sql.SQL("select {} from {} as t").format(sql.SQL(", ").join(selected), source)
    found: tuple[Any, ...] = connection.execute(query).fetchone() or ()
    counted, rest = int(found[0]), list(found[1 + len(obj.fields) :])
    quantiles_of = {f.name: [float(q) for q in value] for f, value in zip(numbers, rest, strict=False) if value and value[0] is not None}
    return Profile(
        rows=counted,
        nulls={f.name: counted - int(n) for f, n in zip(obj.fields, found[1:], strict=False)},
        values=_values(connection, categories, source),
        numbers=quantiles_of,
        newest_age=float(rest[-1]) if is_timed and rest[-1] is not None else None,
    )


def _values(connection: Connection[Any], fields: Sequence[Field], source: sql.Composable) -> dict[str, dict[str, int]]:
    """Rows per value of each field that has few. Grouping stops at the first value too many, or too long."""
    if not fields:
        return {}
    parts = [
        sql.SQL(
            "select {name}, v, n from (select {column}::text as v, count(*) as n from {source} as t where {column} is not null"
            " group by 1 limit {most}) as x"
        ).format(name=sql.Literal(f.name), column=sql.Identifier(f.name), source=source, most=sql.Literal(MOST_VALUES + 1))
        for f in fields
    ]
    counts: dict[str, dict[str, int]] = {}
    for name, value, rows in connection.execute(sql.SQL(" union all ").join(parts)):
        counts.setdefault(name, {})[value] = int(rows)
    return {
        name: found for name, found in counts.items() if len(found) <= MOST_VALUES and all(len(value) <= _LONGEST_VALUE for value in found)
    }


def _is_category(f: Field, obj: SourceObject) -> bool:
    return f.logical_type in ("string", "boolean") and _says_something(f, obj)


def _is_measure(f: Field, obj: SourceObject) -> bool:
    return f.sql_type.partition("(")[0] in _NUMERIC and _says_something(f, obj)


def _says_something(f: Field, obj: SourceObject) -> bool:
    """No key, no reference, nothing that stands for one record or person: its shares mean nothing, and it may be personal."""
    stands_for_a_record = f.name in obj.key or f.unique or f.references is not None or f.same_customer is not None
    return not (f.is_personal or stands_for_a_record or f.name == obj.extract.cursor or f.semantic_type == "external_id")
