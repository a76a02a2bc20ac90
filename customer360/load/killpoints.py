"""Places where a test can kill the process: `C360_KILL_AT=<step>` or `<step>:<n>` for the n-th time it is reached.

Without the variable this is one dictionary look-up per step. SIGKILL, because nothing may be tidied up on the way out.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

STEPS = (
    "opened",
    "landing",
    "landing_done",
    "landed",
    "acknowledged",
    "converted",
    "diffing",
    "diffed",
    "gated_result",
    "gating",
    "gated",
    "publishing",
    "merged",
    "watermark_moved",
    "change_logged",
    "published",
)
"""In the order of a load's life; the participles that end in -ing lie inside the step's transaction."""

_reached: Counter[str] = Counter()


def reach(step: str) -> None:
    """Note that `step` is reached; die here if a test asked for it."""
    wanted = os.environ.get("C360_KILL_AT")
    if wanted is None:
        return
    name, _, count = wanted.partition(":")
    _reached[step] += 1
    if name == step and _reached[step] == int(count or 1):
        os.kill(os.getpid(), signal.SIGKILL)
