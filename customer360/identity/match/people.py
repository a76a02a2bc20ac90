"""Resolving a file of people from end to end: read, standardise, train, score, cluster, write."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from customer360.errors import UserError
from customer360.identity.match import checks, cluster, columns, database, score, train
from customer360.identity.match.mapfile import PeopleMap, check_columns
from customer360.identity.match.model import Model
from customer360.identity.match.steps import Steps

Progress = Callable[[str], None]
_UNIQUE = "c360 unique id"
_SEPARATOR = "\x1f"  # between source and record id where ids repeat across sources


class PeopleError(UserError):
    """A people file that cannot be used: which file, where in it, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The records of a file: `frame` for Splink, and ids and sources as given, in the same order."""

    frame: pa.Table
    ids: pa.ChunkedArray
    sources: pa.ChunkedArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Clusters and edges of a file. `label` (the unique id of a record that stands for its cluster) and `confidence` are in the order of
    `people.ids`."""

    people: People
    model: Model | None
    label: pa.Array
    confidence: NDArray[np.float64]
    edges: pa.Table | None
    checked: checks.Checked | None = None


def read_people(path: Path, people: PeopleMap, map_path: Path, steps: Steps | None = None) -> People:
    """Reads and standardises the mapped columns. Raises MapError or PeopleError."""
    steps = steps or Steps()
    with steps.step("read"):
        table, ids, sources = _with_ids(path, people, map_path)
    with steps.step("standardise"):
        frame = columns.frame_of_wide(table, people.columns, record_id=_UNIQUE, source=people.source, region=people.region)
    return People(frame=frame, ids=ids, sources=sources)


def _with_ids(path: Path, people: PeopleMap, map_path: Path) -> tuple[pa.Table, pa.ChunkedArray, pa.ChunkedArray]:
    """The file with an id that is unique in it, and ids and sources as given."""
    table = _read_csv(path, people, map_path)
    ids = table[people.record_id].cast(pa.string())
    if ids.null_count:
        row = int(pc.index(pc.is_null(ids), True).as_py()) + 2
        raise PeopleError(f"{path}: row {row}: {people.record_id} is empty. Every record needs an id.")
    given_source = people.source
    sources = pc.fill_null(table[given_source], "") if given_source else pa.chunked_array([pa.array([""] * table.num_rows, pa.string())])
    unique = ids if pc.count_distinct(ids).as_py() == table.num_rows else pc.binary_join_element_wise(sources, ids, _SEPARATOR)
    _refuse_doubles(unique, ids, path, people)
    return table.append_column(_UNIQUE, unique), ids, sources


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
    encoding, text = _decoded(content)
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


def _decoded(content: bytes) -> tuple[str, str]:
    """Encoding and text: UTF-16 where a byte-order mark says so, else UTF-8, else Windows-1252."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf16", content.decode("utf-16", errors="replace")
    try:
        return "utf8", content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252", content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    line = text.split("\n", 1)[0]
    return max(",;\t|", key=line.count)


def resolve_people(
    people: People,
    *,
    model: Model | None = None,
    threshold: float | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Resolved:
    """Trains a model unless one is given, scores, clusters. `threshold`: match probability instead of the model's own."""
    say, steps = progress or (lambda text: None), steps or Steps()
    unique = people.frame["unique_id"].combine_chunks()
    try:
        model, edges, at_least = _scored(people.frame, model, threshold, say, steps)
    except ValueError as problem:  # nothing to compare: only what is the same all over is one customer
        say(str(problem))
        return Resolved(people=people, model=None, label=_alike(people.frame), confidence=np.ones(len(unique)), edges=None)
    say(f"{edges.num_rows} edges, clustering")
    with steps.step("cluster"):
        clusters = _clustered(unique, edges, at_least, model.cluster.get("resolution", cluster.RESOLUTION))
    with steps.step("check"):
        checked = checks.check(people.frame, clusters.owner, clusters.ends, np.asarray(edges["probability"], dtype=np.float64))
    confidence = np.where(checked.is_doubtful, np.minimum(clusters.confidence, checks.CERTAINTY_OF_DOUBTFUL), clusters.confidence)
    return Resolved(
        people=people, model=model, label=unique.take(pa.array(clusters.owner)), confidence=confidence, edges=edges, checked=checked
    )


