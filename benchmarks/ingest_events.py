"""JSON events → raw: gzipped JSON lines through the files reader, the gate of `web.events` included. Rows per second, and memory.

The events are the sandbox's calls of the Segment specification, with nested properties, undeclared fields and messages that arrive
twice. Each size is loaded in a process of its own, so that its peak memory is that of the load. Imports are not timed. Beside it a
bare load of the same files: decompressed, and their lines copied into one jsonb column, which checks, names and keeps apart nothing.

Goals: at least 100,000 rows/s at the largest size, and no more memory there than at the smallest (a tenth more is noise). Exit code 1
when one is missed. The first was set on a machine of a certain pace, and the same machine may take thrice as long on another day: it is
judged at that pace, by the bare COPY of the shop's rows in the same minutes (`ingest_shop.pace`). What was measured stands in the table.
Medians count: the best of short runs would be luckier than that of long ones.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median

import psycopg

from benchmarks.ingest_shop import REFERENCE_PACE, Bench, fresh_database, measure_copy, pace, say, servers, timed

GOAL_ROWS_PER_SECOND = 100_000
GOAL_GROWTH_OF_MEMORY = 1.1
_EVENTS_PER_FILE = 50_000
_VISITORS = 20_000
_SHOP_ROWS = 1_000_000  # of the bare COPY that tells the machine's pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One load of events. `peak_mb`: resident memory of the loading process at its highest, in MB."""

    rows: int
    seconds: float
    cpu_seconds: float  # of the loading process alone
    peak_mb: float
    steps: dict[str, float]


