"""The survivorship rules, read from dbt's seeds and checked: which attributes there are, which are ranked together, and how.

dbt loads the same files. Read here first, a slip is told with file and line before anything is built.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from customer360.contracts.vocabulary import SEMANTIC_TYPES
from customer360.errors import UserError

SEEDS = Path("dbt_project/seeds")
STRATEGIES = ("pinned", "verified_first", "source_priority", "most_recent", "most_frequent", "most_complete", "longest")
_SHOWN_AS = ("raw", "standardised")

Row = Mapping[str, str]


class RulesError(UserError):
    """The seeds of the golden record contradict themselves or name what does not exist."""


class Calibration(NamedTuple):
    """How a group's evidence (log-odds) becomes confidence; a slope of 1 and an offset of 0 leave it as it is."""

    slope: float
    offset: float

    def confidence(self, evidence: float) -> float:
        """0 to 1, as macros/golden_confidence.sql computes it."""
        return 1 / (1 + math.exp(-(self.offset + self.slope * evidence)))


UNCALIBRATED = Calibration(1.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRules:
    """`groups`: attributes of each group, in the seed's order; a group is ranked, pinned and shown as a unit. `strategies`: its rules,
    weightiest first. `shown_as`: raw or standardised, per attribute. `calibrations`: of each group."""

    groups: Mapping[str, tuple[str, ...]]
    strategies: Mapping[str, tuple[str, ...]]
    shown_as: Mapping[str, str]
    calibrations: Mapping[str, Calibration]


def read_rules(repo: Path) -> GoldenRules:
    """The rules of the checkout `repo`. Raises RulesError naming every problem with its file, line and mend."""
    problems: list[str] = []
    tables = {name: _Table.read(repo / SEEDS / f"{name}.csv", columns, problems) for name, columns in _COLUMNS.items()}
    if not problems:
        known = {row["attribute_group"] for _, row in tables["golden_groups"].rows}
        for name, check in _CHECKS.items():
            problems += [f"{tables[name].path}, line {line}: {text}" for line, text in check(tables[name], known)]
        problems += _unruled(tables)
    if problems:
        raise RulesError("the rules of the golden record cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))
    return _rules(tables)


def write_calibrations(repo: Path, calibrations: Mapping[str, Calibration]) -> Path:
    """Put the groups' new calibrations into golden_groups.csv of the checkout `repo`; all else in it stays. Returns its path.

    Takes effect with the next full build.
    """
    path = repo / SEEDS / "golden_groups.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames or (), list(reader)
    for row in rows:
        if found := calibrations.get(row["attribute_group"]):
            row |= {"evidence_slope": f"{found.slope:g}", "evidence_offset": f"{found.offset:g}"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@dataclass(frozen=True, slots=True)
class _Table:
    """A seed; each row with the line it stands on."""

    path: Path
    rows: list[tuple[int, Row]]

    @classmethod
    def read(cls, path: Path, columns: tuple[str, ...], problems: list[str]) -> _Table:
        shown = SEEDS / path.name
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                found = tuple(reader.fieldnames or ())
                if set(found) != set(columns):
                    problems.append(f"{shown}, line 1: the columns are {', '.join(found) or 'missing'}; they must be {', '.join(columns)}")
                    return cls(shown, [])
                rows: list[tuple[int, Row]] = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            problems.append(f"{shown}: cannot be read ({error}); it must be a CSV file in UTF-8")
            return cls(shown, [])
        ragged = [line for line, row in rows if None in row or None in row.values()]
        problems += [f"{shown}, line {line}: has not {len(columns)} values" for line in ragged]
        return cls(shown, rows)


_COLUMNS: dict[str, tuple[str, ...]] = {
    "golden_groups": ("attribute_group", "has_one_value", "wrong_values", "half_life_days", "evidence_slope", "evidence_offset"),
    "golden_attributes": ("attribute", "attribute_group", "shown_as"),
    "survivorship_rules": ("attribute_group", "position", "strategy"),
    "source_priorities": ("attribute_group", "source_object", "priority", "reliability"),
}
Problems = Iterator[tuple[int, str]]


def _check_groups(table: _Table, known: set[str]) -> Problems:
    yield from _repeated(table, "attribute_group")
    for line, row in table.rows:
        if row["has_one_value"].lower() not in ("true", "false"):
            yield line, f"has_one_value is {row['has_one_value']!r}; write true or false"
        if not _is_number(row["wrong_values"], at_least=1):
            yield line, f"wrong_values is {row['wrong_values']!r}; write a whole number from 1"
        if not _is_number(row["half_life_days"], at_least=0):
            yield line, f"half_life_days is {row['half_life_days']!r}; write a number of days, 0 for what never changes"
        if not _is_real(row["evidence_slope"], above=0):
            yield line, f"evidence_slope is {row['evidence_slope']!r}; write a number above 0, 1 where nothing was calibrated"
        if not _is_real(row["evidence_offset"]):
            yield line, f"evidence_offset is {row['evidence_offset']!r}; write a number, 0 where nothing was calibrated"


def _check_attributes(table: _Table, known: set[str]) -> Problems:
    yield from _repeated(table, "attribute")
    yield from _unknown_groups(table, known)
    for line, row in table.rows:
        if row["attribute"] not in SEMANTIC_TYPES:
            yield line, f"no semantic type is called {row['attribute']!r}; there are {', '.join(sorted(SEMANTIC_TYPES))}"
        if row["shown_as"] not in _SHOWN_AS:
            yield line, f"shown_as is {row['shown_as']!r}; write {' or '.join(_SHOWN_AS)}"


def _check_strategies(table: _Table, known: set[str]) -> Problems:
    yield from _repeated(table, "attribute_group", "position")
    yield from _repeated(table, "attribute_group", "strategy")
    yield from _unknown_groups(table, known)
    for line, row in table.rows:
        if row["strategy"] not in STRATEGIES:
            yield line, f"no strategy is called {row['strategy']!r}; there are {', '.join(STRATEGIES)}"
        if not _is_number(row["position"], at_least=1):
            yield line, f"position is {row['position']!r}; write a whole number, 1 weighs most"


def _check_priorities(table: _Table, known: set[str]) -> Problems:
    yield from _repeated(table, "attribute_group", "source_object")
    yield from _unknown_groups(table, known)
    for line, row in table.rows:
        if row["source_object"].count(".") != 1:
            yield line, f"{row['source_object']!r} is no source object; write <system>.<object>, such as crm.contacts"
        if not _is_number(row["priority"], at_least=1):
            yield line, f"priority is {row['priority']!r}; write a whole number, 1 is trusted most"
        if not _is_share(row["reliability"]):
            yield line, f"reliability is {row['reliability']!r}; write a share between 0 and 1, such as 0.9"


_CHECKS: dict[str, Callable[[_Table, set[str]], Problems]] = {
    "golden_groups": _check_groups,
    "golden_attributes": _check_attributes,
    "survivorship_rules": _check_strategies,
    "source_priorities": _check_priorities,
}


def _unknown_groups(table: _Table, known: set[str]) -> Problems:
    for line, row in table.rows:
        if row["attribute_group"] not in known:
            yield line, f"no attribute group is called {row['attribute_group']!r}; golden_groups.csv has {', '.join(sorted(known))}"


def _repeated(table: _Table, *columns: str) -> Problems:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in table.rows:
        key = tuple(row[column] for column in columns)
        if key in seen:
            yield line, f"repeats {' '.join(key)} of line {seen[key]}"
        seen.setdefault(key, line)


def _unruled(tables: Mapping[str, _Table]) -> list[str]:
    """Attributes that could have no winner: nobody says how theirs is chosen."""
    ruled = {row["attribute_group"] for _, row in tables["survivorship_rules"].rows}
    return [
        f"{tables['golden_attributes'].path}, line {line}: nothing says how {row['attribute_group']} is chosen; add its strategies to "
        "survivorship_rules.csv"
        for line, row in tables["golden_attributes"].rows
        if row["attribute_group"] not in ruled
    ]


def _rules(tables: Mapping[str, _Table]) -> GoldenRules:
    groups: dict[str, list[str]] = {}
    for _, row in tables["golden_attributes"].rows:
        groups.setdefault(row["attribute_group"], []).append(row["attribute"])
    ordered = sorted((row for _, row in tables["survivorship_rules"].rows), key=lambda row: int(row["position"]))
    return GoldenRules(
        groups={group: tuple(attributes) for group, attributes in groups.items()},
        strategies={group: tuple(row["strategy"] for row in ordered if row["attribute_group"] == group) for group in groups},
        shown_as={row["attribute"]: row["shown_as"] for _, row in tables["golden_attributes"].rows},
        calibrations={
            row["attribute_group"]: Calibration(float(row["evidence_slope"]), float(row["evidence_offset"]))
            for _, row in tables["golden_groups"].rows
        },
    )


def _is_number(text: str, *, at_least: int) -> bool:
    return text.isascii() and text.isdigit() and int(text) >= at_least


def _is_share(text: str) -> bool:
    return _is_real(text, above=0) and float(text) < 1


def _is_real(text: str, *, above: float = -math.inf) -> bool:
    try:
        return above < float(text) < math.inf
    except ValueError:
        return False
