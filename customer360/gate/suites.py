"""Suites: `great_expectations/expectations/<system>/<object>.json`, in Great Expectations' own JSON form, read strictly.

A suite file:

    {"name": "shop.orders",
     "meta": {"owner": "commerce-data", "max_failed_rows": 20, "max_failed_share": 0.01, "max_gone_share": 0.2},
     "expectations": [
       {"type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "status", "value_set": ["pending", "paid"]},
        "severity": "critical",
        "meta": {"level": "row", "reason": "Reports group by status; an unknown one would drop out of all of them."}}]}

A load is refused when a critical expectation of level `load` fails, or when more rows fail the critical ones of level `row` than
max(max_failed_rows, max_failed_share × rows judged); fewer go to quarantine. `warning` publishes and tells, `info` only records.
`meta.min_rows` evaluates a share only where there are enough rows to speak of one, `meta.loads: first` only on the object's first load.
`unexpected_rows_query` is `SELECT _row_number FROM {batch} WHERE <condition that a bad row meets>`; `meta.name` names it in results.

What the contract already says need not be repeated: required and unique fields are derived from it, and references are checked as well.
`meta.history` and `meta.references` change how a load is compared with those before it, and with other objects (see `limits`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from customer360.contracts.model import SourceObject
from customer360.errors import UserError
from customer360.gate.limits import SEVERITIES, HistoryLimits, ReferenceLimits, Severity, parse_history, parse_references
from customer360.gate.vocabulary import EXPECTATIONS, Argument
from customer360.platform import home

Level = Literal["row", "load"]

_SUITE_KEYS = {"name", "id", "expectations", "meta", "notes"}
_SUITE_META = {"owner", "description", "max_failed_rows", "max_failed_share", "max_gone_rows", "max_gone_share", "history", "references"}
_EXPECTATION_KEYS = {"type", "id", "kwargs", "meta", "notes", "severity", "description", "rendered_content"}
_EXPECTATION_META = {"level", "reason", "owner", "min_rows", "loads", "name"}
_ROWS_QUERY = re.compile(r"\s*select\s+_row_number\s+from\s+\{batch\}(?:\s+(?!where\b)\w+)?\s+where\s+\S", re.IGNORECASE)


class SuiteError(UserError):
    """A suite file cannot be used; the message lists every fault with its place and its fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation, ready to be evaluated."""

    id: str  # '<type>(<columns>)', the name in ops.gate_result
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    level: Level
    reason: str
    min_rows: int = 0
    first_load_only: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        named = [self.kwargs[name] for name in ("column", "column_A", "column_B") if name in self.kwargs]
        return (*named, *self.kwargs.get("column_list", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """All expectations on one object, and how much failure its loads may hold."""

    name: str
    owner: str | None
    expectations: tuple[Expectation, ...]
    max_failed_rows: int = 10
    max_failed_share: float = 0.01
    max_gone_rows: int = 10
    max_gone_share: float = 0.2
    history: HistoryLimits = field(default_factory=HistoryLimits)
    references: ReferenceLimits = field(default_factory=ReferenceLimits)

    def failed_rows_allowed(self, rows: int) -> int:
        """How many of `rows` judged rows may fail before the load is refused."""
        return max(self.max_failed_rows, int(self.max_failed_share * rows))

    def gone_rows_allowed(self, alive: int) -> int:
        """How many of `alive` published rows one load may bury."""
        return max(self.max_gone_rows, int(self.max_gone_share * alive))


@dataclass(slots=True)
class _Faults:
    file: str
    found: list[str] = field(default_factory=list)

    def add(self, place: str, what: str, fix: str) -> None:
        self.found.append(f"{self.file}: {place}: {what}; {fix}" if place else f"{self.file}: {what}; {fix}")


def suite_path(obj: SourceObject) -> Path:
    """Where the object's suite lies."""
    return home.repo() / "great_expectations" / "expectations" / obj.system / f"{obj.name}.json"


def load_suite(obj: SourceObject, path: Path | None = None) -> Suite:
    """The object's suite, with what its contract asks for added; from the contract alone where there is no file.

    Raises SuiteError, which names file, place and fix of every fault.
    """
    found = path or suite_path(obj)
    if not found.is_file():
        return Suite(name=obj.full_name, owner=None, expectations=derived(obj, []))
    return parse_suite(found.read_text(encoding="utf-8"), obj, shown_as=_shown(found))


