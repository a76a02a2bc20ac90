"""A folder of daily pages: the newest under one name, the last few under theirs."""

from __future__ import annotations

from pathlib import Path

from customer360.platform import home

LATEST = "latest.html"
MOST = 60
"""Pages kept in a folder; older ones go."""


def keep(folder: Path, name: str, content: bytes, *, pattern: str) -> Path:
    """Write a page into the folder, and as `latest.html`; of the others that fit `pattern` the last by name stay. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    home.write_page(path, content)
    home.write_page(folder / LATEST, content)
    for old in sorted(folder.glob(pattern))[:-MOST]:
        old.unlink()
    return path
