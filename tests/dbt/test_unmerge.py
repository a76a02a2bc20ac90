"""What is joined comes apart by itself: once evidence is withdrawn, one live run later identity, crosswalk and golden record show two
customers, as a full run would have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from customer360.contracts.reader import load_contracts
from customer360.identity.records.sources import record_sources
from customer360.identity.resolution import Rules
from customer360.identity.settings import read_settings
from customer360.identity.stewardship import decisions
from customer360.pipeline import build as building
from customer360.pipeline.resolve import SETTINGS, resolve
from customer360.platform import home
from customer360.warehouse import tables
from tests.integration.conftest import Identity, Sources, small_model

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

NAMES = {"declared": "Anna", "deleted": "Bernd", "changed": "Carla", "undone": "Dora", "crowded": "Emil"}


@dataclass
class Company:
    """Five people, each with two records that evidence of another kind joins, resolved and built."""

    sources: Sources
    identity: Identity
    decision: Any

    def live(self) -> None:
        """A live run."""
        assert resolve(rules=self.identity.rules).mode == "incremental"
        outcome = building.build(live=True)
        assert (outcome.state, outcome.live) == ("built", True), outcome.failures

    def crosswalk(self) -> dict[str, str]:
        """Customer of every record, as analysts see it."""
        return dict(self.identity.fetch("select record_id, customer_id::text from marts.bridge_customer_record"))

    def golden(self) -> dict[str, tuple[Any, ...]]:
        """Golden values of every customer."""
        rows = self.identity.fetch("select customer_id::text, first_name, last_name, email from intermediate.int_customers_pivoted")
        return {row[0]: row[1:] for row in rows}


def _account(number: int, name: str, **fields: Any) -> dict[str, Any]:
    return {"customer_id": number, "first_name": name, "last_name": "Schneider", "email": f"{name.lower()}@example.com", **fields}


def _contact(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name.lower(), "first_name": name, "last_name": "Maier", "email": f"{name.lower()}@work.example", **fields}


@pytest.fixture(scope="module")
def company(module_warehouse: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with pytest.MonkeyPatch.context() as patch, module_warehouse.connect(autocommit=False) as connection:
        patch.setenv("C360_HOME", str(tmp_path_factory.mktemp("unmerge")))
        contracts = load_contracts()
        objects = {obj.full_name: obj for contract in contracts.values() for obj in contract.objects}
        for obj in objects.values():
            tables.ensure(connection, obj)
        connection.commit()
        settings = read_settings(home.repo() / SETTINGS)
        email = settings.identifiers["email"].model_copy(update={"records": 2, "verified_records": 2})
        settings = settings.model_copy(update={"identifiers": {"email": email}})
        rules = Rules(sources=record_sources(contracts.values()), settings=settings, model=small_model())
        sources, identity = Sources(connection, objects), Identity(connection, rules)
        anna, bernd, carla, dora, emil = NAMES.values()
        sources.publish("crm.contacts", [_contact(name) for name in (anna, dora)])
        sources.publish("crm.contacts", [_contact(name, email=f"{name}@example.com") for name in (bernd, carla, emil)])
        sources.publish("shop.customers", [_account(1, anna, crm_contact_id="anna")])
        sources.publish("shop.customers", [_account(number, name) for number, name in enumerate((bernd, carla, dora, emil), 2)])
        assert resolve(rules=rules).state == "resolved"
        decision = decisions.decide(connection, "shop.customers:4", "crm.contacts:dora", verdict="must_link", decided_by="steward")
        connection.commit()
        resolve(rules=rules)
        outcome = building.build(live=True)
        assert outcome.state == "built", outcome.failures
        yield Company(sources, identity, decision)


def _declared_link_gone(company: Company) -> None:
    company.sources.publish("shop.customers", [_account(1, "Anna", crm_contact_id=None)])


def _record_deleted(company: Company) -> None:
    company.sources.publish("shop.customers", delete=[{"customer_id": 2}])


def _identifier_changed(company: Company) -> None:
    company.sources.publish("crm.contacts", [_contact("Carla")])


def _decision_undone(company: Company) -> None:
    decisions.withdraw(company.identity.connection, company.decision, withdrawn_by="steward")
    company.identity.connection.commit()


def _limit_crossed(company: Company) -> None:
    company.sources.publish("email.subscribers", [{"subscriber_id": "s1", "email": "emil@example.com"}])


@pytest.mark.parametrize(
    ("number", "name", "withdraw"),
    [
        pytest.param(1, "Anna", _declared_link_gone, id="a declared link"),
        pytest.param(2, "Bernd", _record_deleted, id="a record"),
        pytest.param(3, "Carla", _identifier_changed, id="an identifier's value"),
        pytest.param(4, "Dora", _decision_undone, id="a decision"),
        pytest.param(5, "Emil", _limit_crossed, id="an identifier's limit"),
    ],
)
def test_withdrawn_evidence_splits_the_customer_in_the_same_run(
    number: int, name: str, withdraw: Callable[[Company], None], company: Company
) -> None:
    account, contact = f"shop.customers:{number}", f"crm.contacts:{name.lower()}"
    before = company.crosswalk()
    together = before[account]
    assert before[contact] == together
    others = {record: customer for record, customer in before.items() if customer != together}
    golden = company.golden()

    withdraw(company)
    company.live()

    after = company.crosswalk()
    assert after.get(account) != after[contact]
    assert together in after.values(), "one of the two keeps the id"
    assert {record: after[record] for record in others} == others, "nobody else is touched"
    now = company.golden()
    assert now[after[contact]][:2] == (name, "Maier")
    if account in after:
        assert now[after[account]][:2] == (name, "Schneider")
    assert {customer: now[customer] for customer in set(others.values())} == {
        customer: golden[customer] for customer in set(others.values())
    }


def test_a_full_run_finds_what_the_live_runs_left(company: Company) -> None:
    crosswalk, golden = company.crosswalk(), company.golden()
    assert resolve(rules=company.identity.rules, full=True).state == "nothing_new"
    assert building.build(live=False, select="tag:live").state == "built"
    assert (company.crosswalk(), company.golden()) == (crosswalk, golden)
