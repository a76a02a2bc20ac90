"""Resolving a file of people from end to end: read, standardise, train, score, cluster, write."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from customer360.errors import UserError
from customer360.identity.match import cluster, columns, score, train
from customer360.identity.match.mapfile import PeopleMap, check_columns
from customer360.identity.match.model import Model

Progress = Callable[[str], None]
_SEPARATOR = "\x1f"  # between source and record id where ids repeat across sources


class PeopleError(UserError):
    """A people file that cannot be used: which file, where in it, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The records of a file: `frame` for Splink, and ids and sources as given, in the same order."""

    frame: pa.Table
    ids: list[str]
    sources: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Clusters and edges of a file. `label` and `confidence` stand in the order of `people.ids`."""

    people: People
    model: Model | None
    label: list[str]
    confidence: list[float]
    edges: pa.Table | None


def read_people(path: Path, people: PeopleMap, map_path: Path) -> People:
    """Reads the mapped columns. Raises MapError or PeopleError."""
    table = _read_csv(path, people, map_path)
    ids = table[people.record_id].cast(pa.string())
    if ids.null_count:
        row = int(pc.index(pc.is_null(ids), True).as_py()) + 2
        raise PeopleError(f"{path}: row {row}: {people.record_id} is empty. Every record needs an id.")
    given_source = people.source
    sources = pc.fill_null(table[given_source], "") if given_source else pa.chunked_array([pa.array([""] * table.num_rows, pa.string())])
    unique = ids if pc.count_distinct(ids).as_py() == table.num_rows else pc.binary_join_element_wise(sources, ids, _SEPARATOR)
    _refuse_doubles(unique, ids, path, people)
    table = table.append_column("c360 unique id", unique)
    frame = columns.frame_of_wide(table, people.columns, record_id="c360 unique id", source=given_source, region=people.region)
    return People(frame=frame, ids=ids.to_pylist(), sources=sources.to_pylist())


def _refuse_doubles(unique: pa.ChunkedArray, ids: pa.ChunkedArray, path: Path, people: PeopleMap) -> None:
    if pc.count_distinct(unique).as_py() == len(unique):
        return
    seen: set[str] = set()
    for row, (key, record) in enumerate(zip(unique.to_pylist(), ids.to_pylist(), strict=True), start=2):
        if key in seen:
            what = "source and record_id stand" if people.source else "record_id stands"
            raise PeopleError(
                f"{path}: row {row}: {people.record_id} {record!r}: this {what} more than once. Give every record its own id."
            )
        seen.add(key)


def _read_csv(path: Path, people: PeopleMap, map_path: Path) -> pa.Table:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise PeopleError(f"{path}: cannot be read ({problem.strerror}). Give the path of a CSV file.") from None
    encoding = "utf8"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding, text = "cp1252", content.decode("cp1252", errors="replace")
    delimiter = _delimiter(text)
    header = next(csv.reader(io.StringIO(text.split("\n", 1)[0]), delimiter=delimiter), [])
    header = [name.strip("\r") for name in header]
    if len(set(header)) != len(header):
        doubled = next(name for name in header if header.count(name) > 1)
        raise PeopleError(f"{path}: line 1: the column {doubled!r} stands twice. Rename one of them.")
    check_columns(people, header, map_path, path)
    wanted = dict.fromkeys([people.record_id, *([people.source] if people.source else []), *people.columns])
    try:
        return pacsv.read_csv(
            io.BytesIO(text.encode() if encoding != "utf8" else content),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values='"' in text),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as problem:
        reason = str(problem).split(":", 1)[-1].strip().split("\n")[0][:60]
        raise PeopleError(f"{path}: is no regular CSV file ({reason}). Every row needs the header's number of fields.") from None


def _delimiter(text: str) -> str:
    line = text.split("\n", 1)[0]
    return max(",;\t|", key=line.count)


def resolve_people(
    people: People, *, model: Model | None = None, threshold: float | None = None, progress: Progress | None = None
) -> Resolved:
    """Trains a model unless one is given, scores, clusters. `threshold`: match probability instead of the model's own."""
    say = progress or (lambda text: None)
    unique = people.frame["unique_id"].to_pylist()
    if model is None:
        try:
            model = train.train(people.frame, progress=say)
        except ValueError as problem:  # nothing to compare: everyone is a customer of their own
            say(str(problem))
            return Resolved(people=people, model=None, label=unique, confidence=[1.0] * len(unique), edges=None)
    at_least = model.match_threshold if threshold is None else threshold
    say("scoring")
    edges = score.score(people.frame, model, floor=min(at_least, model.review_threshold))
    say(f"{edges.num_rows} edges, clustering")
    labels = cluster.cluster(edges, unique, threshold=at_least, resolution=model.cluster.get("resolution", cluster.RESOLUTION))
    label = [labels[record] for record in unique]
    return Resolved(people=people, model=model, label=label, confidence=_confidence(unique, labels, edges), edges=edges)


def _confidence(unique: list[str], labels: Mapping[str, str], edges: pa.Table) -> list[float]:
    """How sure a record's place is: its strongest edge inside its cluster; alone: that its strongest edge to anyone is none."""
    inside: dict[str, float] = {}
    outside: dict[str, float] = {}
    for left, right, probability in zip(edges["l"].to_pylist(), edges["r"].to_pylist(), edges["probability"].to_pylist(), strict=True):
        best = inside if labels[left] == labels[right] else outside
        best[left] = max(best.get(left, 0.0), probability)
        best[right] = max(best.get(right, 0.0), probability)
    return [inside.get(record, 1.0 - outside.get(record, 0.0)) for record in unique]


def write_clusters(resolved: Resolved, path: Path) -> None:
    """`record_id,source,customer_id,confidence`: one row per record, in the file's order.

    `customer_id` is the smallest record id of the cluster.
    """
    people = resolved.people
    shown = dict(zip(people.frame["unique_id"].to_pylist(), _shown(people), strict=True))
    table = pa.table(
        {
            "record_id": people.ids,
            "source": people.sources,
            "customer_id": [shown[label] for label in resolved.label],
            "confidence": [f"{value:.4f}" for value in resolved.confidence],
        }
    )
    pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="needed"))


def _shown(people: People) -> list[str]:
    return [unique.replace(_SEPARATOR, ":") for unique in people.frame["unique_id"].to_pylist()]


def write_edges(resolved: Resolved, path: Path) -> None:
    """`record_id_l,source_l,record_id_r,source_r,match_probability,evidence`; evidence is JSON: comparison → level and weight in bits."""
    people = resolved.people
    place = {unique: number for number, unique in enumerate(people.frame["unique_id"].to_pylist())}
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record_id_l", "source_l", "record_id_r", "source_r", "match_probability", "evidence"])
        if resolved.edges is None or resolved.model is None:
            return
        for batch in resolved.edges.to_batches(max_chunksize=50_000):
            for edge in batch.to_pylist():
                left, right = place[edge["l"]], place[edge["r"]]
                evidence = json.dumps(score.evidence(edge, resolved.model), ensure_ascii=False, separators=(",", ":"))
                writer.writerow(
                    [
                        people.ids[left],
                        people.sources[left],
                        people.ids[right],
                        people.sources[right],
                        f"{edge['probability']:.6f}",
                        evidence,
                    ]
                )


def summary(resolved: Resolved) -> dict[str, Any]:
    """Figures for the end of a run; no personal value."""
    return {
        "records": len(resolved.label),
        "customers": len(set(resolved.label)),
        "edges": 0 if resolved.edges is None else resolved.edges.num_rows,
        **({} if resolved.model is None else {"model": resolved.model.version}),
    }
