"""quality.yaml is read strictly and fits the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer360.contracts.model import SourceContract
from customer360.contracts.reader import load_contracts
from customer360.observe.quality.settings import FILE, QualityError, read_settings

REPO = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def contracts() -> Mapping[str, SourceContract]:
    return load_contracts(REPO / "contracts")


def test_the_file_of_the_repository_fits_its_contracts(contracts: Mapping[str, SourceContract]) -> None:
    settings = read_settings(REPO / FILE, contracts)
    assert settings.limit("crm.leads", "duplicates").red == 0.7
    assert settings.limit("crm.contacts", "duplicates") == settings.limits["duplicates"]
    assert len(settings.consistency) >= 3


def changed(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((REPO / FILE).read_text())
    return given | changes


ONE = {"name": "x", "amber": 0.9, "red": 0.5, "reason": "r"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (changed(limits={}), "limits lacks turned_away, refused_loads"),
        (changed(objects={"crm.people": {}}), "no contract declares crm.people"),
        (changed(objects={"crm.leads": {"age": {"amber": 2, "red": 1, "reason": "r"}}}), "amber is above red"),
        (changed(consistency=[ONE]), "either keys or customers"),
        (changed(consistency=[{**ONE, "red": 1, "keys": {"left": "a", "right": "b"}}]), "red is above amber"),
        (changed(consistency=[{**ONE, "keys": {"left": "shop.orders.nothing", "right": "shop.orders.order_id"}}]), "has no field nothing"),
        (changed(consistency=[{**ONE, "customers": {"left": "shop.orders.status", "right": "crm.contacts"}}]), "names no person's record"),
        (changed(consistency=[{**ONE, "customers": {"left": "shop.orders.customer_id", "right": "shop.carts"}}]), "holds no people"),
        (changed(colour="red"), "colour"),
        ("limits: [", "line 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(given: Any, told: str, contracts: Mapping[str, SourceContract], tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(given if isinstance(given, str) else yaml.safe_dump(given))
    with pytest.raises(QualityError, match=told):
        read_settings(tmp_path / FILE, contracts)


def test_a_missing_file_is_told(contracts: Mapping[str, SourceContract], tmp_path: Path) -> None:
    with pytest.raises(QualityError, match="cannot be read"):
        read_settings(tmp_path / FILE, contracts)