def check_suites(objects: Iterable[SourceObject]) -> list[str]:
    """Faults of all suites, files that belong to no object included; empty when all is well. For `customer360 contracts check`."""
    faults: list[str] = []
    known: set[Path] = set()
    for obj in objects:
        known.add(suite_path(obj))
        try:
            load_suite(obj)
        except SuiteError as error:
            faults += str(error).splitlines()
    folder = home.repo() / "great_expectations" / "expectations"
    strays = sorted(set(folder.glob("*/*.json")) - known)
    return faults + [f"{_shown(path)}: belongs to no declared object; name it <system>/<object>.json, or remove it" for path in strays]


def parse_suite(text: str, obj: SourceObject, *, shown_as: str) -> Suite:
    """Read a suite's text. Raises SuiteError."""
    faults = _Faults(shown_as)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SuiteError(f"{shown_as}: line {error.lineno}, column {error.colno}: {error.msg}; mend the JSON") from None
    if not isinstance(data, dict):
        raise SuiteError(f"{shown_as}: is no JSON object; write a suite: name, meta, expectations")
    _unknown(faults, "", data, _SUITE_KEYS)
    if data.get("name") != obj.full_name:
        faults.add("name", f"is {data.get('name')!r}", f"write {obj.full_name!r}, the object it judges")
    meta = _mapping(faults, "meta", data.get("meta", {}))
    _unknown(faults, "meta", meta, _SUITE_META)
    limits = _limits(faults, meta) | {
        "history": parse_history(meta.get("history", {}), faults.add),
        "references": parse_references(meta.get("references", {}), faults.add),
    }
    entries = data.get("expectations")
    if not isinstance(entries, list) or not entries:
        faults.add("expectations", "is no list with an expectation in it", "add one, or remove the file: the contract's own checks remain")
        entries = []
    read = [e for number, entry in enumerate(entries) if (e := _expectation(faults, f"expectations[{number}]", entry, obj))]
    if faults.found:
        raise SuiteError("\n".join(faults.found))
    own = _numbered(read)
    return Suite(name=obj.full_name, owner=meta.get("owner"), expectations=(*own, *derived(obj, own)), **limits)


def derived(obj: SourceObject, own: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """What the contract asks for and `own` does not say yet: required and unique fields."""
    said = {(e.type, e.columns) for e in own}
    found: list[Expectation] = []

    def add(type_: str, name: str, reason: str) -> None:
        if (type_, (name,)) not in said:
            kwargs = {"column": name}
            found.append(Expectation(id=f"{type_}({name})", type=type_, kwargs=kwargs, severity="critical", level="row", reason=reason))

    for f in obj.fields:
        if f.required and f.name not in obj.key and f.name != obj.extract.cursor:
            add("expect_column_values_to_not_be_null", f.name, "The contract requires this field.")
        if f.unique and obj.key != (f.name,):
            add("expect_column_values_to_be_unique", f.name, "The contract says that this field is unique.")
    return tuple(found)


def _numbered(expectations: list[Expectation]) -> tuple[Expectation, ...]:
    """Ids are unique within a suite: the second of its kind on a column ends in #2."""
    counts: dict[str, int] = {}
    numbered = []
    for e in expectations:
        counts[e.id] = counts.get(e.id, 0) + 1
        numbered.append(e if counts[e.id] == 1 else replace(e, id=f"{e.id}#{counts[e.id]}"))
    return tuple(numbered)


def _expectation(faults: _Faults, place: str, entry: Any, obj: SourceObject) -> Expectation | None:
    before = len(faults.found)
    if not isinstance(entry, dict):
        faults.add(place, "is no JSON object", "write type, kwargs, severity and meta")
        return None
    _unknown(faults, place, entry, _EXPECTATION_KEYS)
    type_ = entry.get("type")
    kind = EXPECTATIONS.get(type_) if isinstance(type_, str) else None
    if kind is None:
        faults.add(f"{place}.type", f"{type_!r} is no expectation we know", f"use one of {', '.join(sorted(EXPECTATIONS))}")
        return None
    place = f"{place} {type_}"
    kwargs = _mapping(faults, f"{place}.kwargs", entry.get("kwargs", {}))
    allowed = {**kind.required, **kind.optional}
    _unknown(faults, f"{place}.kwargs", kwargs, set(allowed))
    for name in kind.required:
        if name not in kwargs:
            faults.add(f"{place}.kwargs", f"lacks {name}", "add it")
    for name, value in kwargs.items():
        if name in allowed:
            _argument(faults, f"{place}.kwargs.{name}", allowed[name], value, obj)
    severity = entry.get("severity", "critical")
    if severity not in SEVERITIES:
        faults.add(f"{place}.severity", f"is {severity!r}", f"use {', '.join(SEVERITIES)}")
    meta = _mapping(faults, f"{place}.meta", entry.get("meta", {}))
    _unknown(faults, f"{place}.meta", meta, _EXPECTATION_META)
    level = meta.get("level")
    _check_meta(faults, place, meta, by_row=kind.by_row)
    if level == "row" and severity == "critical" and "mostly" in kwargs:
        faults.add(
            f"{place}.kwargs.mostly", "lets rows pass that fail", "take it out and set max_failed_share, or make it level load or a warning"
        )
    if len(faults.found) > before:
        return None
    columns = [str(kwargs[name]) for name in ("column", "column_A", "column_B") if name in kwargs] + list(kwargs.get("column_list", ()))
    return Expectation(
        id=f"rows({meta['name']})" if "name" in meta else f"{type_}({', '.join(columns)})",
        type=str(type_),
        kwargs=kwargs,
        severity=severity,
        level=level,  # type: ignore[arg-type]  # checked by _check_meta
        reason=meta["reason"],
        min_rows=meta.get("min_rows", 0),
        first_load_only=meta.get("loads") == "first",
    )


def _check_meta(faults: _Faults, place: str, meta: Mapping[str, Any], *, by_row: bool) -> None:
    level = meta.get("level")
    if level not in ("row", "load"):
        faults.add(f"{place}.meta.level", f"is {level!r}", "write row (the row goes to quarantine) or load (the load is refused)")
    elif level == "row" and not by_row:
        faults.add(f"{place}.meta.level", "this expectation judges a load, not its rows", "write load")
    if not isinstance(meta.get("reason"), str) or not meta["reason"].strip():
        faults.add(f"{place}.meta.reason", "is missing", "say in a sentence why the expectation exists")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(meta.get("name", "x"))):
        faults.add(f"{place}.meta.name", f"is {meta['name']!r}", "write a word such as amounts_add_up")
    if not _is_whole(meta.get("min_rows", 0)):
        faults.add(f"{place}.meta.min_rows", f"is {meta.get('min_rows')!r}", "write a number of rows")
    if level == "row" and ("min_rows" in meta or "loads" in meta):
        faults.add(f"{place}.meta", "min_rows and loads are for level load", "take them out: a bad row is bad in any load")
    if meta.get("loads", "first") != "first":
        faults.add(f"{place}.meta.loads", f"is {meta['loads']!r}", "write first, or leave it out")


