"""The reviewed data tables beside this module, read once. One entry a line, '#' starts a comment."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def _lines(name: str) -> list[str]:
    content = files("customer360.identity.standardise").joinpath("data", name).read_text(encoding="utf-8")
    stripped = (line.split("#", 1)[0].strip() for line in content.splitlines())
    return [line for line in stripped if line]


@cache
def words(name: str) -> frozenset[str]:
    """`data/<name>.txt` as a set of entries."""
    return frozenset(_lines(f"{name}.txt"))


@cache
def table(name: str) -> dict[str, tuple[str, ...]]:
    """`data/<name>.csv`: first field → the further fields of its line."""
    return {first: tuple(rest) for first, *rest in ([cell.strip() for cell in line.split(",")] for line in _lines(f"{name}.csv"))}


@cache
def mapping(name: str) -> dict[str, str]:
    """`data/<name>.csv`: first field is the standard form, every further field of the line a spelling of it.

    The first line that names a spelling wins.
    """
    found: dict[str, str] = {}
    for standard, spellings in table(name).items():
        for spelling in (standard, *spellings):
            found.setdefault(spelling, standard)
    return found
