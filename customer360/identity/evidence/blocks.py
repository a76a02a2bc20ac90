"""Blocking keys of single records: what the frozen model's blocking rules would equate, hashed, to be kept and indexed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from customer360.identity.match.columns import frame_of_wide
from customer360.identity.match.database import connect
from customer360.identity.match.model import Model, ModelError
from customer360.identity.match.pairs import conjuncts

_COLUMN = re.compile(r"\b[lr]\.(\w+)")
_CHUNK = 20_000
_SEVERAL = "_any"  # ends the name of a column of all values of a type, where some record has several


def wide_frame(records: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> pa.Table:
    """The matcher's frame of `(record_id, standard)` rows (see `identity.record.standard`); the source is the id's first part.

    Rows may stream. They are put into columns a chunk at a time, so that a million records never stand in memory as Python objects.
    """
    iterator = iter(records)
    chunks = []
    while chunk := list(islice(iterator, _CHUNK)):
        chunks.append(_wide(chunk))
    names = sorted({name for chunk in chunks for name in chunk.column_names if "#" in name})
    if len(chunks) < 2:
        return _frame(chunks[0] if chunks else _wide([]), names)
    chunks.reverse()
    frames, several = [], set()
    while chunks:
        chunk = chunks.pop()
        frame = _frame(chunk, names)
        several |= {name for name in frame.column_names if name.endswith(_SEVERAL)}
        frames.append(_with_lists(frame, chunk, names))
    frame = pa.concat_tables(frames, promote_options="default")
    return frame.drop_columns([name for name in frame.column_names if name.endswith(_SEVERAL) and name not in several])


def _frame(chunk: pa.Table, names: Sequence[str]) -> pa.Table:
    """The frame of a chunk, given all columns of the whole: which there are decides what the frame's columns are made of."""
    for name in set(names) - set(chunk.column_names):
        chunk = chunk.append_column(name, pa.nulls(chunk.num_rows, pa.string()))
    types = {name: name.split("#", 1)[0] for name in names}
    return frame_of_wide(chunk, types, record_id="record_id", source="source", is_standard=True)


def _with_lists(frame: pa.Table, chunk: pa.Table, names: Collection[str]) -> pa.Table:
    """The frame with a column `<column>_any` for every column of which other chunks may have one, of the one value that each record has.
    Where the records have a column of the type, a value that came out of another (a first name out of a whole one) is none of them."""
    for name in set(frame.column_names) - {"unique_id", "source_dataset"}:
        if not pa.types.is_string(frame[name].type) or f"{name}{_SEVERAL}" in frame.column_names:
            continue
        values = frame[name]
        if f"{name}#0" in names:
            own = chunk[f"{name}#0"] if f"{name}#0" in chunk.column_names else pa.nulls(chunk.num_rows, pa.string())
            values = pc.if_else(pc.is_valid(own), values, pa.scalar(None, pa.string()))
        frame = frame.append_column(f"{name}{_SEVERAL}", _lists_of_one(values))
    return frame


def _lists_of_one(values: pa.ChunkedArray) -> pa.Array:
    """`[value]` of each value, null of null."""
    whole = values.combine_chunks()
    known = pc.is_valid(whole)
    offsets = pa.array([0, *pc.cumulative_sum(known.cast(pa.int32())).to_pylist()], pa.int32())
    return pa.ListArray.from_arrays(offsets, whole.drop_null(), mask=pc.invert(known))


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
    expressions = conjuncts(rule)
    if expressions is None:
        raise ModelError(
            f"blocking rule {rule!r} of the model is no conjunction of equalities, so its keys cannot be kept per record. "
            "Write it as `l.x = r.x and …`."
        )
    return expressions
