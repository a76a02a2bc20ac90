"""Seconds of the steps of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Steps:
    """Step → (seconds, CPU seconds of this process), in the order they were first taken; a step taken again adds up."""

    taken: dict[str, tuple[float, float]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """What runs inside is this step's."""
        wall, cpu = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            before = self.taken.get(name, (0.0, 0.0))
            self.taken[name] = before[0] + time.monotonic() - wall, before[1] + time.process_time() - cpu

    def text(self) -> str:
        """`read 1.2 s (0.8), …`: seconds, and CPU seconds in brackets."""
        return ", ".join(f"{name} {wall:.1f} s ({cpu:.1f})" for name, (wall, cpu) in self.taken.items())
