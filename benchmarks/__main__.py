"""Run benchmarks: `python -m benchmarks [NAME …]`. Exits 1 when one misses a goal or fails. Each is also a module of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec

BENCHMARKS = {
    "ingest_shop": "shop to raw, gate included, against dlt and a bare COPY",
    "ingest_events": "JSON events to raw, gate included: rows per second, and memory at two sizes",
    "live_cycle": "ingest to golden record after 100 changes, at two sizes of population",
    "resolve": "identity in PostgreSQL: a full run and runs after 1,000 changes, at two sizes of population",
    "spark_scores": "scores of Splink on Spark against ours, by the same settings (needs Java)",
    "identity": "matching files of people, against the specialists",
}


def main() -> int:
    """Run the named benchmarks, or all. Returns the process's exit code."""
    known = {name: told for name, told in BENCHMARKS.items() if find_spec(f"benchmarks.{name}")}
    listed = "\n".join(f"  {name:<14} {told}" for name, told in known.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=f"{__doc__}\n\n{listed}", formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *known], metavar="NAME", help="which; all of them by default")
    missed = [
        name for name in parser.parse_args().names or known if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode
    ]
    if missed:
        sys.stderr.write(f"missed a goal or failed: {', '.join(missed)}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
