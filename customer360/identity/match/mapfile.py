"""The map of a people file: which column holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from customer360.errors import UserError
from customer360.identity.standardise import SEMANTIC_TYPES

_KEYS = ("record_id", "source", "region", "columns")


class MapError(UserError):
    """A map that cannot be used: which file, where in it, how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleMap:
    """`record_id` and `source` name columns; `columns` gives the semantic type of each further column, in the file's order.

    `region`: the country (ISO 3166-1 alpha-2) that phone numbers and day-month order are read in; optional.
    """

    record_id: str
    columns: Mapping[str, str]
    source: str | None = None
    region: str | None = None


def read_map(path: Path) -> PeopleMap:
    """Reads and checks a map. Raises MapError with file, place and fix."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - BaseLoader only makes text, lists and dictionaries
    except OSError as problem:
        raise MapError(f"{path}: cannot be read ({problem.strerror}). Give the path of the map file.") from None
    except UnicodeDecodeError:
        raise MapError(f"{path}: is not UTF-8 text. Save it as UTF-8.") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise MapError(f"{path}: {place}: {getattr(problem, 'problem', None) or 'not valid YAML'}. Mend the YAML there.") from None
    if not isinstance(document, dict):
        raise MapError(f"{path}: holds no mapping. It needs the keys record_id and columns.")
    for key in document:
        if key not in _KEYS:
            raise MapError(f"{path}: {key}: unknown key. {_nearest(str(key), _KEYS)}")
    return PeopleMap(
        record_id=_name(document, "record_id", path, required=True) or "",
        source=_name(document, "source", path),
        region=_region(document, path),
        columns=_columns(document, path),
    )


def check_columns(people: PeopleMap, header: list[str], map_path: Path, records_path: Path) -> None:
    """Raises MapError for a mapped column that the records file does not have."""
    wanted = {"record_id": people.record_id, "source": people.source, **{f"columns.{name}": name for name in people.columns}}
    for place, column in wanted.items():
        if column is not None and column not in header:
            raise MapError(f"{map_path}: {place}: {records_path} has no column {column!r}. {_nearest(column, header)}")


class _UniqueKeys(yaml.BaseLoader):
    """YAML in which everything is text (a column may be called `no`) and no key stands twice (the second would silently win)."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key_node.value!r} stands twice", key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _name(document: dict[str, Any], key: str, path: Path, *, required: bool = False) -> str | None:
    value = document.get(key)
    if not value and not required:
        return None
    if not isinstance(value, str) or not value:
        raise MapError(f"{path}: {key}: {'must be text' if value else 'is missing'}. Give the name of a column, as in `{key}: id`.")
    return value


def _region(document: dict[str, Any], path: Path) -> str | None:
    value = document.get("region")
    if not value:
        return None
    if not isinstance(value, str) or len(value) != 2 or not value.isalpha():
        raise MapError(f"{path}: region: must be a country code of two letters, as in `region: DE`.")
    return value.upper()


def _columns(document: dict[str, Any], path: Path) -> dict[str, str]:
    columns = document.get("columns")
    if not isinstance(columns, dict) or not columns:
        raise MapError(f"{path}: columns: must list at least one column with its semantic type, as in `email: email`.")
    for column, semantic_type in columns.items():
        if semantic_type not in SEMANTIC_TYPES:
            raise MapError(
                f"{path}: columns.{column}: unknown semantic type {semantic_type!r}. {_nearest(str(semantic_type), SEMANTIC_TYPES)}"
            )
        if column in (document.get("record_id"), document.get("source")):
            raise MapError(f"{path}: columns.{column}: is the record_id or source already. Take it out of columns.")
    return dict(columns)


def _nearest(given: str, known: tuple[str, ...] | list[str]) -> str:
    close = get_close_matches(given, known, n=1)
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Known: {', '.join(known)}."
