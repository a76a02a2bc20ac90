"""Text, JSON and page say the same, and the page is whole, safe and needs nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from customer360.identity.explain.document import FORMAT, document
from customer360.identity.explain.explanation import CustomerExplanation, Explanation, PairExplanation, Value, ValueRow
from customer360.identity.explain.page import page
from customer360.identity.explain.pictures import cluster_graph, waterfall
from customer360.identity.explain.text import text

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class _Balance(HTMLParser):
    """Every tag that opens closes, in order; what opens is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(params=["joined", "apart", "customer", "many"])
def found(request: pytest.FixtureRequest, customer_of: Callable[[int], CustomerExplanation]) -> Explanation:
    if request.param in ("customer", "many"):
        return customer_of(4 if request.param == "customer" else 30)
    explained: PairExplanation = request.getfixturevalue(request.param)
    return explained


def test_the_page_is_well_formed_and_refers_to_nothing_outside(found: Explanation) -> None:
    whole = page(found)
    parser = _Balance()
    parser.feed(whole)
    parser.close()
    assert parser.open == []
    assert {"script", "img", "link", "iframe", "object"} & set(parser.seen) == set()
    assert not re.search(r"https?:|url\(|\bsrc=\"|\bhref=|@import", re.sub(r"<title>.*?</title>", "", whole))
    pictures = re.findall(r"<svg.*?</svg>", whole, re.DOTALL)
    assert pictures
    for picture in pictures:
        ElementTree.fromstring(picture)  # strict XML


def test_hostile_names_are_shown_as_they_are_and_do_nothing(found: Explanation) -> None:
    whole = page(found)
    assert "<script" not in whole and "onerror=alert(1)>" not in whole
    shown = unescape(re.sub(r"<[^>]+>", "", whole))
    assert 'shop.customers:<script>alert("x")</script>&\'$body' in shown


def test_text_and_page_tell_what_the_document_holds(found: Explanation) -> None:
    told = document(found)
    assert json.loads(json.dumps(told)) == told, "plain types alone"
    assert told["format"] == FORMAT
    lines, shown = text(found), unescape(re.sub(r"<[^>]+>", " ", page(found)))
    for name in [*_texts(told)]:
        assert name in lines, name
        assert name in shown, name


def _texts(told: dict[str, Any]) -> list[str]:
    records = [told["record_l"], told["record_r"]] if told["about"] == "pair" else told["records"]
    names = [one["record_id"] for one in records] + [told["verdict"], told["ground"]["model_version"], *told["notes"]]
    names += [one["text"] for one in told.get("obstacles", ())]
    names += [one["decided_by"] for one in told["decisions"]] + [one["reason"] for one in told["decisions"]]
    scores = [one["breakdown"] for step in told.get("path", ()) for one in step["evidence"] if one["breakdown"]]
    scores += [told["score"]] if told.get("score") else []
    return names + [f"{field['weight']:+.2f}" for score in scores for field in score["fields"] if field["level"]]


def test_a_page_with_values_says_so_first_and_one_without_has_none(joined: PairExplanation, apart: PairExplanation) -> None:
    assert page(joined).index("This page shows personal data") < page(joined).index("<h1>")
    assert "personal data" not in page(apart)
    assert document(apart)["values"] is None


def test_a_value_cannot_move_the_terminal(joined: PairExplanation) -> None:
    typed = ValueRow(
        attribute="first_name", values={"shop.customers:2": [Value(raw="A\x1b[2Jn\nna\u202e", standard="anna", is_verified=None)]}
    )
    shown = text(replace(joined, values=[typed]))
    assert "\x1b" not in shown and "\u202e" not in shown
    assert re.search(r"A.\[2Jn.na. → anna\n", shown)


def test_bars_of_a_waterfall_begin_where_the_one_before_ended(joined: PairExplanation) -> None:
    score = joined.score
    assert score is not None
    drawn = waterfall(score, match_threshold=0.7, review_threshold=0.2)
    bars = [(kind, float(x), float(width)) for kind, x, width in re.findall(r'class="bar (\w+)" x="([\d.]+)"[^>]* width="([\d.]+)"', drawn)]
    assert [kind for kind, _, _ in bars] == ["prior", "for", "for", "against", "total"], "what is missing has no bar"
    zero = bars[0][1] + bars[0][2]  # the prior ends at its sum, to the left of zero
    at = bars[0][1]
    for kind, x, width in bars[1:4]:
        assert (x if kind == "for" else x + width) == pytest.approx(at, abs=0.2)
        at = x + width if kind == "for" else x
    total = bars[4]
    assert total[1] == pytest.approx(zero, abs=0.2)
    assert total[1] + total[2] == pytest.approx(at, abs=0.2), "it ends where the sum of all does"
    per_bit = bars[0][2] / 10
    assert [width / per_bit for _, _, width in bars] == pytest.approx([10.0, 6.25, 12.5, 3.75, 5.0], abs=0.05)


def test_a_score_of_certainty_has_a_waterfall_all_the_same(joined: PairExplanation) -> None:
    score = joined.score
    assert score is not None
    ElementTree.fromstring(waterfall(score, match_threshold=1.0, review_threshold=0.0))


def test_the_graph_is_the_same_each_time_and_tells_kind_probability_and_weakness(customer_of: Callable[[int], CustomerExplanation]) -> None:
    customer = customer_of(6)
    drawn = cluster_graph(customer.records, customer.evidence, weak_below=0.9)
    assert drawn == cluster_graph(customer.records, customer.evidence, weak_below=0.9)
    tree = ElementTree.fromstring(drawn)
    lines = [line for line in tree.iter("line") if str(line.get("class")).startswith("evidence")]
    assert len(lines) == len(customer.evidence)
    dashed = {str(line.get("class")) for line in lines if line.get("stroke-dasharray")}
    assert dashed == {"evidence exact"}, "0.8 is weak, the scores are not"
    widths = {str(line.get("class")): float(str(line.get("stroke-width"))) for line in lines}
    assert widths["evidence probabilistic"] > widths["evidence exact"]
    places = {(circle.get("cx"), circle.get("cy")) for circle in tree.iter("circle")}
    assert len(places) == 6, "no record hides another"


@pytest.mark.parametrize("count", [1, 2, 30])
def test_any_number_of_records_is_drawn_within_the_picture(count: int, customer_of: Callable[[int], CustomerExplanation]) -> None:
    customer = customer_of(count)
    tree = ElementTree.fromstring(cluster_graph(customer.records, customer.evidence, weak_below=0.9))
    width, height = (float(part) for part in str(tree.get("viewBox")).split()[2:])
    for circle in tree.iter("circle"):
        assert 15 <= float(str(circle.get("cx"))) <= width - 15
        assert 15 <= float(str(circle.get("cy"))) <= height - 15


def test_records_without_evidence_between_them_stand_beside_each_other(apart: PairExplanation) -> None:
    tree = ElementTree.fromstring(cluster_graph(apart.records, [], weak_below=0.9, asked=[one.record_id for one in apart.records]))
    nodes = [circle for circle in tree.iter("circle") if "node" in str(circle.get("class"))]
    assert len({(circle.get("cx"), circle.get("cy")) for circle in nodes}) == 2
    assert len({circle.get("class") for circle in nodes}) == 2, "each customer has its shade"
