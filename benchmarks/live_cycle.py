"""A live cycle: from the start of ingest to the golden record after 100 changes, and how it grows with the population.

For each size a platform of its own (embedded PostgreSQL and sandbox, without Airflow) is made under a temporary folder, loaded and
built once in full. Then time passes in the sandbox, 100 changes at a time, and each cycle runs the steps that the live DAGs run, in one
warm process, as Airflow's preloaded workers do: ingest of all four systems,
resolve, one dbt run. The first cycle warms up and is not counted.

Goals: the median cycle is under 10 s at the smaller size, and at ten times the population no more than 1.5 times that.
"""

from __future__ import annotations

import argparse
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
_FIRST_PORT = 5700


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def measure(customers: int, *, cycles: int, changes: int) -> dict[str, list[float]]:
    """Seconds per step of each counted cycle, on a platform made for this. Must run in a process of its own: the home is the process's."""
    from customer360.contracts.reader import load_contracts
    from customer360.pipeline import build, ingest, live, resolve
    from customer360.platform import lifecycle
    from sandbox import advance

    def ingest_all() -> None:
        for system in load_contracts():
            for outcome in ingest.ingest_system(system):
                if outcome.state not in ("published", "nothing_new"):
                    raise SystemExit(f"{outcome.system}.{outcome.object} ended {outcome.state}")

    seconds: dict[str, list[float]] = {step: [] for step in STEPS}

    def timed(step: str, work: Callable[[], object], *, counts: bool) -> None:
        started = time.perf_counter()
        work()
        if counts:
            seconds[step].append(time.perf_counter() - started)

    lifecycle.up(say, customers=customers, airflow=False)
    try:
        say("first load, resolution and build")
        ingest_all()
        resolve.resolve()
        build.build(live=False).raise_for_failure()
        for cycle in range(cycles + 1):
            advance.advance(changes_wanted=changes)
            timed("ingest", ingest_all, counts=cycle > 0)
            timed("resolve", lambda: live.resolve(holder="benchmark"), counts=cycle > 0)
            timed("build", lambda: live.build(holder="benchmark").raise_for_failure(), counts=cycle > 0)
            say(f"cycle {cycle} of {cycles}")
    finally:
        lifecycle.down(say)
    return seconds


def measure_apart(customers: int, *, cycles: int, changes: int) -> dict[str, list[float]]:
    """`measure` in a fresh process with a temporary home and ports of its own."""
    with tempfile.TemporaryDirectory(prefix="c360-live-") as folder:
        ports = {
            name: str(_FIRST_PORT + number)
            for number, name in enumerate(("C360_PG_PORT", "C360_SHOP_PG_PORT", "C360_SANDBOX_PORT", "C360_SMTP_PORT"))
        }
        result = Path(folder) / "seconds.json"
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
            env=os.environ | ports | {"C360_HOME": str(Path(folder) / "home")},
            check=True,
        )
        measured: dict[str, list[float]] = json.loads(result.read_text())
        return measured


def report(by_size: dict[int, dict[str, list[float]]]) -> bool:
    """Print seconds per step and size, and the growth; True when the goals are met."""
    medians = {size: {step: statistics.median(values) for step, values in steps.items()} for size, steps in by_size.items()}
    totals = {size: statistics.median(map(sum, zip(*steps.values(), strict=True))) for size, steps in by_size.items()}
    smallest, largest = min(by_size), max(by_size)
    lines = [f"{'customers':>10}  " + "  ".join(f"{step:>8}" for step in (*STEPS, "cycle"))]
    for size, steps in medians.items():
        lines.append(f"{size:>10,}  " + "  ".join(f"{steps[step]:>7.2f}s" for step in STEPS) + f"  {totals[size]:>7.2f}s")
    growth = totals[largest] / totals[smallest]
    fast, flat = totals[smallest] < GOAL_SECONDS, growth <= GOAL_GROWTH
    lines.append(f"cycle at {smallest:,}: {totals[smallest]:.2f} s, goal < {GOAL_SECONDS:g} s: {'met' if fast else 'MISSED'}")
    lines.append(f"cycle at {largest:,} / at {smallest:,}: {growth:.2f}, goal <= {GOAL_GROWTH:g}: {'met' if flat else 'MISSED'}")
    sys.stdout.write("\n".join(lines) + "\n")
    return fast and flat


def main() -> int:
    """Measure both sizes and report; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_cycle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000], help="people in the sandbox (default: 20000 200000)")
    parser.add_argument("--cycles", type=int, default=5, help="cycles counted per size (default: 5)")
    parser.add_argument("--changes", type=int, default=100, help="changes before each cycle (default: 100)")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        arguments.into.write_text(json.dumps(measure(arguments.measure, cycles=arguments.cycles, changes=arguments.changes)))
        return 0
    by_size = {}
    for size in arguments.sizes:
        say(f"{size:,} customers")
        by_size[size] = measure_apart(size, cycles=arguments.cycles, changes=arguments.changes)
    return 0 if report(by_size) else 1


if __name__ == "__main__":
    sys.exit(main())
