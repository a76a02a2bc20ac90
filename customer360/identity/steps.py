"""The steps of a run: how long each took, and word of each to whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]


class Steps:
    """Counts seconds per step into the dictionary it is given."""

    def __init__(self, seconds: dict[str, float], progress: Progress | None) -> None:
        self._seconds = seconds
        self._progress = progress

    def say(self, text: str) -> None:
        """Tell whoever waits."""
        if self._progress:
            self._progress(text)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the block to the step, which may have several."""
        if name not in self._seconds:
            self.say(name)
        began = time.monotonic()
        yield
        self._seconds[name] = round(self._seconds.get(name, 0.0) + time.monotonic() - began, 3)
