"""Blocking keys of single records: what the frozen model's blocking rules would equate, hashed, to be kept and indexed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import pyarrow as pa

from customer360.identity.match.columns import frame_of_wide
from customer360.identity.match.database import connect
from customer360.identity.match.model import Model, ModelError

_LEFT = re.compile(r"\bl\.")
_RIGHT = re.compile(r"\br\.")
_COLUMN = re.compile(r"\b[lr]\.(\w+)")
_CHUNK = 20_000
_EVERY_PAIR = "1 = 1"


def wide_frame(records: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> pa.Table:
    """The matcher's frame of `(record_id, standard)` rows (see `identity.record.standard`); the source is the id's first part.

    Rows may stream: they become Arrow a chunk at a time, so that a million records never stand in memory as Python objects.
    """
    iterator = iter(records)
    chunks = []
    while chunk := list(islice(iterator, _CHUNK)):
        chunks.append(_wide(chunk))
    if not chunks:
        return _wide([])
    table = pa.concat_tables(chunks, promote_options="default")
    types = {name: name.split("#", 1)[0] for name in sorted(table.column_names) if "#" in name}
    return frame_of_wide(table, types, record_id="record_id", source="source", is_standard=True)


def _wide(records: Sequence[tuple[str, Mapping[str, Sequence[str]]]]) -> pa.Table:
    """One row per record; column `<attribute>#<n>` holds the n-th value."""
    columns: dict[str, list[str | None]] = {}
    for row, (_, standard) in enumerate(records):
        for attribute, values in standard.items():
            for slot, value in enumerate(values):
                name = f"{attribute}#{slot}"
                column = columns.get(name)
                if column is None:
                    column = columns[name] = [None] * len(records)
                column[row] = value
    ids = [record_id for record_id, _ in records]
    sources = [record_id.split(":", 1)[0] for record_id in ids]
    arrays = {"record_id": ids, "source": sources, **columns}
    return pa.table({name: pa.array(values, pa.string()) for name, values in arrays.items()})


class Blocker:
    """The model's blocking rules as keys of one record. Two records that a rule pairs have a key in common.

    Rules are conjunctions of equalities, `l.x = r.x and f(l.y) = f(r.y)`. Raises ModelError for any other rule.
    """

    def __init__(self, model: Model) -> None:
        rules = [str(rule["blocking_rule"]) for rule in model.splink["blocking_rules_to_generate_predictions"]]
        self._expressions = [_key_expressions(rule) for rule in rules]
        self._columns = sorted({name for rule in rules for name in _COLUMN.findall(rule)})
        self._connection = connect()

    def keys(self, frame: pa.Table) -> dict[str, list[int]]:
        """Keys of each record (`unique_id`) of the frame, as signed 64-bit hashes; sorted, none twice."""
        for missing in set(self._columns) - set(frame.column_names):
            frame = frame.append_column(missing, pa.nulls(frame.num_rows, pa.string()))
        self._connection.register("c360_block_frame", frame)
        keys = ", ".join(_hashed(number, expressions) for number, expressions in enumerate(self._expressions))
        found = self._connection.execute(
            f"select unique_id, list_sort(list_distinct(list_filter([{keys}], lambda k: k is not null))) from c360_block_frame"
        ).fetchall()
        self._connection.unregister("c360_block_frame")
        return dict(found)


def _hashed(number: int, expressions: Sequence[str]) -> str:
    """Null where a part is null, as the rule itself would not hold."""
    if not expressions:
        return f"cast({number} as bigint)"
    known = " and ".join(f"({expression}) is not null" for expression in expressions)
    joined = ", ".join(f"cast({expression} as varchar)" for expression in expressions)
    # md5 rather than duckdb's hash(): stored keys must mean the same after an upgrade
    digest = f"md5(concat_ws(chr(31), '{number}', {joined}))"
    return f"case when {known} then cast(cast(('0x' || left({digest}, 15)) as hugeint) as bigint) end"


def _key_expressions(rule: str) -> list[str]:
    if rule.strip() == _EVERY_PAIR:
        return []
    expressions = []
    for conjunct in re.split(r"\s+and\s+", rule, flags=re.IGNORECASE):
        left, equals, right = conjunct.partition(" = ")
        plain = _LEFT.sub("", left).strip()
        if not equals or plain != _RIGHT.sub("", right).strip():
            raise ModelError(
                f"blocking rule {rule!r} of the model is no conjunction of equalities, so its keys cannot be kept per record. "
                "Write it as `l.x = r.x and …`."
            )
        expressions.append(plain)
    return expressions
