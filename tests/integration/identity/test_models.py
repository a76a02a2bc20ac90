"""A model's way into use, and what is said of it beforehand: churn without writing, the registry's one rule, who may approve what."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import UserError
from customer360.identity.match.model import Model
from customer360.identity.models import registry
from customer360.identity.models.churn import ChurnError, churn
from customer360.pipeline import models as pipeline
from customer360.pipeline import resolve as resolving


def fingerprint(identity: Any) -> dict[str, Any]:
    tables = identity.fetch("select tablename from pg_tables where schemaname = 'identity' and tablename not like 'model%%' order by 1")
    assert len(tables) > 10
    return {name: identity.fetch(f"select count(*), sum(xmin::text::bigint) from identity.{name}")[0] for (name,) in tables}


def tried(identity: Any, rules: Any) -> Any:
    try:
        return churn(identity.connection, rules)
    finally:
        identity.connection.rollback()


@pytest.mark.parametrize("seed", range(2))
def test_what_churn_says_of_another_model_is_what_its_first_run_does(
    seed: int, sources: Any, identity: Any, people: Callable[..., Any], model_with: Callable[..., Model]
) -> None:
    dice = random.Random(seed)
    sources.publish("shop.customers", people(dice, 60))
    identity.resolve()
    before, written = identity.customers(), fingerprint(identity)

    same = tried(identity, identity.rules).churn
    assert (same.changing, same.born, same.retired, same.disturbed) == (0, 0, 0, 0)
    assert same.kept == same.customers_before == same.customers_after == len(before)
    assert same.edges_before == same.edges_after

    others = replace(identity.rules, model=model_with(match_threshold=dice.choice([0.55, 0.97])))
    found = tried(identity, others)
    assert fingerprint(identity) == written, "trying out writes nothing"

    said = found.churn
    identity.rules = others
    identity.resolve(accept=True)
    after = identity.customers()
    assert said.customers_after == len(after) != len(before)
    assert (said.born, said.retired) == (len(set(after) - set(before)), len(set(before) - set(after)))
    assert said.kept == sum(after.get(customer) == records for customer, records in before.items())
    owner = {record: customer for customer, records in before.items() for record in records}
    moved = [record for customer, records in after.items() for record in records if owner[record] != customer]
    assert said.changing == len(moved) > 0
    assert said.changing == sum(one.changing for one in said.sources)
    assert {frozenset(group) for group in _groups(found.customer_of)} == identity.partition()


def test_other_settings_are_tried_too(sources: Any, identity: Any) -> None:
    anna = {"first_name": "Anna", "last_name": "Schneider", "email": "a@example.com"}
    sources.publish("shop.customers", [{"customer_id": number, **anna} for number in (1, 2, 3)])
    identity.resolve()
    rule = identity.rules.settings.identifiers["email"].model_copy(update={"records": 2, "verified_records": 2})
    strict = identity.rules.settings.model_copy(update={"identifiers": {**identity.rules.settings.identifiers, "email": rule}})
    found = tried(identity, replace(identity.rules, settings=strict)).churn
    assert (found.customers_before, found.customers_after, found.split, found.born) == (1, 3, 1, 2)
    assert (found.pairs_lost, found.pairs_gained, found.changing) == (3, 0, 2)


def test_without_customers_there_is_nothing_to_compare(identity: Any, sources: Any) -> None:
    with pytest.raises(ChurnError, match="customer360 resolve"):
        churn(identity.connection, identity.rules)


def _groups(customer_of: dict[str, str]) -> list[set[str]]:
    groups: dict[str, set[str]] = {}
    for record, customer in customer_of.items():
        groups.setdefault(customer, set()).add(record)
    return list(groups.values())


# ------------------------------------------------------------------------------------------------ registry
@pytest.fixture
def candidate(identity: Any, sources: Any, checkout: Path, people: Callable[..., Any], model_with: Callable[..., Model]) -> Model:
    """A trained model that waits in the registry, beside customers that the reviewed one made."""
    sources.publish("shop.customers", people(random.Random(1), 30))
    resolving.resolve()
    made = model_with(match_threshold=0.91)
    registry.keep(identity.connection, made)
    identity.connection.commit()
    return made


def used() -> str:
    return resolving.read_rules().model.version


def test_an_approved_candidate_is_used_from_the_next_run_until_another_file_is_committed(
    identity: Any, candidate: Model, checkout: Path, model_with: Callable[..., Model]
) -> None:
    reviewed = used()
    with pytest.raises(UserError, match="was not compared yet"):
        pipeline.approve(candidate.version, by="erika")
    assert not pipeline.compare(candidate.version).is_refused
    assert used() == reviewed, "nobody has approved it"
    pipeline.approve(candidate.version[:6], by="erika", note="better recall")
    assert used() == candidate.version
    assert resolving.resolve().mode == "full"
    assert identity.fetch("select model_version from identity.run order by run_id desc limit 1") == [(candidate.version,)]
    assert resolving.resolve().state == "nothing_new"

    model_with(match_threshold=0.8).save(checkout / "identity" / "models" / "person.json")
    assert used() == model_with(match_threshold=0.8).version, "a newer file outweighs an older approval"
    model_with().save(checkout / "identity" / "models" / "person.json")
    assert used() == candidate.version

    pipeline.approve("reviewed", by="erika")
    assert used() == reviewed
    told = identity.fetch("select version, verdict, decided_by, note from identity.model_decision order by decision_id")
    assert told == [(candidate.version, "approved", "erika", "better recall"), (reviewed, "approved", "erika", None)]


def test_a_rejected_candidate_stays_unused_and_the_model_in_use_cannot_be_rejected(identity: Any, candidate: Model) -> None:
    pipeline.compare(candidate.version)
    pipeline.reject(candidate.version, by="otto", note="too many merges")
    assert used() != candidate.version
    (listed,) = pipeline.known()[1]
    assert (listed.verdict, listed.decided_by, listed.note) == ("rejected", "otto", "too many merges")
    pipeline.approve(candidate.version, by="erika")
    with pytest.raises(UserError, match="is in use"):
        pipeline.reject(candidate.version, by="otto")


def test_a_comparison_with_a_model_no_longer_in_use_does_not_count(
    identity: Any, candidate: Model, model_with: Callable[..., Model]
) -> None:
    other = model_with(match_threshold=0.92)
    registry.keep(identity.connection, other)
    identity.connection.commit()
    pipeline.compare(candidate.version)
    pipeline.compare(other.version)
    pipeline.approve(other.version, by="erika")
    with pytest.raises(UserError, match="look again"):
        pipeline.approve(candidate.version, by="erika")


def test_the_gate_refuses_a_candidate_by_labels_tells_once_and_nobody_can_approve_it(
    identity: Any, candidate: Model, checkout: Path, c360_home: Path, model_with: Callable[..., Model]
) -> None:
    customers = identity.customers()
    labels = c360_home / "labels"
    labels.mkdir(parents=True)
    rows = [f"{record},{customer}" for customer, records in customers.items() for record in records]
    (labels / "clusters.csv").write_text("\n".join(["record_id,person_id", *rows]) + "\n")
    settings = checkout / "identity" / "settings.yaml"
    settings.write_text(
        settings.read_text().replace("min_labels: 200", "min_labels: 1").replace("max_changed_share: 0.05", "max_changed_share: 1.0")
    )
    loose = model_with(match_threshold=0.55)
    registry.keep(identity.connection, loose)
    identity.connection.commit()

    found = pipeline.compare(loose.version)
    assert found.losses[0].before == (1.0, 1.0)
    assert found.losses[0].after[0] < 0.95
    assert {"min_precision (clusters)", "max_precision_loss (clusters)"} <= {one.limit for one in found.breaches}
    pipeline.compare(loose.version, run_url="http://airflow/run")
    told = identity.fetch("select kind, occurrences, run_url from ops.incident where closed_at is null")
    assert told == [("model_refused", 2, "http://airflow/run")]
    with pytest.raises(UserError, match="the model gate refused"):
        pipeline.approve(loose.version, by="erika")
    assert used() != loose.version

    pipeline.compare(candidate.version)
    assert identity.fetch("select count(*) from ops.incident where closed_at is null") == [(0,)]
    kept = json.dumps([one.comparison for one in pipeline.known()[1]])
    assert "example.com" not in kept and "Schneider" not in kept


def test_unknown_and_ambiguous_versions_are_refused(candidate: Model) -> None:
    with pytest.raises(UserError, match="there is no model 'zzz'"):
        pipeline.compare("zzz")
    with pytest.raises(UserError, match="several models begin with ''"):
        pipeline.compare("")