def _scored(frame: pa.Table, model: Model | None, threshold: float | None, say: Progress, steps: Steps) -> tuple[Model, pa.Table, float]:
    """The model, given or trained; the edges; and the probability from which records are linked."""

    def floor(used: Model) -> tuple[float, float]:
        at_least = used.match_threshold if threshold is None else threshold
        return at_least, min(at_least, used.review_threshold)

    if model is not None:
        say("scoring")
        at_least, lowest = floor(model)
        with steps.step("score"):
            return model, score.score(frame, model, floor=lowest), at_least
    with database.connect() as connection:
        with steps.step("train"):
            model, keyring = train.train_loaded(connection, frame, progress=say)
        say("scoring")
        at_least, lowest = floor(model)
        with steps.step("score"):
            return model, score.score_loaded(connection, keyring, model, floor=lowest), at_least


def _alike(frame: pa.Table) -> pa.Array:
    """Label of each record of a file in which no column holds two values.

    Records that hold them all are one customer if that says who it is. It does with an identifier, or with a whole name and a birth date
    or an address.
    """
    unique = frame["unique_id"].combine_chunks()
    told = set(frame.column_names) - {"unique_id", "source_dataset"}
    if not (
        told & train.IDENTIFIERS or (told >= {"first_name", "last_name"} and told & {"birth_date", "street", "address", "postal_code"})
    ):
        return unique
    whole = np.all([np.asarray(pc.is_valid(frame[column])) for column in sorted(told)], axis=0)
    if not whole.any():
        return unique
    first = pc.min(unique.filter(pa.array(whole)))
    return pc.if_else(pa.array(whole), first, unique)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clusters:
    """By rows of the frame: which row stands for its cluster, how sure its place is, and the two rows of each edge."""

    owner: NDArray[np.int64]
    confidence: NDArray[np.float64]
    ends: tuple[NDArray[np.int64], NDArray[np.int64]]


def _clustered(unique: pa.Array, edges: pa.Table, threshold: float, resolution: float) -> _Clusters:
    """Confidence is how sure a record's place is: its strongest edge inside its cluster; of one alone: that it has no edge to anyone."""
    order = np.asarray(pc.sort_indices(unique))
    names = unique.take(pa.array(order))
    left, right = places = cluster.ends(edges, names)
    owner = cluster.owners(edges, names, threshold=threshold, places=places, resolution=resolution)
    probability = np.asarray(edges["probability"], dtype=np.float64)
    within = owner[left] == owner[right]
    inside, outside = np.full(len(names), -1.0), np.zeros(len(names))
    for ends in (left, right):
        np.maximum.at(inside, ends[within], probability[within])
        np.maximum.at(outside, ends[~within], probability[~within])
    sure = np.where(inside >= 0.0, inside, 1.0 - outside)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return _Clusters(owner=order[owner[place]], confidence=sure[place], ends=(order[left], order[right]))


def write_clusters(resolved: Resolved, path: Path) -> None:
    """`record_id,source,customer_id,confidence`: one row per record, in the file's order.

    `customer_id` is the smallest record id of the cluster.
    """
    people = resolved.people
    table = pa.table(
        {
            "record_id": people.ids,
            "source": people.sources,
            "customer_id": pc.replace_substring(resolved.label, _SEPARATOR, ":"),
            "confidence": pc.round(pa.array(resolved.confidence), 4).cast(pa.decimal128(5, 4)),
        }
    )
    pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="needed"))


def write_edges(resolved: Resolved, path: Path) -> None:
    """`record_id_l,source_l,record_id_r,source_r,match_probability,evidence`; evidence is JSON: comparison → level and weight in bits."""
    people = resolved.people
    place = {unique: number for number, unique in enumerate(people.frame["unique_id"].to_pylist())}
    ids, sources = people.ids.to_pylist(), people.sources.to_pylist()
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
                        ids[left],
                        sources[left],
                        ids[right],
                        sources[right],
                        f"{edge['probability']:.6f}",
                        evidence,
                    ]
                )


def summary(resolved: Resolved) -> dict[str, Any]:
    """Figures for the end of a run; no personal value."""
    checked = resolved.checked
    return {
        "records": len(resolved.label),
        "customers": pc.count_distinct(resolved.label).as_py(),
        "edges": 0 if resolved.edges is None else resolved.edges.num_rows,
        **({} if resolved.model is None else {"model": resolved.model.version}),
        **({} if checked is None else {"records in the largest customer": checked.largest}),
        **({} if checked is None else {name: number for name, number in checked.found().items() if number}),
    }
