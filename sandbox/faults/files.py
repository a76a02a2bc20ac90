"""Faults of exported files (web events, mail tool): what is written while a fault is on is spoiled, and mended when it is off.

The good content of every spoiled file waits in `stash/`. Switching a fault on sends the newest file again, spoiled, so that the
fault shows at once; switching it off puts the good content in place of each spoiled file, in other bytes than before (another
compression, other quoting), for a reader that takes each content once must see a file it has not seen.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sandbox.email import export
from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.layout import Layout
from sandbox.marketing.export import file_name as marketing_name
from sandbox.marketing.records import CAMPAIGN_FIELDS, LEAD_FIELDS
from sandbox.surveys.records import ANSWER_FIELDS, RESPONDENT_FIELDS
from sandbox.web import files as web_files
from sandbox.world import SUBSCRIBER_FIELDS, World

COLUMNS = {
    "email": {"subscribers": SUBSCRIBER_FIELDS, "engagement": export.ENGAGEMENT_FIELDS},
    "marketing": {"leads": LEAD_FIELDS, "campaigns": CAMPAIGN_FIELDS},
    "surveys": {"respondents": RESPONDENT_FIELDS, "answers": ANSWER_FIELDS},
}
"""system → CSV object → columns, the first of which is the key."""
WHOLE_FILES = {"marketing": ("responses",)}  # not CSV, so all that can happen to them is to end early
_EVENT_KEYS = ("messageId", "receivedAt")


class Exporter:
    """Writes the files of `web` and `email` as the faults that are on leave them."""

    def __init__(
        self, layout: Layout, faults: Mapping[tuple[str, str], ActiveFault], *, put: Callable[[Path, str, bytes], Path] = web_files.put
    ) -> None:
        self.put = put
        self._layout = layout
        self._faults = faults

    def web(self, lines: list[str], *, at: int, part: int = 0) -> list[Path]:
        """An event file, closed at `at`. A second one when files are doubled."""
        name = web_files.file_name(at, part)
        faults = {fault: f for (system, fault), f in self._faults.items() if system == "web"}
        good = web_files.packed(lines)
        written = spoiled_events(good, faults)
        paths = [self._put("web", Path("events") / name, good, written)]
        if "duplicated_files" in faults:
            paths.append(self.put(self._layout.web / "events", name.replace(".jsonl", "-copy.jsonl"), written))
        return paths

    def subscribers(self, content: bytes, *, at: int) -> Path:
        """The whole list."""
        path = self._put("email", export.snapshot_name(at), content, self._csv("subscribers", content))
        export.clear_snapshots(self._layout.email)
        return path

    def engagement(self, content: bytes, *, at: int) -> Path:
        """An increment of engagement."""
        return self._put("email", export.engagement_name(at), content, self._csv("engagement", content))

    def files(self, system: str, contents: Mapping[str, bytes]) -> list[Path]:
        """Exports of marketing or surveys by their names, whose folder is the object's."""
        written = []
        for name, good in contents.items():
            object_name = Path(name).parent.name
            spoiled = self._csv(object_name, good, system) if name.endswith(".csv") else self._cut(object_name, good, system)
            written.append(self._put(system, Path(name), good, spoiled))
        return written

    def _csv(self, name: str, content: bytes, system: str = "email") -> bytes:
        return spoiled_csv(name, content, self._of(system))

    def _cut(self, name: str, content: bytes, system: str) -> bytes:
        fault = self._of(system).get("truncated")
        return content[: len(content) * 6 // 10] if fault and fault.options["object"] == name else content

    def _of(self, system: str) -> dict[str, ActiveFault]:
        return {fault: f for (name, fault), f in self._faults.items() if name == system}

    def _put(self, system: str, name: Path, good: bytes, written: bytes) -> Path:
        folder = folder_of(self._layout, system)
        if written != good:
            self.put(_stash(self._layout, system) / name.parent, name.name, good)
        return self.put(folder / name.parent, name.name, written)


def begin(layout: Layout, world: World, active: ActiveFault, faults: Mapping[tuple[str, str], ActiveFault], *, at: int) -> None:
    """Send the newest file again as the fault leaves it. `faults` holds the new one already."""
    _check(active)
    exporter = Exporter(layout, faults)
    if active.system == "web":
        newest = max((layout.web / "events").glob("*.jsonl.gz"), default=None)
        if newest:
            exporter.web(gzip.decompress(_good(layout, "web", newest)).decode().removesuffix("\n").split("\n"), at=at)
    elif active.system != "email":
        newest = max((folder_of(layout, active.system) / str(active.options["object"])).iterdir(), default=None)
        if newest:
            object_name = str(active.options["object"])
            name = marketing_name(object_name, at) if active.system == "marketing" else f"{object_name}/{export.stamp(at)}.csv"
            exporter.files(active.system, {name: _good(layout, active.system, newest)})
    elif active.options["object"] == "subscribers":
        exporter.subscribers(export.snapshot(world), at=at)
    else:
        newest = max((layout.email / "engagement").glob("*.csv"), default=None)
        if newest:
            exporter.engagement(_good(layout, "email", newest), at=at)


def end(layout: Layout, active: ActiveFault, still_on: Mapping[tuple[str, str], ActiveFault]) -> None:
    """Put the good content of each spoiled file in its place, once no other fault of the system is on."""
    if any(system == active.system for system, _ in still_on):
        return
    stash = _stash(layout, active.system)
    folder = folder_of(layout, active.system)
    for path in sorted(stash.rglob("*")) if stash.is_dir() else []:
        if path.is_file():
            name = path.relative_to(stash)
            if (folder / name).exists():
                web_files.put(folder / name.parent, name.name, _in_other_bytes(path))
            path.unlink()


def _check(active: ActiveFault) -> None:
    name, field = active.options.get("object"), active.options.get("field")
    if active.system == "web":
        if field is not None and field in _EVENT_KEYS:
            raise FaultError(f"{field} identifies and orders the events; choose another field")
        return
    objects = COLUMNS[active.system]
    if name not in objects and not (active.fault == "truncated" and name in WHOLE_FILES.get(active.system, ())):
        raise FaultError(f"{active.system} has no object {name!r} with this fault; objects: {', '.join(objects)}")
    columns = objects.get(str(name), ())
    if field is not None and field not in columns:
        raise FaultError(f"{active.system}.{name} has no column {field!r}; columns: {', '.join(columns)}")
    if columns and field == columns[0]:
        raise FaultError(f"{field} identifies the rows; choose another column")


def folder_of(layout: Layout, system: str) -> Path:
    """Where a system puts its files."""
    return {"web": layout.web, "email": layout.email, "marketing": layout.marketing, "surveys": layout.surveys}[system]


def _stash(layout: Layout, system: str) -> Path:
    return layout.root / "stash" / system


def _good(layout: Layout, system: str, path: Path) -> bytes:
    folder = folder_of(layout, system)
    stashed = _stash(layout, system) / path.relative_to(folder)
    return (stashed if stashed.exists() else path).read_bytes()


def _in_other_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".parquet":
        sink, table = io.BytesIO(), pq.read_table(io.BytesIO(content))
        times = int((table.schema.metadata or {}).get(b"mended", b"0")) + 1
        pq.write_table(table.replace_schema_metadata({"mended": str(times)}), sink)
        return sink.getvalue()
    if path.suffix == ".gz":
        return gzip.compress(gzip.decompress(content), compresslevel=9, mtime=int.from_bytes(content[4:8], "little") + 1)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(csv.reader(io.StringIO(content.decode(), newline="")))
    text.write("\r\n")  # a blank line is nothing, and makes it another content each time
    return text.getvalue().encode()


# ------------------------------------------------------------------------------------------------------ spoiling
def spoiled_events(content: bytes, faults: Mapping[str, ActiveFault]) -> bytes:
    """A gzipped file of events as the faults leave it."""
    if any(name in faults for name in ("malformed_rows", "missing_column", "renamed_column")):
        lines = gzip.decompress(content).decode().removesuffix("\n").split("\n")
        content = web_files.packed([_spoiled_line(line, number, faults) for number, line in enumerate(lines)])
    if "truncated_gz" in faults:
        content = content[: max(20, len(content) * 6 // 10)]
    return content


def _spoiled_line(line: str, number: int, faults: Mapping[str, ActiveFault]) -> str:
    bad = faults.get("malformed_rows")
    if bad and number % max(1, int(bad.options["every"])) == 0:
        kind = number // max(1, int(bad.options["every"])) % 3
        if kind == 0:
            return line[: len(line) // 2]
        event = json.loads(line)
        field, nonsense = ("timestamp", "half past nine") if kind == 1 else ("type", None)
        event[field] = nonsense
        return json.dumps(event, ensure_ascii=False)
    for name in ("missing_column", "renamed_column"):
        if fault := faults.get(name):
            event = json.loads(line)
            _move_path(event, str(fault.options["field"]).split("."), fault.options.get("to"), renamed=name == "renamed_column")
            line = json.dumps(event, ensure_ascii=False)
    return line


def _move_path(event: dict[str, Any], path: list[str], to: Any, *, renamed: bool) -> None:
    for step in path[:-1]:
        inner = event.get(step)
        if not isinstance(inner, dict):
            return
        event = inner
    if path[-1] in event:
        value = event.pop(path[-1])
        if renamed:
            event[str(to or f"{path[-1]}_new")] = value


def spoiled_csv(name: str, content: bytes, faults: Mapping[str, ActiveFault]) -> bytes:
    """A CSV file of object `name` as the faults leave it."""
    mine = {fault: f for fault, f in faults.items() if f.options["object"] == name}
    if not mine:
        return content
    header, *rows = filter(None, csv.reader(io.StringIO(content.decode(), newline="")))  # a mended file ends in blank lines
    if bad := mine.get("malformed_rows"):
        rows = [
            _spoiled_row(header, row, number // max(1, int(bad.options["every"])))
            if number % max(1, int(bad.options["every"])) == 0
            else row
            for number, row in enumerate(rows)
        ]
    if missing := mine.get("missing_column"):
        at = header.index(str(missing.options["field"]))
        header, rows = header[:at] + header[at + 1 :], [row[:at] + row[at + 1 :] for row in rows]
    if renamed := mine.get("renamed_column"):
        field = str(renamed.options["field"])
        header = [renamed.options.get("to") or f"{field}_new" if column == field else column for column in header]
    text = export.csv_bytes(header, rows).decode()
    if "broken_quoting" in mine:
        lines = text.split("\r\n")
        middle = len(lines) // 2
        lines[middle] = '"' + lines[middle].replace('"', "")  # opened, never closed
        text = "\r\n".join(lines)
    if "truncated" in mine:
        text = text[: max(10, len(text) * 6 // 10)]
    return text.encode()


def _spoiled_row(header: list[str], row: list[str], number: int) -> list[str]:
    wrong = [
        (column, value)
        for column, value in (
            ("email", "nobody at nowhere"),
            ("status", "floating"),
            ("updated_at", "yesterday"),
            ("event_type", "telepathy"),
            ("occurred_at", "31.02.2026"),
            ("subscriber_id", ""),
            ("score", "eleven"),
            ("answered_at", "31.02.2026"),
        )
        if column in header
    ]
    column, value = wrong[number % len(wrong)]
    at = header.index(column)
    return [*row[:at], value, *row[at + 1 :]]
