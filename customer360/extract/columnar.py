"""Parquet to rows and rejects, batch by batch: values as text, as PostgreSQL reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer360.contracts.model import SourceObject
from customer360.extract import json_documents
from customer360.extract.protocol import MissingFields, Part, Reject, Row, Rows

_encode = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=str).encode


class NotParquet(Exception):
    """The file is no Parquet file, or its end, where Parquet keeps its schema, is not there yet."""


def parts(handle: BinaryIO, obj: SourceObject, place: str, *, rows_per_part: int) -> Iterator[Part]:
    """What a Parquet file holds. NotParquet before anything is yielded; damage found later is a Reject, as everything behind it is lost."""
    source = open_parquet(handle)
    names = set(source.schema_arrow.names)
    nested = {field.source_name for field in obj.fields if field.source_name not in names and field.source_name.split(".")[0] in names}
    missing = frozenset(field.name for field in obj.fields if field.source_name not in names | nested)
    if missing:
        yield MissingFields(fields=missing, place=place)
    count = 0
    batches = source.iter_batches(batch_size=rows_per_part, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (OSError, pa.ArrowException):
            yield Reject(raw="", reason="the file is damaged", place=f"{place} after row {count}")
            return
        if batch is None:
            return
        made = _documents(batch, obj) if nested else _columns(batch, obj)
        yield from _without_unstorable(made, place, count)
        count += batch.num_rows


def open_parquet(handle: BinaryIO) -> pq.ParquetFile:
    """The opened file; NotParquet if it is none."""
    handle.seek(0)
    try:
        return pq.ParquetFile(handle, pre_buffer=False, memory_map=False)
    except (OSError, pa.ArrowException):
        raise NotParquet from None


def _without_unstorable(rows: list[Row], place: str, before: int) -> Iterator[Part]:
    if not any(_holds_nul(value) for row in rows for value in row if value is not None):
        yield Rows(rows=rows)
        return
    for number, row in enumerate(rows, start=before + 1):
        if any(_holds_nul(value) for value in row if value is not None):
            raw = "\t".join(value or "" for value in row).replace("\0", "\\x00")
            yield Reject(raw=raw, reason="holds a NUL character", place=f"{place} row {number}")
        else:
            yield Rows(rows=[row])


def _holds_nul(value: str) -> bool:
    """As such, or escaped in what we wrote as JSON."""
    return "\0" in value or (value[:1] in ("{", "[") and json_documents.has_nul(value.encode()))


def _columns(batch: pa.RecordBatch, obj: SourceObject) -> list[Row]:
    declared = {field.source_name for field in obj.fields}
    none = [None] * batch.num_rows
    found = [_texts(batch.column(field.source_name)) if field.source_name in batch.schema.names else none for field in obj.fields]
    undeclared = [name for name in batch.schema.names if name not in declared]
    extras = [_extra(document) for document in batch.select(undeclared).to_pylist()] if undeclared else none
    return list(zip(*found, extras, strict=True))


def _documents(batch: pa.RecordBatch, obj: SourceObject) -> list[Row]:
    """For declared paths that lead into a struct: slower, value by value."""
    make = json_documents.row_maker(obj)
    return [make(json_documents.parse_page(_encode(_plain(document)))) for document in batch.to_pylist()]


def _texts(column: pa.Array) -> list[str | None]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_nested(kind):
        return [None if value is None else _encode(_plain(value)).decode() for value in column.to_pylist()]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if value is None else _bytes(value) for value in column.to_pylist()]
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    return texts


def _bytes(value: bytes) -> str:
    """Text, as old writers store it, or PostgreSQL's form of bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()


def _plain(value: Any) -> Any:
    """Maps come as pairs, bytes as bytes; neither has a place in JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return {str(key): _plain(inner) for key, inner in value}
        return [_plain(item) for item in value]
    return _bytes(value) if isinstance(value, bytes) else value


def _extra(document: dict[str, Any]) -> str | None:
    kept = _plain(document)
    return _encode(kept).decode() if kept else None
