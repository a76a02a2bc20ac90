"""What a run of a tool on a people file amounts to, and whether the goals are met. Pure: no process, no print."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OURS, FROZEN, SPLINK = "customer360", "customer360 --model", "splink"
LEAST_F1 = {"febrl3": 0.9995, "febrl4": 0.9995, "fake_1000": 0.90, "historical_half": 0.87}
MILLION = 1_000_000
MOST_MB = 3 * 1024
FROZEN_SECONDS = 10.0  # scoring and clustering of a million records
_APART = ("standardise",)  # a step that only ours takes; reported by itself


@dataclass(frozen=True)
class Result:
    """Figures of one tool on one file. `peak_mb`: greatest resident memory of its process. `steps`: step → (seconds, CPU seconds)."""

    precision: float
    recall: float
    seconds: float
    cpu_seconds: float
    peak_mb: float
    steps: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def f1(self) -> float:
        """Pairwise F1 of the final clusters."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def spent(self, *steps: str) -> float:
        """Seconds of these steps; without names: of all but standardisation."""
        return sum(seconds for step, (seconds, _) in self.steps.items() if (step in steps if steps else step not in _APART))


@dataclass(frozen=True)
class Refusal:
    """A tool that could not do a file, and why."""

    reason: str


Outcome = Result | Refusal


@dataclass(frozen=True)
class Goal:
    """One goal and what was reached."""

    file: str
    told: str
    is_met: bool

    def __str__(self) -> str:
        return f"{'ok' if self.is_met else 'MISSED':<7} {self.file}: {self.told}"


def pairs(sizes: Counter[object]) -> int:
    """Pairs inside groups of these sizes."""
    return sum(size * (size - 1) // 2 for size in sizes.values())


def judged(truth: Path, clusters: Path) -> tuple[float, float]:
    """Pairwise precision and recall. A record that the clusters leave out is alone."""
    with truth.open(encoding="utf-8") as stream:
        true = {row[0]: row[1] for row in list(csv.reader(stream))[1:]}
    with clusters.open(encoding="utf-8") as stream:
        found: dict[str, object] = {row["record_id"]: row["customer_id"] for row in csv.DictReader(stream)}
    label = {record: found.get(record, ("alone", record)) for record in true}
    hit = pairs(Counter((true[record], label[record]) for record in true))
    said, want = pairs(Counter(label.values())), pairs(Counter(true.values()))
    return (hit / said if said else 1.0), (hit / want if want else 1.0)


def goals(file: str, records: int, outcomes: Mapping[str, Outcome]) -> list[Goal]:
    """The goals for one file: accuracy on every file, speed and memory on a million records."""
    done = {tool: outcome for tool, outcome in outcomes.items() if isinstance(outcome, Result)}
    ours = done.get(OURS)
    if ours is None:
        return [Goal(file, "customer360 did not finish", is_met=False)]
    return [*_accurate(file, ours, done), *(_fast(file, ours, done) if records >= MILLION else [])]


def _accurate(file: str, ours: Result, done: Mapping[str, Result]) -> Iterable[Goal]:
    if file in LEAST_F1:
        yield Goal(file, f"F1 {ours.f1:.4f}, at least {LEAST_F1[file]}", round(ours.f1, 4) >= LEAST_F1[file])
    others = {tool: result.f1 for tool, result in done.items() if tool not in {OURS, FROZEN}}
    if others:
        best = max(others, key=lambda tool: others[tool])
        yield Goal(file, f"F1 {ours.f1:.4f}, at least that of {best}, {others[best]:.4f}", round(ours.f1, 4) >= round(others[best], 4))


def _fast(file: str, ours: Result, done: Mapping[str, Result]) -> Iterable[Goal]:
    if splink := done.get(SPLINK):
        ratio = ours.spent() / splink.spent()
        yield Goal(file, f"{ours.spent():.0f} s, {ratio:.2f} of Splink's {splink.spent():.0f} s, at most 1", ratio <= 1.0)
    yield Goal(file, f"peak memory {ours.peak_mb:.0f} MB, at most {MOST_MB}", ours.peak_mb <= MOST_MB)
    if frozen := done.get(FROZEN):
        spent = frozen.spent("score", "cluster")
        yield Goal(file, f"from a trained model {spent:.1f} s to score and cluster, at most {FROZEN_SECONDS:.0f}", spent <= FROZEN_SECONDS)
