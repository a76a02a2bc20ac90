"""Limits make colours, and page and text say what needs a person."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.contracts.reader import load_contracts
from customer360.observe.quality.judge import Agreement, Day, Failing, ObjectFigures, Report, judge, worst
from customer360.observe.quality.page import page
from customer360.observe.quality.settings import FILE, MEASURES, Settings, read_settings
from customer360.observe.quality.words import headline, shown, text, unwell

REPO = Path(__file__).resolve().parents[4]
AT = datetime(2026, 11, 25, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(REPO / FILE, load_contracts(REPO / "contracts"))


def report(settings: Settings, **measures: float) -> Report:
    objects = [
        ObjectFigures(
            system="crm", object="contacts", owner="sales <ops>", measures=measures,  # type: ignore[arg-type]
            days=[Day(day=date(2026, 11, day), rows=100, turned_away=day, loads=1, refused=0) for day in (23, 24, 25)],
            failing=[Failing(expectation="references(account_id)", severity="warning", loads=2, failed_rows=7)], quarantine={"open": 3, "waived": 1},
        )
    ]  # fmt: skip
    agreements = [Agreement(check=check, whole=100, found=96) for check in settings.consistency]
    return Report(at=AT, objects=objects, agreements=agreements, judged=judge(objects, agreements, settings))


def test_a_limit_is_the_last_that_is_well(settings: Settings) -> None:
    for measure in MEASURES:
        limit = settings.limit("crm.contacts", measure)
        states = {}
        for value in (limit.amber, limit.red, limit.red + 0.01):
            (judged,) = (one for one in report(settings, **{measure: value}).judged if one.measure == measure)
            states[value] = judged.state
        assert states[limit.amber] == "good"
        assert states[limit.red] == ("amber" if limit.red > limit.amber else "good")
        assert states[limit.red + 0.01] == "red"


def test_agreement_is_judged_from_below(settings: Settings) -> None:
    states = {one.subject: one.state for one in report(settings).judged}
    assert states == {
        "invoices bill orders that the shop has": "amber",
        "reviews are of orders that the shop has": "amber",
        "who orders in the shop is known to the CRM": "good",
        "who is billed is known to the shop": "good",
    }


def test_page_and_text_say_what_needs_a_person_first(settings: Settings) -> None:
    made = report(settings, turned_away=0.2, quarantine_rows=3, age=0.5)
    assert headline(made) == "Data quality 2026-11-25: 1 red, 3 amber"
    assert [one.state for one in unwell(made)] == ["red", "amber", "amber", "amber"]
    told = text(made)
    assert "[red] crm.contacts: rows turned away 20%, at most 1%" in told
    assert "customer360 quarantine list crm.contacts" in told
    assert "96 of 100 (96%)" in told
    shown_page = page(made)
    assert "crm.contacts: rows turned away 20%, at most 1%" in shown_page and "references(account_id)" in shown_page
    assert "sales &lt;ops&gt;" in shown_page and "<script" not in shown_page and "http" not in shown_page.replace("http-equiv", "")


def test_where_all_is_well_the_page_says_so(settings: Settings) -> None:
    made = Report(at=AT, objects=[], agreements=[], judged=[])
    assert headline(made) == "Data quality 2026-11-25: all good"
    assert "Nothing: every measure is within its limit" in page(made)
    assert worst([]) == "good"


@given(st.floats(0, 1))
def test_a_share_is_never_written_as_none_when_there_is_some(value: float) -> None:
    assert (shown("turned_away", value) == "0%") == (value == 0)
