"""Identity resolution in PostgreSQL: the first full run, and runs with 1,000 changed records, at two sizes of population.

For each size a PostgreSQL of its own is made under a temporary folder and its raw tables are filled (see `crowd`); a model is trained on
those records, for blocking is part of the model and belongs to a population. Then, each in a process of its own:

- a first full run, from raw to customers;
- runs that each follow 1,000 changed records (new, changed and deleted ones) in a warm process, as live runs are. The first is not counted.

Goals: the median run after 1,000 changes takes no more than twice as long at the largest size as at the smallest, and the Python side of
no run takes more than 4 GB. CPU seconds are those of Python and of PostgreSQL together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

GOAL_GROWTH = 2.0
GOAL_MEMORY = 4_000  # MB of the Python process
CHANGED = 1_000
_MODEL = "C360_BENCHMARK_MODEL"  # path, in the environment of the phases


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


# ---------------------------------------------------------------------------------------------- inside a phase's process
def fill(records: int) -> dict[str, Any]:
    """Make the population and train its model."""
    from benchmarks import crowd
    from customer360.warehouse.connections import connect

    people = crowd.crowd(int(records / crowd.RECORDS_PER_PERSON), seed=records)
    with connect() as connection:
        connection.autocommit = False
        count = crowd.fill(connection, people, seed=records)
    with connect() as connection:
        connection.autocommit = True
        connection.execute("vacuum analyze")
    return {"records": count}


def train() -> dict[str, Any]:
    """A model for the records as they lie in raw."""
    from customer360.pipeline import models

    model = models.train(progress=say)
    model.save(Path(os.environ[_MODEL]))
    return {"rules": [rule["blocking_rule"] for rule in model.splink["blocking_rules_to_generate_predictions"]]}


def full() -> dict[str, Any]:
    """The first run."""
    return {"first": _resolve(progress=say)}


def incremental(records: int, *, cycles: int) -> dict[str, Any]:
    """Runs after changes, and one that finds nothing to do at the end: the full run that must agree."""
    import numpy as np

    from benchmarks.changes import change

    random = np.random.default_rng(records)
    measured = []
    for cycle in range(cycles + 1):
        change(CHANGED, random)
        found = _resolve()
        if found["mode"] != "incremental":
            raise SystemExit(f"the run after changes was {found['mode']}")
        say(f"run {cycle} of {cycles}: {found['elapsed']:.2f} s, {found['counts']}")
        measured.append(found)
    return {"runs": measured[1:]}


def again() -> dict[str, Any]:
    """A full run after the incremental ones."""
    return {"again": _resolve(full=True, progress=say)}


def _resolve(*, full: bool = False, progress: Any = None) -> dict[str, Any]:
    from dataclasses import replace

    from customer360.identity.match.model import Model
    from customer360.pipeline.resolve import read_rules, resolve

    rules = replace(read_rules(), model=Model.load(Path(os.environ[_MODEL])))
    server = psutil.Process(int(os.environ["C360_BENCHMARK_SERVER"]))
    python_before, server_before = time.process_time(), _server_seconds(server)
    began = time.perf_counter()
    outcome = resolve(full=full, rules=rules, progress=progress)
    elapsed = time.perf_counter() - began
    if outcome.state == "refused":
        raise SystemExit(f"the identity gate refused the run: {outcome.told_breaches}")
    time.sleep(0.3)  # the session's process ends, and its time is counted
    return {
        "mode": outcome.mode,
        "state": outcome.state,
        "elapsed": elapsed,
        "python": time.process_time() - python_before,
        "server": _server_seconds(server) - server_before,
        "seconds": outcome.seconds,
        "counts": outcome.counts,
    }


def _server_seconds(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


# ---------------------------------------------------------------------------------------------------------- the parent
def measure(records: int, *, cycles: int, model: Path | None, compare: bool) -> dict[str, Any]:
    """All phases at one size."""
    with tempfile.TemporaryDirectory(prefix="c360-resolve-") as folder, _warehouse(Path(folder)) as environment:
        environment |= {_MODEL: str(model or Path(folder) / "model.json")}
        found: dict[str, Any] = {}
        phases = ["fill", *([] if model else ["train"]), "full", "incremental", *(["again"] if compare else [])]
        for phase in phases:
            say(f"{records:,} records: {phase}")
            into = Path(folder) / f"{phase}.json"
            command = [sys.executable, "-m", "benchmarks.resolve", "--phase", phase, "--size", str(records), "--into", str(into)]
            subprocess.run([*command, "--cycles", str(cycles)], env=os.environ | environment, check=True)
            told = json.loads(into.read_text())
            found |= told | {f"{phase}_memory": told["memory"]}
        return found


@contextmanager
def _warehouse(folder: Path) -> Iterator[dict[str, str]]:
    """A migrated warehouse in a server of its own; the environment that leads to it."""
    from customer360.platform import home
    from customer360.warehouse.connections import connect
    from customer360.warehouse.embedded import EmbeddedServer
    from customer360.warehouse.migrations import migrate

    server = EmbeddedServer(folder / "pg", home.unused_port(), password=secrets.token_urlsafe(12))
    server.start()
    try:
        import psycopg

        with psycopg.connect(server.uri(), autocommit=True) as connection:
            connection.execute("create database customer360")
        environment = {"C360_HOME": str(folder / "home"), "C360_CONN_WAREHOUSE": server.uri("customer360")}
        os.environ.update(environment)
        with connect() as warehouse:
            migrate(warehouse)
        environment["C360_BENCHMARK_SERVER"] = (folder / "pg" / "postmaster.pid").read_text().split()[0]
        yield environment
    finally:
        server.stop()


def report(by_size: dict[int, dict[str, Any]]) -> bool:
    """Print seconds per step, memory and growth; True when the goals are met."""
    lines = []
    for found in by_size.values():
        lines.append(f"{found['records']:,} records")
        shown = [("first full run", found["first"], found["full_memory"])]
        shown += [("1,000 changes", _median_run(found["runs"]), found["incremental_memory"])]
        if "again" in found:
            shown.append((f"full run again ({found['again']['state']})", found["again"], found["again_memory"]))
        for name, run, memory in shown:
            steps = "  ".join(f"{step} {seconds:.2f}" for step, seconds in run["seconds"].items())
            lines.append(
                f"  {name:<16} {run['elapsed']:>8.2f} s   CPU {run['python']:>7.1f} s python, {run['server']:>7.1f} s server   "
                f"peak {memory:>6,.0f} MB   ({steps})"
            )
        lines.append(f"  {'':<16} {found['first']['counts']['customers']:,} customers, {found['first']['counts']['edges_added']:,} edges")
    smallest, largest = min(by_size), max(by_size)
    medians = {size: _median_run(found["runs"])["elapsed"] for size, found in by_size.items()}
    growth = medians[largest] / medians[smallest]
    memory = max(value for found in by_size.values() for name, value in found.items() if name in {"full_memory", "incremental_memory"})
    flat, small = growth <= GOAL_GROWTH, memory <= GOAL_MEMORY
    lines.append(
        f"1,000 changes at {largest:,} / at {smallest:,}: {medians[largest]:.2f} s / {medians[smallest]:.2f} s = {growth:.2f}, "
        f"goal <= {GOAL_GROWTH:g}: {'met' if flat else 'MISSED'}"
    )
    busy = {size: _median_run(found["runs"])["python"] + _median_run(found["runs"])["server"] for size, found in by_size.items()}
    lines.append(
        f"the same in CPU seconds, for a machine that does other things too: {busy[largest]:.2f} / {busy[smallest]:.2f} "
        f"= {busy[largest] / busy[smallest]:.2f}"
    )
    lines.append(f"peak memory of Python: {memory:,.0f} MB, goal <= {GOAL_MEMORY:,} MB: {'met' if small else 'MISSED'}")
    sys.stdout.write("\n".join(lines) + "\n")
    return flat and small


def _median_run(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of each figure over the runs."""
    steps = runs[0]["seconds"]
    return {
        **{name: statistics.median(run[name] for run in runs) for name in ("elapsed", "python", "server")},
        "seconds": {step: statistics.median(run["seconds"][step] for run in runs) for step in steps},
    }


def main() -> int:
    """Measure all sizes and report; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.resolve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="source records (default: 100000 1000000)")
    parser.add_argument("--cycles", type=int, default=5, help="runs after 1,000 changes counted per size (default: 5)")
    parser.add_argument("--model", type=Path, help="a model file to use at every size instead of one trained on each population")
    parser.add_argument("--compare", action="store_true", help="a full run at the end, which should find what the incremental ones left")
    parser.add_argument("--phase", choices=["fill", "train", "full", "incremental", "again"], help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        phases = {
            "fill": lambda: fill(given.size),
            "train": train,
            "full": full,
            "incremental": lambda: incremental(given.size, cycles=given.cycles),
            "again": again,
        }
        found = phases[given.phase]()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        given.into.write_text(json.dumps(found | {"memory": memory}))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then too
    by_size = {size: measure(size, cycles=given.cycles, model=given.model, compare=given.compare) for size in given.sizes}
    return 0 if report(by_size) else 1


if __name__ == "__main__":
    sys.exit(main())
