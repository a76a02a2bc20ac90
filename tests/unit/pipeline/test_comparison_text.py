"""What people read before they let a model be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from customer360.identity.customers.limits import Breach
from customer360.identity.models.churn import Churn, SourceChurn
from customer360.identity.models.paired import Estimate, Loss
from customer360.pipeline.comparison_text import comparison_text
from customer360.pipeline.models import Comparison

CHURN = Churn(
    customers_before=2213, customers_after=2220, kept=2206, born=7, revived=0, merged=0, retired=0, split=7, grown=0, records=5089, changing=7,
    disturbed=7, pairs_before=6000, pairs_after=5983, pairs_gained=0, pairs_lost=17, largest=7,
    sources=[SourceChurn(source="shop.customers", records=2095, changing=4)],
    edges_before={"exact": 4510}, edges_after={"exact": 4510, "probabilistic": 4822},
)  # fmt: skip


def loss(scope: str, touched: int) -> Loss:
    return Loss(
        scope=scope, told_by="clusters", true=6000, touched=touched, before=(0.9812, 0.8963), after=(0.983, 0.8948),
        precision=Estimate(value=-0.0018, low=-0.0035, high=-0.0001), recall=Estimate(value=0.0015, low=-0.0001, high=0.0031),
    )  # fmt: skip


FOUND = Comparison(
    version="d08e", compared_with="b417", churn=CHURN, losses=[loss("all", 9), loss("fr-FR", 2), loss("ja-JP", 0)], breaches=[]
)


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_gain_is_above_zero_and_its_interval_goes_from_low_to_high() -> None:
    text = comparison_text(FOUND)
    assert cells(text, "precision (known people)")[1:] == ["0.9812", "0.9830", "+0.0018", "+0.0001 to +0.0035"]
    assert cells(text, "recall (known people)")[1:] == ["0.8963", "0.8948", "-0.0015", "-0.0031 to +0.0001"]
    assert cells(text, "f1 (known people)")[3] == "0.0000"
    assert cells(text, "shop.customers")[1:] == ["2,095", "4"]
    assert cells(text, "probabilistic")[1:] == ["0", "4,822"]
    assert "7 of 2,213 customers (0.32%) would change id or lose records." in text


def test_only_locales_that_are_touched_fill_the_table() -> None:
    text = comparison_text(FOUND)
    assert cells(text, "fr-FR")[1] == "2"
    assert "No known person is touched of ja-JP." in text and "| ja-JP" not in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "Passes the model gate."),
        ({"losses": []}, "No labels are configured"),
        ({"breaches": [Breach(limit="max_weight (email)", observed="41.0", allowed="30")]}, "- max_weight (email): 41.0, allowed 30"),
    ],
)
def test_the_verdict_and_what_cannot_be_said_are_said(change: dict[str, object], told: str) -> None:
    text = comparison_text(replace(FOUND, **change))
    assert told in text
    assert ("**Refused by the model gate.**" in text) == bool(change.get("breaches"))
    assert "\n\n\n" not in text
