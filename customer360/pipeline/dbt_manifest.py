"""The parsed dbt project, kept: on disk for every process of this platform, in memory for the later runs of one process and for its forks.

dbt reads its parse cache and compares every file again for each invocation, half a second of CPU, and parses all of the project, five
seconds, where the database has another name than at the last parse. Nothing the parse depends on changes between two tasks of a night:
the state of the project's files, dbt's version and the database's name, which each node carries. Where these are the same, the manifest is.
The variable `live` is no part of it: what depends on it is asked when a model runs (macros/live.sql).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from customer360.platform import home

_CACHE = "partial_parse.msgpack"  # dbt's own, in its target folder
_STATE = "parsed.json"  # ours, beside it: what it was made from
_NOT_SOURCE = frozenset({"target", "logs"})


@dataclass(frozen=True, slots=True)
class _Kept:
    state: str
    manifest: Any


_kept: _Kept | None = None


def folder() -> Path:
    """Where this platform's parsed project lies: beside $C360_DBT_MANIFEST, which Airflow's DAGs are made from, else below $C360_HOME."""
    named = os.environ.get("C360_DBT_MANIFEST")
    return Path(named).parent if named else home.home() / "dbt" / "manifest"


def current(project: Path, database: str, parse: Callable[[Path], Any]) -> Any:
    """The manifest of the project as its files are now: from memory, from disk, or by `parse`, which gets the folder to parse into."""
    global _kept
    wanted = _state(project, database)
    if _kept is None or _kept.state != wanted:
        _kept = _read(folder(), wanted) or _Kept(wanted, _parsed(folder(), wanted, parse))
    return _kept.manifest


def made(target: Path, project: Path, database: str, parse: Callable[[Path], Any]) -> Path:
    """manifest.json in `target`, made anew only if the project is not what it was made from."""
    path = target / "manifest.json"
    wanted = _state(project, database)
    if not (path.exists() and _recorded(target) == wanted):
        _parsed(target, wanted, parse)
    return path


def preload() -> None:
    """Keeps what is on disk, whatever it was made from: whoever asks for it compares. For processes that are about to be forked."""
    global _kept
    _kept = _read(folder(), _recorded(folder()))


def _state(project: Path, database: str) -> str:
    """A digest of all that the parse depends on."""
    files = [
        (os.path.join(parent, name), os.stat(os.path.join(parent, name)))  # noqa: PTH116, PTH118  # 300 files: ten times faster
        for parent, _, names in _walk(project)
        for name in names
    ]
    told = [(path, found.st_mtime_ns, found.st_size) for path, found in sorted(files)]
    parts = (str(project), version("dbt-core"), version("dbt-postgres"), database, told)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _walk(project: Path) -> Any:
    for parent, folders, names in os.walk(project):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE]
        yield parent, folders, names


def _recorded(target: Path) -> str | None:
    """The state that the parse cache in this folder was made from; None without one, or when dbt has written it again since."""
    try:
        known = json.loads((target / _STATE).read_text())
        found = (target / _CACHE).stat()
    except (OSError, ValueError):
        return None
    return str(known["state"]) if known["cache"] == [found.st_mtime_ns, found.st_size] else None


def _read(target: Path, wanted: str | None) -> _Kept | None:
    if wanted is None or _recorded(target) != wanted:
        return None
    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack((target / _CACHE).read_bytes())  # type: ignore[no-untyped-call,unused-ignore]
    manifest.build_parent_and_child_maps()  # as dbt does when no file has changed
    manifest.build_flat_graph()
    return _Kept(wanted, manifest)


def _parsed(target: Path, wanted: str, parse: Callable[[Path], Any]) -> Any:
    """Parses into a folder, one process at a time."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _read(target, wanted):  # another process has done it meanwhile
            return found.manifest
        (target / _STATE).unlink(missing_ok=True)
        manifest = parse(target)
        written = (target / _CACHE).stat()
        partial = target / f".{_STATE}"
        partial.write_text(json.dumps({"state": wanted, "cache": [written.st_mtime_ns, written.st_size]}))
        partial.replace(target / _STATE)
    return manifest
