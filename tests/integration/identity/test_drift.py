"""Summaries over nights: what is counted, what drift opens and closes, and that nothing personal is kept."""

from __future__ import annotations

from typing import Any

from customer360.identity.settings import DriftLimits
from customer360.pipeline.drift import history, take

LIMITS = DriftLimits(compare_with=7, min_count=20, max_psi=0.25, max_count_change=0.5, max_rate_change=0.3)


def people(first: int, count: int, **same: Any) -> list[dict[str, Any]]:
    names = ("Anna", "Bernd", "Clara", "David", "Emil")
    return [
        {
            "customer_id": number,
            "first_name": names[number % 5],
            "last_name": f"Muster{number}",
            "email": f"m{number // 2}@example.com",
            **same,
        }
        for number in range(first, first + count)
    ]


def test_a_night_is_summarised_compared_and_told_until_it_is_over(sources: Any, identity: Any) -> None:
    identity.with_settings(drift=LIMITS)
    sources.publish("shop.customers", people(1, 40))
    identity.resolve()
    first = take(rules=identity.rules)
    assert first.measures == []
    summary = first.summary
    assert summary.records == {"shop.customers": 40}
    assert summary.customers == len(identity.customers())
    sizes = [len(records) for records in identity.customers().values()]
    assert (summary.cluster_sizes["1"], summary.cluster_sizes["2"]) == (sizes.count(1), sizes.count(2))
    assert summary.edges == dict(identity.fetch("select kind, count(*) from identity.edge group by 1"))
    assert summary.completeness["shop.customers"]["email"].share == 1.0

    take(rules=identity.rules)
    assert identity.fetch("select count(*) from identity.run_summary") == [(1,)], "one per run"

    sources.publish("shop.customers", people(1, 30, email=None))
    identity.resolve(accept=True)
    drifted = take(rules=identity.rules)
    assert "shop.customers has email" in [one.name for one in drifted.over]
    told = identity.fetch("select details from ops.incident where kind = 'identity_drift' and closed_at is null")
    assert len(told) == 1 and "was 100.0%, is 25.0%" in str(told[0][0])

    sources.publish("shop.customers", people(1, 30))
    identity.resolve(accept=True)
    assert take(rules=identity.rules).over == []
    assert identity.fetch("select count(*) from ops.incident where closed_at is null") == [(0,)]

    with identity.connection.transaction():
        kept = history(identity.connection, limit=10)
    assert [one.run_id for one in kept] == sorted((one.run_id for one in kept), reverse=True) and len(kept) == 3
    everything = str(identity.fetch("select figures, drift from identity.run_summary") + told)
    for value, *_ in identity.fetch("select distinct value from identity.record_attribute where value is not null"):
        assert value not in everything, value
