"""Folders of people files with known truth (`records.csv`, `truth.csv`, `map.yml`), by name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def named(default: Path | None = None) -> list[Path]:
    """What `C360_PEOPLE_FOLDERS` names, separated by colons; without it the default where that is there."""
    given = [Path(each) for each in os.environ.get("C360_PEOPLE_FOLDERS", "").split(":") if each]
    return given or ([default] if default is not None and default.is_dir() else [])


def people_folders(places: Sequence[Path]) -> dict[str, Path]:
    """The people folders among these and right below them, in order of name."""
    found = [folder for place in places for folder in (place, *sorted(place.glob("*"))) if (folder / "map.yml").is_file()]
    return {folder.name: folder for folder in sorted(found, key=lambda folder: folder.name)}
