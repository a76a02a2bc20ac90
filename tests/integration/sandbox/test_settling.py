"""kill -9 inside an advance: it has not happened, or the next call completes it; shop, world, files and truth agree in any case."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

import pytest

from sandbox import settling, truth
from sandbox.advance import advance
from sandbox.world import World
from tests.integration.sandbox.conftest import Running
from tests.integration.sandbox.test_systems import record_ids
from tests.killing import forked

pytestmark = pytest.mark.integration


def killed(prepare: Callable[[], None] | None = None, *, after: float | None = None) -> int:
    """An advance in a process of its own that `prepare` makes end itself, or that is killed after so many seconds; its exit code."""

    def action() -> None:
        if prepare:
            prepare()
        advance(changes_wanted=60)

    return forked(action, kill_after=after)


def dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def state(running: Running) -> tuple[int, int]:
    """Advances so far, and orders."""
    with World(running.layout.world, read_only=True) as world:
        return world.read_meta()["advances"], running.shop("select count(*) from orders")[0][0]


def assert_all_agree(running: Running) -> None:
    held = record_ids(running)
    known = [row["record_id"] for row in truth.read(running.layout.truth)]
    assert max(held.values()) == 1 and len(known) == len(set(known))
    assert set(known) == set(held)


@pytest.mark.parametrize("step", ["keep", "tell_shop", "finish", "write_files", "append_truth", "forget"])
def test_killed_before_a_step(running: Running, step: str) -> None:
    advances, orders = state(running)
    assert killed(lambda: setattr(settling, step, dies)) == -signal.SIGKILL
    has_happened = step != "keep"
    assert settling.settle(running.layout) is has_happened
    after = state(running)
    assert after[0] == advances + has_happened
    assert (after[1] > orders) is has_happened
    assert_all_agree(running)
    assert settling.settle(running.layout) is False


def test_killed_while_it_settles(running: Running) -> None:
    assert killed(lambda: setattr(settling, "tell_shop", dies)) == -signal.SIGKILL
    advances, orders = state(running)

    def settle_and_die() -> None:
        settling.finish = dies
        settling.settle(running.layout)

    assert killed(settle_and_die) == -signal.SIGKILL
    settled = state(running)
    assert settled[0] == advances and settled[1] > orders, "the shop has heard it now"
    assert settling.settle(running.layout)
    assert state(running) == settled, "and is not told twice"
    assert_all_agree(running)


def test_half_a_line_of_truth_is_written_anew(running: Running) -> None:
    assert killed(lambda: setattr(settling, "forget", dies)) == -signal.SIGKILL
    whole = running.layout.truth.read_bytes()
    running.layout.truth.write_bytes(whole[:-7])
    settling.settle(running.layout)
    assert running.layout.truth.read_bytes() == whole


def test_killed_at_random_moments(running: Running) -> None:
    moment = random.Random(7)
    ended = [killed(after=moment.uniform(0.02, 0.5)) for _ in range(5)]
    assert set(ended) <= {-signal.SIGKILL, 0}
    advance(changes_wanted=20)
    assert_all_agree(running)
