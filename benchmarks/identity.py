"""`customer360 match` on people files with known truth: precision, recall, F1, seconds and memory.

python benchmarks/identity.py [--people FOLDER] [--made KIND …] [--records N]

`--people`: a folder of folders with records.csv, truth.csv and map.yml. `--made`: kinds of `benchmarks/people.py`, made on the spot.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


@dataclass(frozen=True)
class Result:
    """Figures of one tool on one file. `peak_mb`: greatest resident memory of the process that did it."""

    precision: float
    recall: float
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def f1(self) -> float:
        """Pairwise F1 of the final clusters."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def pairs(sizes: Counter[object]) -> int:
    """Pairs inside groups of these sizes."""
    return sum(size * (size - 1) // 2 for size in sizes.values())


def judged(truth: Path, clusters: Path) -> tuple[float, float]:
    """Pairwise precision and recall."""
    with truth.open(encoding="utf-8") as stream:
        true = {row[0]: row[1] for row in list(csv.reader(stream))[1:]}
    with clusters.open(encoding="utf-8") as stream:
        found = {row["record_id"]: row["customer_id"] for row in csv.DictReader(stream)}
    hit = pairs(Counter((true[record], found[record]) for record in true))
    said, want = pairs(Counter(found.values())), pairs(Counter(true.values()))
    return (hit / said if said else 1.0), (hit / want if want else 1.0)


def measured(command: Sequence[str], folder: Path, out: Path) -> Result:
    """Runs the command in a process of its own."""
    started = time.monotonic()
    child = os.posix_spawn(command[0], list(command), os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{folder.name}: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    precision, recall = judged(folder / "truth.csv", out)
    return Result(precision, recall, time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def ours(folder: Path) -> Result:
    """`customer360 match` with the map and nothing else."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "clusters.csv"
        program = "from customer360.cli import main; main()"
        given = ["match", str(folder / "records.csv"), "--map", str(folder / "map.yml"), "--out", str(out)]
        return measured([sys.executable, "-c", program, *given], folder, out)


def main() -> None:
    """Prints one line a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--made", nargs="*", default=[])
    parser.add_argument("--records", type=int)
    given = parser.parse_args()
    from benchmarks.people import KINDS, write

    print(f"{'file':24} {'precision':>9} {'recall':>9} {'F1':>9} {'seconds':>8} {'CPU s':>8} {'MB':>7}")
    with tempfile.TemporaryDirectory() as made:
        folders = sorted(path.parent for path in given.people.glob("*/map.yml")) if given.people else []
        for kind in given.made:
            write(KINDS[kind], Path(made) / kind, records=given.records)
            folders.append(Path(made) / kind)
        for folder in folders:
            result = ours(folder)
            print(
                f"{folder.name:24} {result.precision:9.5f} {result.recall:9.5f} {result.f1:9.5f}"
                f" {result.seconds:8.1f} {result.cpu_seconds:8.1f} {result.peak_mb:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
