"""The identity report: its figures are those of the database, it needs no other host, and it holds no value of any record."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import UserError
from customer360.pipeline import kept_pages, report


def people(count: int) -> list[dict[str, Any]]:
    names = ("Annegret", "Bernward", "Clarissa")
    return [
        {
            "customer_id": number,
            "first_name": names[number % 3],
            "last_name": f"Muster{number // 2}mann",
            "birth_date": f"19{50 + number % 40}-03-04",
            "email": f"mail{number // 2}@example.com",
        }
        for number in range(1, count + 1)
    ]


def test_the_page_has_the_figures_and_no_value_of_a_record(sources: Any, identity: Any, c360_home: Path) -> None:
    sources.publish("shop.customers", people(40))
    identity.resolve()
    labels = c360_home / "labels"
    labels.mkdir(parents=True)
    rows = [f"{record},{customer},xx-XX" for customer, records in identity.customers().items() for record in records]
    (labels / "clusters.csv").write_text("\n".join(["record_id,person_id,locale", *rows]) + "\n")
    (labels / "pairs.csv").write_text("record_id_l,record_id_r,is_match\nshop.customers:2,shop.customers:3,false\n")

    path, taken = report.write()
    text = path.read_text(encoding="utf-8")
    assert (path.parent / kept_pages.LATEST).read_text(encoding="utf-8") == text
    assert path.parent == c360_home / "reports" / "identity"
    shown = unescape(re.sub(r"<[^>]+>", " ", text))
    assert f"{len(identity.customers())} customers" in re.sub(r"\s+", " ", shown)
    for expected in ("F1 over pairs of records", "xx-XX", "Judged pairs", "shop.customers", "grey zone", "Refusals", taken.model_version):
        assert expected in shown, expected
    assert text.count("<svg") >= 3
    assert not re.search(r"https?://|<script|url\(", text), "self-contained"

    values = {
        value
        for raw, standard in identity.fetch("select raw_value, value from identity.record_attribute")
        for value in (raw, standard)
        if value is not None
    }
    assert len(values) > 60
    assert [value for value in values if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", shown, re.IGNORECASE)] == []
    assert "shop.customers:" not in text, "no record id either"


def test_without_labels_and_history_the_page_says_so(sources: Any, identity: Any, c360_home: Path, tmp_path: Path) -> None:
    sources.publish("shop.customers", people(6))
    identity.resolve()
    out = tmp_path / "report.html"
    assert report.write(out=out)[0] == out
    assert "Nobody has said what is true yet" in out.read_text()
    assert "no earlier summary" in out.read_text()
    assert not report.folder().exists()


def test_before_the_first_run_there_is_nothing_to_report(identity: Any, c360_home: Path) -> None:
    with pytest.raises(UserError, match="customer360 resolve"):
        report.write()