def _argument(faults: _Faults, place: str, kind: Argument, value: Any, obj: SourceObject) -> None:
    names = {f.name for f in obj.fields}
    if kind in ("column", "columns"):
        for column in [value] if kind == "column" else value if isinstance(value, list) else [None]:
            if column not in names:
                faults.add(place, f"{obj.full_name} declares no field {column!r}", f"use one of {', '.join(sorted(names))}")
        return
    fitting = {
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "bound": value is None or (isinstance(value, int | float | str) and not isinstance(value, bool)),
        "text": isinstance(value, str) and bool(value),
        "flag": isinstance(value, bool),
        "list": isinstance(value, list) and bool(value),
        "texts": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "any": True,
    }[kind]
    if not fitting:
        faults.add(place, f"{value!r} is no {kind}", f"write a {kind}")
    elif place.endswith(".mostly") and not 0 < value <= 1:
        faults.add(place, f"is {value!r}", "write a share above 0, at most 1")
    elif place.endswith(".unexpected_rows_query") and not _ROWS_QUERY.match(value):
        faults.add(place, "selects something else", "write SELECT _row_number FROM {batch} WHERE <condition that a bad row meets>")
    elif place.endswith("regex"):
        _regex(faults, place, value)


def _regex(faults: _Faults, place: str, value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        faults.add(place, f"is no regular expression: {error}", "mend it")


def _limits(faults: _Faults, meta: Mapping[str, Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for name in ("max_failed_rows", "max_gone_rows"):
        if name in meta:
            limits[name] = meta[name]
            if not _is_whole(meta[name]):
                faults.add(f"meta.{name}", f"is {meta[name]!r}", "write a whole number from 0 on")
    for name in ("max_failed_share", "max_gone_share"):
        if name in meta:
            limits[name] = meta[name]
            if not isinstance(meta[name], int | float) or isinstance(meta[name], bool) or not 0 <= meta[name] <= 1:
                faults.add(f"meta.{name}", f"is {meta[name]!r}", "write a share from 0 to 1")
    return limits


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _mapping(faults: _Faults, place: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    faults.add(place, "is no JSON object", "write {…}")
    return {}


def _unknown(faults: _Faults, place: str, given: Mapping[str, Any], known: set[str]) -> None:
    for key in sorted(set(given) - known):
        faults.add(f"{place}.{key}" if place else key, "is no key we know", f"use {', '.join(sorted(known))}")


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(home.repo()))
    except (ValueError, UserError):
        return path.name