def write_events(folder: Path, count: int) -> None:
    """About `count` events in gzipped files of JSON lines, the same every time; a day old, as those of a first load are."""
    folder.mkdir(parents=True)
    yesterday = time.time() - 86_400
    lines = _lines(count)
    for number in range(-(-count // _EVENTS_PER_FILE)):
        path = folder / f"{number:05}.jsonl.gz"
        with gzip.open(path, "wt", compresslevel=4, encoding="utf-8") as stream:
            for _, line in zip(range(min(_EVENTS_PER_FILE, count - number * _EVENTS_PER_FILE)), lines, strict=False):
                stream.write(line + "\n")
        os.utime(path, (yesterday, yesterday))


def _lines(count: int) -> Iterator[str]:
    from sandbox.web import events

    rng = Random(20)
    now = int(datetime.now(UTC).timestamp()) * 1_000_000
    written = 0
    while written < count:
        customer = rng.randrange(_VISITORS)
        visitor = events.Visitor(events.anonymous_id(1, customer_id=customer, household_id=None), customer, "de-DE",
                                 f"user{customer}@example.org", f"First{customer % 997}", f"Last{customer % 9973}")  # fmt: skip
        products = [rng.randrange(240) for _ in range(rng.randrange(1, 6))]
        order = (written, round(rng.uniform(5, 500), 2)) if rng.random() < 0.1 else None
        # a day ago at the latest: nobody receives what has not happened
        at = now - rng.randrange(2 * 86_400, 200 * 86_400) * 1_000_000
        for _, line in events.session(visitor, rng=rng, at=at, products=products, order=order, logs_in=rng.random() < 0.2):
            yield line
            written += 1


def load_bare(warehouse: str, folder: Path) -> float:
    """Seconds that it takes to copy the lines of all files into one jsonb column."""
    with fresh_database(warehouse, "bare_events") as uri, psycopg.connect(uri) as connection:
        connection.execute("create table events (event jsonb)")

        def copy() -> None:
            statement = r"copy events from stdin (format csv, delimiter E'\x01', quote E'\x02')"  # no JSON text holds these
            with connection.cursor() as cursor, cursor.copy(statement) as sink:
                for path in sorted(folder.iterdir()):
                    with gzip.open(path, "rb") as stream:
                        while block := stream.read(1 << 18):
                            sink.write(block)
            connection.commit()

        return timed(copy)


def measure() -> Measured:
    """Load what the environment points at. In a process of its own: its peak memory is the process's."""
    import great_expectations  # noqa: F401  # before anything is timed, as the platform's workers do
    from customer360.pipeline.ingest import ingest_object

    cpu, started = time.process_time(), time.perf_counter()
    outcome = ingest_object("web", "events")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    if outcome.state != "published":
        raise SystemExit(f"the load ended {outcome.state}: {outcome.refusal}")
    with psycopg.connect(os.environ["C360_CONN_WAREHOUSE"]) as connection:
        steps = connection.execute("select work -> 'seconds' from ops.load").fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    return Measured(
        rows=outcome.counts.extracted, seconds=seconds, cpu_seconds=cpu_seconds, peak_mb=peak, steps=dict(steps[0]) if steps else {}
    )


def measure_apart(warehouse: str, folder: Path) -> Measured:
    """`measure` in a fresh process, on a fresh warehouse. `folder` holds `events/`."""
    with fresh_database(warehouse, "events", migrated=True) as uri, tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"C360_HOME": home, "C360_CONN_WAREHOUSE": uri, "C360_CONN_WEB": f"file://{folder}"}
        result = Path(home) / "measured.json"
        subprocess.run([sys.executable, "-m", "benchmarks.ingest_events", "--measure-into", str(result)], env=environment, check=True)
        return Measured(**json.loads(result.read_text()))


def report(found: Sequence[Measured], bare: float, machine: float) -> bool:
    """Print the table; whether every goal is met. `machine`: its pace."""
    small, large = found[0], found[-1]
    print("\nJSON events of web.events, gzipped JSON lines to raw, gate included\n")
    print(f"{'events':>12}{'seconds':>10}{'rows/s':>10}{'own CPU':>10}{'peak MB':>10}   steps")
    for m in found:
        steps = ", ".join(f"{step} {seconds:.2f}" for step, seconds in m.steps.items())
        print(f"{m.rows:>12,}{m.seconds:>10.2f}{m.rows / m.seconds:>10,.0f}{m.cpu_seconds:>10.2f}{m.peak_mb:>10.0f}   {steps}")
    print(f"{'bare jsonb':>12}{bare:>10.2f}{large.rows / bare:>10,.0f}")
    speed, growth = large.rows / large.seconds, large.peak_mb / small.peak_mb
    print(f"\nthe machine's pace: {machine:.2f} of {REFERENCE_PACE:,} rows/s of the shop's COPY")
    speed /= machine
    goals = [
        (f"rows/s at {large.rows:,}, at the reference pace", f"{speed:,.0f}", f"{GOAL_ROWS_PER_SECOND:,}", speed >= GOAL_ROWS_PER_SECOND),
        (f"memory at {large.rows:,} / {small.rows:,}", f"{growth:.2f}", f"{GOAL_GROWTH_OF_MEMORY:.2f}", growth <= GOAL_GROWTH_OF_MEMORY),
    ]
    print(f"\n{'':<44}{'measured':>10}{'goal':>10}")
    print(f"{'bare jsonb COPY / ours':<44}{bare / large.seconds:>10.2f}")
    for name, measured, goal, is_met in goals:
        print(f"{name:<44}{measured:>10}{goal:>10}  {'ok' if is_met else 'MISSED'}")
    return all(is_met for *_, is_met in goals)


def main() -> int:
    """Run the benchmark. Exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest_events", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 1_000_000], help="events (default: 250000 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="the median of each counts (default: 3)")
    parser.add_argument("--measure-into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_into:
        options.measure_into.write_text(json.dumps(asdict(measure())))
        return 0
    found: list[Measured] = []
    bare: list[float] = []
    copies: list[float] = []
    with servers("shop", "warehouse") as ((shop, warehouse), folder):
        bench = Bench(shop, warehouse, _SHOP_ROWS, folder)
        bench.fill_shop()
        for size in sorted(options.sizes):
            say(f"{size:,} events: writing")
            write_events(folder / str(size) / "events", size)
            rounds = []
            for number in range(options.rounds):
                say(f"{size:,} events: round {number + 1}")
                rounds.append(measure_apart(warehouse, folder / str(size)))
                if size == max(options.sizes):  # in the same minutes: a shared machine has slow ones
                    bare.append(load_bare(warehouse, folder / str(size) / "events"))
                    copies.append(measure_copy(bench)["first"])
            found.append(sorted(rounds, key=lambda m: m.seconds)[len(rounds) // 2])
    return 0 if report(found, median(bare), pace(_SHOP_ROWS, median(copies))) else 1


if __name__ == "__main__":
    sys.exit(main())
