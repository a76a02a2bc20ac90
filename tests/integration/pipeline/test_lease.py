"""Nightly and live runs share relations: the lease lets one in, and outlives neither its holder's death nor its time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from customer360.pipeline import lease

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)


def test_one_holder_at_a_time(warehouse: Any) -> None:
    lease.acquire("build", holder="nightly", ttl=HOUR)
    with pytest.raises(lease.LeaseTaken, match="held by nightly until"):
        lease.acquire("build", holder="live", ttl=HOUR)
    assert lease.acquire("other", holder="live", ttl=HOUR).holder == "live"


def test_the_holder_may_take_it_again_and_extends_it(warehouse: Any) -> None:
    first = lease.acquire("build", holder="nightly", ttl=HOUR)
    again = lease.acquire("build", holder="nightly", ttl=2 * HOUR)
    assert again.expires_at > first.expires_at + timedelta(minutes=59)


def test_a_lease_that_ran_out_is_free(warehouse: Any) -> None:
    lease.acquire("build", holder="killed", ttl=HOUR)
    with warehouse.connect() as connection:
        connection.execute("update ops.lease set expires_at = now() - interval '1 second'")
    assert lease.current("build") is None
    assert lease.acquire("build", holder="live", ttl=HOUR).holder == "live"
    assert lease.release("build", holder="killed") is False, "the dead one's late release must not free what another holds"
    assert lease.current("build").holder == "live"  # type: ignore[union-attr]


def test_it_is_given_back_after_an_error(warehouse: Any) -> None:
    with pytest.raises(ZeroDivisionError), lease.lease("build", holder="live", ttl=HOUR):
        _ = 1 / 0
    assert lease.current("build") is None
    assert lease.release("build", holder="live") is False


def test_waiting_ends_when_the_holder_gives_it_back(warehouse: Any) -> None:
    lease.acquire("build", holder="live", ttl=HOUR)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lease.acquire, "build", holder="nightly", ttl=HOUR, wait=timedelta(seconds=30))
        lease.release("build", holder="live")
        assert waiting.result(timeout=30).holder == "nightly"


def test_of_many_at_once_one_gets_it(warehouse: Any) -> None:
    def attempt(number: int) -> bool:
        try:
            return lease.acquire("build", holder=f"run {number}", ttl=HOUR).holder == f"run {number}"
        except lease.LeaseTaken:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
