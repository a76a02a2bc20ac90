"""Breaking a legal contract."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer360.contracts.problems import ContractError, Problem
from customer360.contracts.reader import load_contract, load_contracts
from tests.unit.contracts.legal import LEGAL

Break = Callable[[dict[str, Any]], object]


@pytest.fixture
def problems_of(tmp_path: Path) -> Callable[[Break], list[Problem]]:
    """The problems of the legal contract after `break_it(data)` changed it; empty when it is still legal."""

    def problems(break_it: Break, *, together: bool = False) -> list[Problem]:
        data = copy.deepcopy(LEGAL)
        break_it(data)
        path = tmp_path / "club.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
        try:
            if together:
                load_contracts(tmp_path)
            else:
                load_contract(path)
        except ContractError as error:
            return list(error.problems)
        return []

    return problems
