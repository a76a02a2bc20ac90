"""What is unusual in a load, given those before it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.gate.history import Seen, band, judge
from customer360.gate.limits import HistoryLimits, ReferenceLimits, parse_history, parse_references
from customer360.gate.profile import Profile, read_profile

MONDAY = datetime(2026, 1, 5, 2, tzinfo=UTC)
LIMITS = HistoryLimits()


def seen(rows: int = 200, *, at: datetime = MONDAY, gap: float | None = 60, **profile: Any) -> Seen:
    return Seen(at=at, rows=rows, gap=gap, profile=Profile(rows=rows, **profile))


def told(now: Seen, past: list[Seen], **options: Any) -> dict[str, str | None]:
    """What is unusual, by measure."""
    results = judge(now, past, LIMITS, series=options.get("series", "incremental"))
    return {r.expectation.removeprefix("history(").rstrip(")"): r.observed for r in results if not r.success}


def test_nothing_is_judged_before_there_are_enough_loads() -> None:
    assert judge(seen(10**6), [seen()] * 7, LIMITS, series="incremental") == []
    assert judge(seen(10**6), [seen()] * 8, LIMITS, series="first") == []
    assert [r.success for r in judge(seen(10**6), [seen()] * 8, LIMITS, series="incremental") if r.expectation == "history(volume)"] == [
        False
    ]


def test_volume_of_whole_loads_is_judged_both_ways() -> None:
    past = [seen(1000 + n) for n in range(10)]
    assert told(seen(1200), past, series="whole") == {}
    assert "400 rows" not in str(told(seen(400), past, series="whole")), "within the factor"
    assert "100 rows, usually 1,0" in str(told(seen(100), past, series="whole")["volume"])
    assert "9,000 rows" in str(told(seen(9000), past, series="whole")["volume"])


def test_few_new_rows_are_no_fault_and_a_pause_explains_many() -> None:
    past = [seen(500, gap=60) for _ in range(10)]
    assert told(seen(1), past) == {}
    assert "volume" in told(seen(40_000, gap=60), past)
    assert told(seen(40_000, gap=6000), past) == {}, "a hundred times the usual pause"


def test_volume_is_compared_with_the_same_weekday_where_there_are_enough() -> None:
    past = [seen(10_000 if day % 7 == 0 else 200, at=MONDAY - timedelta(days=7 * 9 - day)) for day in range(7 * 9)]
    assert told(seen(10_000), past, series="whole") == {}, "as on every Monday"
    assert "volume" in told(seen(10_000, at=MONDAY + timedelta(days=1)), past, series="whole")


def test_one_bad_load_before_does_not_hide_the_next() -> None:
    past = [seen(200, nulls={"email": 4}) for _ in range(9)] + [seen(200, nulls={"email": 200})]
    assert told(seen(200, nulls={"email": 100}), past) == {"nulls": "email 50.0% null, usually 2.0%"}
    assert told(seen(200, nulls={"email": 4}), past) == {}


def test_a_field_that_always_varies_may_vary() -> None:
    past = [seen(200, nulls={"email": n}) for n in (20, 120, 60, 180, 90, 10, 150, 70)]
    assert told(seen(200, nulls={"email": 195}), past) == {}


def test_shares_tell_what_moved_most() -> None:
    past = [seen(200, values={"status": {"paid": 150 + n, "pending": 50 - n}}) for n in range(10)]
    assert told(seen(200, values={"status": {"paid": 140, "pending": 60}}), past) == {}
    assert told(seen(200, values={"status": {"unknown": 120, "paid": 60, "pending": 20}}), past) == {
        "shares": "status is unknown in 60.0%, usually 0.0%"
    }


def test_a_median_is_measured_in_spreads() -> None:
    past = [seen(200, nulls={"amount": 0}, numbers={"amount": [5, 10, 20 + n / 10, 30, 60]}) for n in range(10)]
    assert told(seen(200, nulls={"amount": 0}, numbers={"amount": [5, 10, 28, 40, 60]}), past) == {}
    assert "amount has the median 2000" in str(
        told(seen(200, nulls={"amount": 0}, numbers={"amount": [500, 1000, 2000, 3000, 6000]}), past)["numbers"]
    )


def test_an_old_newest_row() -> None:
    past = [seen(5, newest_age=60.0 * n) for n in range(10)]
    assert told(seen(5, newest_age=3600.0 * 20), past) == {}
    assert told(seen(5, newest_age=3600.0 * 50), past) == {"age": "the newest row is 50.0 h old, usually 0.1 h"}


def test_chance_alone_is_hardly_ever_unusual() -> None:
    """Loads drawn from one population: 300 of them, every measure, no more than a handful of false alarms."""
    draw = random.Random(7)

    def load() -> Seen:
        rows = draw.randint(100, 400)
        amounts = sorted(draw.lognormvariate(3, 1) for _ in range(rows))
        kinds = [draw.choices(("a", "b", "c", "d"), (60, 30, 9, 1))[0] for _ in range(rows)]
        return seen(
            rows,
            nulls={"x": sum(draw.random() < 0.08 for _ in range(rows)), "amount": 0},
            values={"kind": {kind: kinds.count(kind) for kind in set(kinds)}},
            numbers={"amount": [amounts[int(rows * q)] for q in (0.1, 0.25, 0.5, 0.75, 0.9)]},
            newest_age=draw.expovariate(1 / 300),
        )

    loads = [load() for _ in range(330)]
    alarms = [told(loads[n], loads[n - 30 : n]) for n in range(30, 330)]
    assert sum(map(bool, alarms)) <= 2, alarms


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1e3), st.floats(0, 10))
def test_a_band_holds_its_middle_and_at_least_half_of_its_past(past: list[float], shift: float, deviations: float) -> None:
    found = band(past, shift=shift, deviations=max(deviations, 1.0))
    assert found.holds(found.middle)
    assert found.high - found.middle >= shift * 0.999 - 1e-6
    assert 2 * sum(found.low - 1e-6 <= value <= found.high + 1e-6 for value in past) >= len(past)


def test_a_profile_survives_being_kept() -> None:
    profile = Profile(rows=3, nulls={"a": 1}, values={"b": {"x": 3}}, numbers={"c": [1, 2, 3, 4, 5]}, newest_age=1.5)
    assert read_profile(profile.as_json() | {"added_later": 1}) == profile


def test_meta_is_read_strictly() -> None:
    faults: list[str] = []

    def fault(*parts: str) -> None:
        faults.append(": ".join(parts))

    read = parse_history({"min_loads": 3, "volume": {"severity": "critical", "shift": 2}, "shares": False}, fault)
    assert (read.min_loads, read.measures["volume"].severity, "shares" in read.measures, read.measures["nulls"]) == (
        3,
        "critical",
        False,
        HistoryLimits().measures["nulls"],
    )
    assert parse_references({"max_rows": 0, "severity": "info"}, fault) == replace(ReferenceLimits(), max_rows=0, severity="info")
    assert faults == []


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"volum": {}}, "meta.history.volum: is no key we know"),
        ({"min_loads": 0}, "meta.history.min_loads: is 0"),
        ({"compare_with": 1000}, "from 1 to 100"),
        ({"volume": True}, "write false to switch it off"),
        ({"volume": {"shift": "x"}}, "meta.history.volume.shift: is 'x'"),
        ({"volume": {"severity": "bad"}}, "meta.history.volume.severity: is 'bad'"),
        ({"volume": {"reason": ""}}, "meta.history.volume.reason: is ''"),
        ([], "is no JSON object"),
    ],
)
def test_faults_of_history_are_named(given_: Any, message: str) -> None:
    faults: list[str] = []
    parse_history(given_, lambda *parts: faults.append(": ".join(parts)))
    assert len(faults) == 1
    assert message in faults[0]


def test_a_missing_parent_never_refuses() -> None:
    faults: list[str] = []
    parse_references({"severity": "critical", "max_share": 2, "x": 1}, lambda *parts: faults.append(": ".join(parts)))
    assert [fault.split(":")[0] for fault in faults] == ["meta.references.x", "meta.references.max_share", "meta.references.severity"]
