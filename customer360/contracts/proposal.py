"""A change of a contract that declares the fields its source has begun to send. Pure; comments, order and layout of the file stay."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from customer360.contracts.document import parse
from customer360.errors import UserError

UNJUDGED = "personal.free_text"
"""Classification of a field nobody has looked at: masked for analysts until somebody says otherwise."""


class ProposalError(UserError):
    """The contract's file is laid out so that nothing can be added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField:
    """A field to declare. `source_name`: as the source calls it. `logical_type`: ODCS's."""

    source_name: str
    logical_type: str

    @property
    def name(self) -> str:
        """The column's name: lower case, words joined by underscores."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.source_name)
        name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
        return name if name[:1].isalpha() else f"field_{name}"


def propose(text: str, *, file: str, object_name: str, fields: Sequence[NewField]) -> str:
    """The contract's text with the fields declared after the last one of the object. Raises ProposalError, ContractError."""
    if not fields:
        return text
    document = parse(text.encode(), shown_as=file)
    schema = document.data.get("schema") or []
    position = next((number for number, entry in enumerate(schema) if entry.get("name") == object_name), None)
    if position is None or not schema[position].get("properties"):
        raise ProposalError(f"{file}: {object_name} has no properties to add to; write the first one by hand")
    entries = schema[position]["properties"]
    taken = {str(entry.get("name")) for entry in entries}
    last = document.lines[("schema", position, "properties", len(entries) - 1)]
    lines = text.splitlines(keepends=True)
    dash = re.match(r"( *)- ", lines[last - 1])
    if dash is None:
        raise ProposalError(f"{file}, line {last}: properties are not a list with a line for each; write them so")
    end = _end(lines, last, len(dash[1]))
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    added = [f"{dash[1]}- {_entry(field, taken)}\n" for field in fields]
    return "".join([*lines[:end], *added, *lines[end:]])


def diff(before: str, after: str, *, file: str) -> str:
    """The change as a unified diff that `git apply` takes."""
    return "".join(difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}"))


def logical_type(kinds: Iterable[str], fits: Iterable[str]) -> str:
    """The type to declare for JSON kinds of value; `fits`: types that every string of it can be read as."""
    seen = set(kinds) - {"null"}
    if seen == {"string"}:
        return next((wanted for wanted in ("boolean", "integer", "number", "date", "timestamp") if wanted in set(fits)), "string")
    if seen == {"number"}:
        return "integer" if "integer" in set(fits) else "number"
    return next(iter(seen)) if len(seen) == 1 and seen <= {"boolean", "object", "array"} else "string"


def _end(lines: Sequence[str], start: int, indent: int) -> int:
    """The line after which the entry that begins on line `start` (from 1) is over; blank lines and comments behind it stay behind."""
    end = start
    for number in range(start, len(lines)):
        line = lines[number]
        if line.strip() and not line.lstrip().startswith("#"):
            if len(line) - len(line.lstrip(" ")) <= indent:
                break
            end = number + 1
    return end


def _entry(field: NewField, taken: set[str]) -> str:
    name = field.name
    while name in taken:
        name += "_2"
    taken.add(name)
    source = "" if name == field.source_name else f", physicalName: {_quoted(field.source_name)}"
    said = 'description: "Undeclared until now: say what it is, and whether it is personal."'
    return f"{{name: {name}{source}, logicalType: {field.logical_type}, classification: {UNJUDGED}, {said}}}"


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
