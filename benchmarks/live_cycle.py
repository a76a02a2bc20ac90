"""A live cycle: from the start of ingest to the golden record after 100 changes, and how it grows with the population.

For each size a platform of its own (embedded PostgreSQL and sandbox, without Airflow) is made under a temporary folder, or one per
size under `--keep`, which a later run takes up where it was left; it is loaded and built once in full (20 minutes for 200,000). Then
time passes in the sandbox, 100 changes at a time, and each cycle runs the steps that the live DAGs run, in one warm process, as
Airflow's preloaded workers do: ingest of every system, resolve, one dbt run. The first cycle warms up and is not counted.

CPU seconds are those of the process and of the warehouse's server: on a machine that does other things too they tell growth better.

Goals: the median cycle is under 10 s at the smaller size, and at ten times the population no more than 1.5 times that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

STEPS = ("ingest", "resolve", "build")
GOAL_SECONDS = 10.0
GOAL_GROWTH = 1.5


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


Seconds = tuple[float, float]  # wall clock, CPU


def _cpu_seconds(server: Path) -> float:
    """CPU seconds so far of this process and of the PostgreSQL in a data folder, its ended sessions included."""
    import psutil

    postmaster = psutil.Process(int((server / "postmaster.pid").read_text().split()[0]))
    spent = [postmaster.cpu_times(), *(session.cpu_times() for session in postmaster.children())]
    return time.process_time() + sum(one.user + one.system for one in spent) + spent[0].children_user + spent[0].children_system


def measure(customers: int, *, cycles: int, changes: int) -> dict[str, list[Seconds]]:
    """Seconds per step of each counted cycle, on a platform made for this. Must run in a process of its own: the home is the process's."""
    from customer360.contracts.reader import load_contracts
    from customer360.pipeline import build, ingest, live, resolve
    from customer360.platform import home, lifecycle
    from sandbox import advance

    def ingest_all() -> None:
        for system in load_contracts():
            for outcome in ingest.ingest_system(system):
                if outcome.state not in ("published", "nothing_new"):
                    raise SystemExit(f"{outcome.system}.{outcome.object} ended {outcome.state}")

    seconds: dict[str, list[Seconds]] = {step: [] for step in STEPS}

    def timed(step: str, work: Callable[[], object], *, counts: bool) -> None:
        started, spent = time.perf_counter(), _cpu_seconds(home.home() / "postgres")
        work()
        if counts:
            seconds[step].append((time.perf_counter() - started, _cpu_seconds(home.home() / "postgres") - spent))

    def first_run() -> None:
        """Each part may be repeated: what an interrupted benchmark did of it is found done."""
        say("first load")
        ingest_all()
        say("first resolution")
        resolve.resolve(progress=say)
        say("first build")
        build.build(live=False).raise_for_failure()

    built = home.home() / "built"
    try:
        lifecycle.up(say, customers=customers, airflow=False)
        if not built.exists():
            first_run()
            built.touch()
        for cycle in range(cycles + 1):
            advance.advance(changes_wanted=changes)
            timed("ingest", ingest_all, counts=cycle > 0)
            timed("resolve", lambda: live.resolve(holder="benchmark"), counts=cycle > 0)
            timed("build", lambda: live.build(holder="benchmark").raise_for_failure(), counts=cycle > 0)
            say(f"cycle {cycle} of {cycles}")
    finally:
        lifecycle.down(say)
    return seconds


def measure_apart(customers: int, *, cycles: int, changes: int, keep: Path | None) -> dict[str, list[Seconds]]:
    """`measure` in a fresh process, on ports that are free, and a home that goes with it or is kept below `keep`."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c360-live-")))
        kept = keep.absolute() / str(customers) if keep else folder / "home"
        result = folder / "seconds.json"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.live_cycle",
                "--measure",
                str(customers),
                "--into",
                str(result),
                "--cycles",
                str(cycles),
                "--changes",
                str(changes),
            ],
            env={name: value for name, value in os.environ.items() if not name.endswith("_PORT")} | {"C360_HOME": str(kept)},
            check=True,
        )
        measured: dict[str, list[Seconds]] = json.loads(result.read_text())
        return measured


def report(by_size: dict[int, dict[str, list[Seconds]]]) -> bool:
    """Print seconds per step and size, and the growth; True when the goals are met."""
    medians = {size: {step: _medians(values) for step, values in steps.items()} for size, steps in by_size.items()}
    totals = {size: _medians([_added(cycle) for cycle in zip(*steps.values(), strict=True)]) for size, steps in by_size.items()}
    smallest, largest = min(by_size), max(by_size)
    lines = [f"{'customers':>10}  " + "  ".join(f"{step:>18}" for step in (*STEPS, "cycle"))]
    for size, steps in medians.items():
        shown = (*(steps[step] for step in STEPS), totals[size])
        lines.append(f"{size:>10,}  " + "  ".join(f"{wall:>6.2f} s {cpu:>5.2f} CPU" for wall, cpu in shown))
    growth, growth_cpu = (large / small for large, small in zip(totals[largest], totals[smallest], strict=True))
    fast, flat = totals[smallest][0] < GOAL_SECONDS, growth <= GOAL_GROWTH
    lines.append(f"cycle at {smallest:,}: {totals[smallest][0]:.2f} s, goal < {GOAL_SECONDS:g} s: {'met' if fast else 'MISSED'}")
    lines.append(
        f"cycle at {largest:,} / at {smallest:,}: {growth:.2f} ({growth_cpu:.2f} of CPU seconds),"
        f" goal <= {GOAL_GROWTH:g}: {'met' if flat else 'MISSED'}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return fast and flat


def _medians(values: list[Seconds]) -> Seconds:
    wall, cpu = zip(*values, strict=True)
    return statistics.median(wall), statistics.median(cpu)


def _added(steps: tuple[Seconds, ...]) -> Seconds:
    wall, cpu = zip(*steps, strict=True)
    return sum(wall), sum(cpu)


def main() -> int:
    """Measure both sizes and report; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_cycle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000], help="people in the sandbox (default: 20000 200000)")
    parser.add_argument("--cycles", type=int, default=5, help="cycles counted per size (default: 5)")
    parser.add_argument("--changes", type=int, default=100, help="changes before each cycle (default: 100)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the platforms here, and use those of an earlier run")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        arguments.into.write_text(json.dumps(measure(arguments.measure, cycles=arguments.cycles, changes=arguments.changes)))
        return 0
    by_size = {}
    for size in arguments.sizes:
        say(f"{size:,} customers")
        by_size[size] = measure_apart(size, cycles=arguments.cycles, changes=arguments.changes, keep=arguments.keep)
    return 0 if report(by_size) else 1


if __name__ == "__main__":
    sys.exit(main())
