"""Marketing's exports, one format for each kind: leads and campaigns CSV, responses Parquet, social JSON lines (zstd, gzip)."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.email.export import csv_bytes
from sandbox.email.export import stamp as stamp
from sandbox.marketing.records import CAMPAIGN_FIELDS, LEAD_FIELDS

_RESPONSES = pa.schema([
    ("response_id", pa.string()), ("campaign_id", pa.string()), ("lead_id", pa.string()), ("response_type", pa.string()),
    ("value", pa.float64()), ("responded_at", pa.timestamp("us", tz="UTC")),
])  # fmt: skip


def leads(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Leads that are new or changed."""
    return csv_bytes(LEAD_FIELDS, ([_cell(row[name]) for name in LEAD_FIELDS] for row in rows))


def campaigns(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """All campaigns."""
    return csv_bytes(CAMPAIGN_FIELDS, ([_cell(row[name]) for name in CAMPAIGN_FIELDS] for row in rows))


def responses(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """New responses."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), _RESPONSES), sink, compression="zstd")
    return sink.getvalue()


def profiles(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Profiles, zstd."""
    packed: bytes = pa.compress(_lines(rows), codec="zstd", asbytes=True)
    return packed


def interactions(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Interactions, gzip."""
    return gzip.compress(_lines(rows), compresslevel=4, mtime=0)


def file_name(name: str, micros: int) -> str:
    """'responses/responses-20261122T194200123Z.parquet'."""
    folder, end = {
        "leads": ("leads", "csv"), "campaigns": ("campaigns", "csv"), "responses": ("responses", "parquet"),
        "profiles": ("social", "jsonl.zst"), "interactions": ("social", "jsonl.gz"),
    }[name]  # fmt: skip
    return f"{folder}/{name}-{stamp(micros)}.{end}"


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
