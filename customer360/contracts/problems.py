"""What is wrong with a contract: every problem with its place and its fix, raised together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from customer360.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong."""

    file: str
    line: int | None  # counted from 1
    place: str  # 'customers.email', 'servers', … ; empty for the file as a whole
    message: str
    fix: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f"{self.place}: " if self.place else ""
        return f"{where}: {place}{self.message}; {self.fix}"


class ContractError(UserError):
    """One or more contracts are illegal. `problems` holds all of them, the message lists them one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda problem: (problem.file, problem.line or 0, problem.place, problem.message)))
        count = len(self.problems)
        heading = f"{count} problem{'s' if count != 1 else ''} in contracts:" if count > 1 else "illegal contract:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A fix that names the nearest known word, or all of them when none is near."""
    options = sorted(known)
    near = difflib.get_close_matches(str(word), options, n=1, cutoff=0.6)
    if not near:  # 'primarykey' is nearer to 'primaryKey' than a case-sensitive comparison sees
        by_lower = {option.lower(): option for option in options}
        near = [by_lower[found] for found in difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.75)]
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(options)}" if options else "remove it"
