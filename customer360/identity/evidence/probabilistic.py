"""Probabilistic edges: pairs that the frozen model scores above its review threshold.

A pair's score is a function of its two records and the model. So an incremental run scores the pairs that touch a changed record,
with partners fetched through the kept blocking keys, and every other score stands.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa
from psycopg import Connection

from customer360.identity.evidence.blocks import wide_frame
from customer360.identity.evidence.certain import Edge, stream
from customer360.identity.match.model import Model
from customer360.identity.match.score import score

_DIGITS = 9  # what is kept of a probability: more than any threshold needs, less than two summations may differ in


def all_edges(connection: Connection[Any], model: Model) -> Iterator[Edge]:
    """Edges among all living records."""
    # people and organisations are never the same customer
    kinds = connection.execute("select distinct kind from identity.record where not is_deleted order by 1").fetchall()
    for (kind,) in kinds:
        records = stream(
            connection,
            "select record_id, standard from identity.record where not is_deleted and kind = %s order by record_id",
            [kind],
        )
        yield from _scored(wide_frame(records), model, None)


def edges_of(connection: Connection[Any], model: Model, record_ids: Collection[str]) -> Iterator[Edge]:
    """Edges with at least one end in `record_ids`."""
    if not record_ids:
        return
    ids = sorted(record_ids)
    keys = [
        key
        for (key,) in connection.execute(
            "select distinct unnest(block_keys) from identity.record where record_id = any(%s) and not is_deleted", [ids]
        )
    ]
    # one look at the index per key: asked for all keys at once, it would compare each record found with each key
    connection.execute("select identity.flush_block_keys()")
    partners = connection.execute(
        """select distinct r.record_id from unnest(%s::bigint[]) as asked (key)
             join identity.record r on r.block_keys && array[asked.key]""",
        [keys],
    )
    wanted = sorted({*ids, *(record_id for (record_id,) in partners)})
    rows = connection.execute(
        "select record_id, kind, standard from identity.record where record_id = any(%s) and not is_deleted order by record_id", [wanted]
    ).fetchall()
    for kind in sorted({kind for _, kind, _ in rows}):
        frame = [(record_id, standard) for record_id, found, standard in rows if found == kind]
        present = {record_id for record_id, _ in frame}
        yield from _scored(wide_frame(frame), model, [record_id for record_id in ids if record_id in present])


def _scored(frame: pa.Table, model: Model, candidates: Sequence[str] | None) -> Iterator[Edge]:
    if frame.num_rows < 2 or (candidates is not None and not candidates):
        return
    table = score(frame, model, candidates=candidates)
    del frame  # a large one, while the edges are written
    version = model.version
    for batch in table.to_batches(max_chunksize=20_000):
        yield from _edges(batch, version)


def _edges(batch: pa.RecordBatch, version: str) -> Iterator[Edge]:
    parts = [name for name in batch.schema.names if name.startswith("mw_")]
    columns = [batch.column(name).to_pylist() for name in ("l", "r", "probability", "match_weight", "rule")]
    weights = list(zip(*(batch.column(name).to_pylist() for name in parts), strict=True)) if parts else [()] * batch.num_rows
    for left, right, probability, weight, rule, contributions in zip(*columns, weights, strict=True):
        told = {name.removeprefix("mw_"): round(value, 3) for name, value in zip(parts, contributions, strict=True) if value is not None}
        yield Edge(
            record_id_l=left,
            record_id_r=right,
            kind="probabilistic",
            rule="model",
            identifier=b"",
            probability=round(probability, _DIGITS),
            evidence=json.dumps({"match_weight": round(weight, 3), "blocking_rule": rule, "weights": told}),
            model_version=version,
        )
