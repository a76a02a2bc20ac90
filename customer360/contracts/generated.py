"""Files that are written from the contracts and committed: where they stand, and whether they are current."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from customer360.contracts import data_map, dbt_sources
from customer360.contracts.model import SourceContract
from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.platform import home

Render = Callable[[Mapping[str, SourceContract]], str]

# what -> (path in the checkout, renderer)
FILES: Mapping[str, tuple[str, Render]] = MappingProxyType(
    {
        "data-map": ("docs/data-map.md", data_map.render),
        "sources": ("dbt_project/models/sources.yml", dbt_sources.render),
    }
)


class NotCurrent(UserError):
    """A committed file does not say what the contracts say."""


def write(what: str) -> Path:
    """Write one of FILES from the checkout's own contracts (not those of `C360_CONTRACTS`), when it is not current; returns its path."""
    path, text = _rendered(what)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def check(what: str) -> Path:
    """Raise NotCurrent when the committed file differs from what `write` would write; returns its path."""
    path, text = _rendered(what)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        raise NotCurrent(f"{FILES[what][0]} is not current; run `customer360 contracts {what}` and commit it")
    return path


def _rendered(what: str) -> tuple[Path, str]:
    name, render = FILES[what]
    return home.repo() / name, render(load_contracts(home.repo() / "contracts"))
