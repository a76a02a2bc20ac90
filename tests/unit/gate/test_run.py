"""Which queries are mere conditions, to be counted in the scan that counts for the other expectations."""

from __future__ import annotations

import pytest

from customer360.gate.run import _condition

ROWS = "SELECT _row_number FROM {batch} WHERE "


@pytest.mark.parametrize(
    "condition",
    ["revenue < 0 OR revenue > 1000000", "type = 'track' AND (event IS NULL OR btrim(event) = '')", "a ~ '^[[:digit:]]+:'", "forty = 1"],
)
def test_a_condition_is_found(condition: str) -> None:
    assert _condition(ROWS + condition) == condition


@pytest.mark.parametrize(
    "query",
    [
        ROWS + "id IN (SELECT id FROM {batch} GROUP BY id HAVING count(*) > 1)",
        ROWS + "a = 1 ORDER BY a LIMIT 3",
        ROWS + "a = 1 FETCH FIRST ROW ONLY",
        ROWS + "a = 1 UNION ALL SELECT 1",
        ROWS + "a = 1 -- and no more",
        ROWS + "a = 1 /* and no more */",
        ROWS + "a = 1; delete from raw.x",
        "SELECT b._row_number FROM {batch} b JOIN raw.x USING (id) WHERE b.a = 1",
        "SELECT _row_number FROM {batch}",
    ],
)
def test_another_query_runs_by_itself(query: str) -> None:
    assert _condition(query) is None
