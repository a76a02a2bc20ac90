"""Explanations of a small world in which every reason for being one customer, or not, has its pair."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from customer360.cli import build_app
from customer360.errors import UserError
from customer360.identity.explain.basis import Basis, read_basis
from customer360.identity.explain.customer import explain_customer
from customer360.identity.explain.document import document
from customer360.identity.explain.explanation import CustomerExplanation, PairExplanation
from customer360.identity.explain.page import page
from customer360.identity.explain.pair import explain_pair
from customer360.identity.explain.text import text
from customer360.identity.stewardship import desk
from customer360.pipeline.explain import explain
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

OWN_CONNECTIONS = 2  # of the fixture `module_identity`
CROWD = 13  # one more than an unverified mailbox may have holders
POINTERS = 9  # one more than a declared link may have


def shop(number: int) -> str:
    return f"shop.customers:{number}"


def _person(number: int, first: str | None, last: str | None, **fields: Any) -> dict[str, Any]:
    return {"customer_id": number, "first_name": first, "last_name": last, **fields}


@dataclass
class World:
    """`before`: customers after the first run."""

    identity: Any
    before: dict[str, UUID]

    def pair(self, left: str, right: str, **how: Any) -> PairExplanation:
        with connect(role=Role.STEWARD) as connection:
            return explain_pair(connection, left, right, basis=self.basis(connection), **how)

    def customer(self, customer_id: UUID, **how: Any) -> CustomerExplanation:
        with connect(role=Role.STEWARD) as connection:
            return explain_customer(connection, customer_id, basis=self.basis(connection), **how)

    def of(self, record_id: str) -> UUID:
        """The record's customer now."""
        (found,) = self.identity.fetch("select customer_id from identity.membership where record_id = %s and valid_to is null", record_id)
        return found[0]

    def run(self, *ids: str) -> Any:
        """As the command does it: with the model and settings of the checkout."""
        with connect(role=Role.STEWARD) as connection:
            return explain(connection, *ids)

    def basis(self, connection: Any) -> Basis:
        return read_basis(connection, reviewed=self.identity.rules.model, settings=self.identity.rules.settings)


@pytest.fixture(scope="module")
def world(module_identity: Any) -> World:
    sources, identity = module_identity
    sources.publish(
        "shop.customers",
        [
            # one by a mailbox; one by way of a third record
            _person(1, "Anna", "Schneider", email="anna@example.com"),
            _person(2, "Anna", "Schneider", email="anna@example.com"),
            _person(10, "Bernd", "Maier", email="bernd@example.com", birth_date="1980-03-04"),
            _person(11, "Bernd", None, email="bernd@example.com", phone="+4922812345678", crm_contact_id="c12"),
            # grey zone, below it, never compared
            _person(20, "Carla", "Weber"),
            _person(21, "Carla", "Weber"),
            _person(22, "Dora", "Huber"),
            _person(23, "Dora", "Huber"),
            _person(24, "Emil", "Zorn"),
            # birth dates that one person cannot have; a household's telephone
            _person(25, "Mia", "Roth", birth_date="1970-05-05"),
            _person(26, "Mia", "Roth", birth_date="1991-11-30"),
            _person(27, "Nora", "Stein", phone="+4922899887766"),
            _person(28, "Nora", None, phone="+4922899887766"),
            # a couple on one mailbox and somebody nameless, a crowd on another
            _person(30, "Fritz", "Lang", email="lang@example.com"),
            _person(31, "Greta", "Lang", email="lang@example.com"),
            _person(32, None, None, email="lang@example.com"),
            *(_person(100 + n, f"Name{chr(97 + n)}", f"Crowd{chr(97 + n)}", email="hall@example.com") for n in range(CROWD)),
            # a value that too many records point at
            *(_person(200 + n, f"Point{chr(97 + n)}", f"Person{chr(97 + n)}", crm_contact_id="c99") for n in range(POINTERS)),
            # two groups that hang together by a mailbox that says nothing of names
            *(_person(40 + n, "Erik", "Langer", email="thread@example.com" if n == 0 else None) for n in range(3)),
            *(_person(50 + n, None, "Moser", birth_date="1981-05-06", email="thread@example.com" if n == 0 else None) for n in range(3)),
            # to be merged, to be parted, to be decided on (and changed since, and too late for a run), to be deleted
            _person(60, "Hanna", "Kern", email="hanna@example.com"),
            _person(61, "Hanna", "Kern"),
            _person(70, "Ida", "Vogel", email="ida@example.com"),
            _person(71, "Ida", "Vogel", email="ida@example.com"),
            _person(80, "Jan", "Winter"),
            _person(81, "Jan", "Winter"),
            _person(82, "Karl", "Sommer", email="karl@example.com"),
            _person(83, "Karl", "Sommer", email="karl@example.com"),
            _person(84, "Otto", "Frost", email="otto@example.com"),
            _person(85, "Otto", "Frost"),
            _person(86, "Paula", "Regen"),
            _person(87, "Paula", "Regen"),
            _person(90, "Lena", "Herbst"),
            _person(91, "Lena", "Herbst"),
        ],
    )
    sources.publish(
        "shop.addresses",
        [
            {"address_id": 1, "customer_id": 22, "city": "Bonn"},
            {"address_id": 2, "customer_id": 23, "city": "Ulm"},
            *({"address_id": 10 + n, "customer_id": 40 + n, "city": "Bonn"} for n in range(3)),
            *({"address_id": 20 + n, "customer_id": 50 + n, "city": "Ulm"} for n in range(3)),
        ],
    )
    sources.publish("crm.contacts", [{"id": "c12", "first_name": "Berndt", "last_name": "Maier"}, {"id": "c99", "last_name": "Default"}])
    identity.resolve()
    before = {record: customer for customer, records in identity.customers().items() for record in records}
    _decide(80, 81, "same")
    _decide(82, 83, "different")
    _decide(84, 85, "same")
    identity.resolve()
    sources.publish(
        "shop.customers",
        [
            _person(61, "Hanna", "Kern", email="hanna@example.com"),
            _person(71, "Ida", "Vogel", email="other@example.com"),
            _person(85, "Otto", "Frost", phone="+4922811112222"),
        ],
        delete=[{"customer_id": 91}],
    )
    identity.resolve()
    _decide(86, 87, "same")
    return World(identity, before)


def _decide(left: int, right: int, answer: desk.Answer) -> None:
    with connect(role=Role.STEWARD) as connection:
        desk.decide(connection, shop(left), shop(right), answer=answer, by="Sam", reason="phoned")


def _kinds(found: PairExplanation) -> list[str]:
    return [one.kind for one in found.obstacles]


def _steps(found: PairExplanation) -> list[tuple[str, str, float]]:
    return [(step.record_id_from, step.record_id_to, step.probability) for step in found.path]


# ---------------------------------------------------------------------------------------------------- one customer
def test_a_pair_joined_directly(world: World) -> None:
    found = world.pair(shop(2), shop(1))
    assert found.is_one
    assert _steps(found) == [(shop(2), shop(1), 0.99)], "told from the first record to the second"
    exact, scored = found.path[0].evidence
    assert (exact.kind, exact.rule, exact.holds) == ("exact", "email", True)
    assert exact.details["records"] == 2
    assert (scored.kind, scored.holds) == ("probabilistic", False)
    assert scored.breakdown is not None
    assert scored.breakdown.probability == pytest.approx(scored.probability, abs=1e-8), "the score told is the score kept"
    assert [(one.field, one.level) for one in scored.breakdown.fields if one.level] == [("first_name", "exact"), ("last_name", "exact")]
    assert found.obstacles == []
    assert found.values is None


def test_a_pair_joined_by_way_of_a_third_record(world: World) -> None:
    found = world.pair(shop(10), "crm.contacts:c12")
    assert found.is_one
    assert _steps(found) == [(shop(10), shop(11), 0.99), (shop(11), "crm.contacts:c12", 0.999)]
    assert [step.evidence[0].kind for step in found.path] == ["exact", "declared"]
    assert found.direct == []
    assert found.score is not None and found.score.probability < 0.5, "what the model says of the two alone is told as well"


def test_a_pair_joined_by_a_decision(world: World) -> None:
    found = world.pair(shop(80), shop(81))
    assert found.is_one
    assert found.path[0].evidence[0].kind == "decided"
    (decision,) = found.decisions
    assert (decision.answer, decision.decided_by, decision.reason, decision.reopened_at) == ("same", "Sam", "phoned", None)
    assert [one.action for one in found.actions] == ["decided"]


def test_a_decision_whose_records_have_changed_is_told_as_reopened(world: World) -> None:
    found = world.pair(shop(84), shop(85))
    assert found.is_one
    assert found.decisions[0].reopened_at is not None
    assert [one.action for one in found.actions] == ["decided", "reopened"]


# ------------------------------------------------------------------------------------------------------------ apart
def test_a_pair_in_the_grey_zone(world: World) -> None:
    found = world.pair(shop(20), shop(21))
    assert not found.is_one
    assert _kinds(found) == ["grey_zone"]
    assert "0.802, 0.098 below the match threshold 0.9" in found.obstacles[0].text
    assert [one.kind for one in found.questions] == ["grey_zone"]
    assert found.path == []


def test_a_pair_compared_and_forgotten(world: World) -> None:
    found = world.pair(shop(22), shop(23))
    assert _kinds(found) == ["below_review"]
    assert "0.040 below the review threshold 0.5" in found.obstacles[0].text
    assert found.direct == [], "no edge was kept; it is scored on the spot"
    assert found.score is not None and found.score.blocking_rule is not None


def test_a_pair_that_no_blocking_rule_brings_together(world: World) -> None:
    found = world.pair(shop(22), shop(24))
    assert _kinds(found) == ["not_blocked"]
    assert found.score is not None and found.score.blocking_rule is None


def test_a_pair_whose_birth_dates_contradict(world: World) -> None:
    found = world.pair(shop(25), shop(26))
    assert _kinds(found) == ["contradiction", "below_review"]
    assert found.obstacles[0].details["what"] == "birth dates"


def test_a_shared_identifier_that_joins_nobody(world: World) -> None:
    found = world.pair(shop(100), shop(101))
    assert _kinds(found) == ["refused_identifier", "not_blocked"]
    assert found.obstacles[0].details == {"attribute": "email", "records": CROWD, "limit": CROWD - 1, "reason": "too_many_records"}
    assert f"{CROWD} records hold it" in found.obstacles[0].text


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (30, 31, "their names or birth dates contradict each other"),
        (27, 28, "it joins only whose full name agrees, and these agree on the first name alone"),
        (30, 32, "others hold it who contradict each other"),
    ],
)
def test_a_shared_identifier_that_is_not_enough(world: World, left: int, right: int, reason: str) -> None:
    found = world.pair(shop(left), shop(right))
    assert "guarded_identifier" in _kinds(found)
    assert any(reason in one.text for one in found.obstacles)


def test_a_declared_link_that_too_many_share(world: World) -> None:
    found = world.pair(shop(200), shop(201))
    assert _kinds(found) == ["refused_link", "not_blocked"]
    assert found.obstacles[0].details["records"] == POINTERS
    assert _kinds(world.pair(shop(200), "crm.contacts:c99"))[0] == "refused_link", "also with the record they point at"


def test_a_pair_that_community_detection_cut(world: World) -> None:
    found = world.pair(shop(41), shop(52))
    assert _kinds(found) == ["not_blocked", "cut"]
    cut = found.obstacles[1].details
    assert (cut["record_id_l"], cut["record_id_r"], cut["pairs_joined"], cut["pairs"]) == (shop(40), shop(50), 1, 9)
    assert cut["mean"] < cut["resolution"]
    assert [step.crosses for step in found.path] == [False, True, False]
    assert [(one.kind, one.record_id_l) for one in found.questions] == [("cut", shop(40))], "asked about the two customers"


def test_a_pair_that_a_decision_keeps_apart(world: World) -> None:
    found = world.pair(shop(82), shop(83))
    assert not found.is_one
    assert _kinds(found) == ["cannot_link", "cut"]
    assert "Sam decided" in found.obstacles[0].text
    assert found.questions == [], "the decision answers it"
    assert found.path[0].crosses


def test_a_decision_that_no_run_has_seen_yet(world: World) -> None:
    found = world.pair(shop(86), shop(87))
    assert not found.is_one
    assert any("next run" in note for note in found.notes)


def test_a_deleted_record(world: World) -> None:
    found = world.pair(shop(90), shop(91))
    assert not found.is_one
    assert _kinds(found) == ["deleted"]
    assert found.score is None
    with pytest.raises(UserError, match="was deleted"):
        world.run(shop(91))


# ------------------------------------------------------------------------------------------------------- customers
def test_a_customer(world: World) -> None:
    found = world.customer(world.of(shop(10)))
    assert [one.record_id for one in found.records] == ["crm.contacts:c12", shop(10), shop(11)]
    assert [(one.record_id_l, one.record_id_r, one.probability) for one in found.tree] == [
        ("crm.contacts:c12", shop(11), 0.999),
        (shop(10), shop(11), 0.99),
    ]
    assert found.confidence == 0.99 == found.tree[-1].probability
    assert [(one.attribute, one.record_ids) for one in found.identifiers] == [("email", [shop(10), shop(11)])]
    assert [one.kind for one in found.events] == ["birth"]
    assert found.alias_since is None


def test_a_customer_by_an_id_that_went_into_it(world: World) -> None:
    gone = world.before[shop(61)]
    found = world.customer(gone)
    assert (found.asked, found.customer_id, found.aliases) == (gone, world.of(shop(60)), [gone])
    assert found.alias_since is not None
    assert [(one.kind, one.other_id) for one in found.events] == [("birth", None), ("merge", gone)]
    assert found.events[1].reason["edges"][0]["rule"] == "email"


def test_a_customer_that_came_out_of_another(world: World) -> None:
    kept, parted = world.customer(world.of(shop(70))), world.customer(world.of(shop(71)))
    assert [one.kind for one in kept.events] == ["birth", "split"]
    assert [(one.kind, one.customer_id) for one in parted.events if one.kind == "split"] == [("split", kept.customer_id)]
    (neighbour,) = kept.neighbours
    assert (neighbour.customer_id, neighbour.is_cut, neighbour.evidence.holds) == (parted.customer_id, False, False)


def test_a_customer_beside_one_that_clustering_cut_off(world: World) -> None:
    found = world.customer(world.of(shop(40)))
    assert [(one.customer_id, one.is_cut) for one in found.neighbours] == [(world.of(shop(50)), True)]
    assert [one.kind for one in found.questions] == ["cut"]
    assert len(found.tree) == 2 and len(found.beside_tree) == 1
    assert all(one.breakdown is not None for one in found.evidence)


def test_a_customer_with_a_value_that_joins_nobody(world: World) -> None:
    (refused,) = world.customer(world.of(shop(100))).refused
    assert (refused.attribute, refused.holders, refused.limit) == ("email", CROWD, CROWD - 1)


def test_a_customer_without_a_record_left(world: World) -> None:
    found = world.customer(world.before[shop(91)])
    assert found.retired_at is not None
    assert (found.records, found.customer_id) == ([], world.before[shop(91)])
    assert [one.kind for one in found.events] == ["birth", "leave", "retire"]


# ------------------------------------------------------------------------------------------ values, errors, command
def test_values_are_shown_to_whoever_asks_for_them_alone(world: World) -> None:
    names = ("Hanna", "Kern", "hanna")
    for found in (world.pair(shop(60), shop(61)), world.customer(world.of(shop(60)))):
        for shown in (text(found), page(found), json.dumps(document(found))):
            assert not [name for name in names if re.search(rf"\b{name}\b", shown)]
    asked = world.pair(shop(60), shop(61), values=True)
    for shown in (text(asked), page(asked), json.dumps(document(asked))):
        assert "Hanna" in shown and "hanna@example.com" in shown
    assert "personal data" in page(asked)
    with connect(role=Role.ANALYST) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        explain_pair(connection, shop(60), shop(61), basis=None)  # type: ignore[arg-type]  # it never gets that far


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([shop(1), "shop.customers:999"], "no record shop.customers:999"),
        ([shop(1), shop(1)], "given twice"),
        (["shop.customers:999"], "no record shop.customers:999"),
        (["0197f3c2-6f1e-7cc3-9e1b-0c7f1f4a2b11"], "no customer 0197f3c2"),
        (["anna"], "no customer id"),
        ([shop(1), "0197f3c2-6f1e-7cc3-9e1b-0c7f1f4a2b11"], "give two records"),
        ([shop(1), "anna"], "names no record"),
    ],
)
def test_what_does_not_exist_is_said_with_how_to_mend_it(world: World, ids: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        world.run(*ids)


def test_before_the_first_run_there_is_nothing_to_explain(warehouse: Any, c360_home: Any) -> None:
    with pytest.raises(UserError, match="customer360 resolve"), connect(role=Role.STEWARD) as connection:
        explain(connection, shop(1), shop(2))


def test_the_command_prints_text_or_json_and_writes_a_page(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customer360.pipeline.explain.reviewed_model", lambda: world.identity.rules.model)
    runner, app, out = CliRunner(), build_app("explain"), tmp_path / "page.html"
    told = runner.invoke(app, ["explain", shop(1), shop(2)])
    assert told.exit_code == 0 and "are one customer" in told.stdout and "match weight" in told.stdout
    found = json.loads(runner.invoke(app, ["explain", shop(1), shop(2), "--json"]).stdout)
    assert (found["format"], found["about"], found["is_one"]) == ("customer360.explanation/1", "pair", True)
    by_record = json.loads(runner.invoke(app, ["explain", shop(1), "--json", "--html", str(out)]).stdout)
    assert by_record["customer_id"] == found["record_l"]["customer_id"]
    assert out.read_text().startswith("<!doctype html>")
    assert out.stat().st_mode & 0o077 == 0, "it names records: for its owner alone"
    shown = runner.invoke(build_app("review"), ["review", "show", shop(20), shop(21)])
    assert shown.exit_code == 0 and "grey zone" in shown.stdout and "below the match threshold" in shown.stdout


def test_scores_of_a_model_that_is_gone_are_told_as_recorded(world: World) -> None:
    """The reviewed file is another model than the runs': it was replaced, and no run has come since."""
    found = world.run(shop(1), shop(2))
    assert any("no longer kept" in note for note in found.notes)
    recorded = found.path[0].evidence[1].breakdown
    assert {one.level for one in recorded.fields} == {"not kept"}
    assert recorded.prior + sum(one.weight for one in recorded.fields) == pytest.approx(recorded.match_weight)
    assert recorded.blocking_rule.startswith("blocking rule 0 of model")
    assert recorded.probability == found.path[0].evidence[1].probability
    assert found.score.probability != recorded.probability, "the pair itself is scored with the model in use"


def test_no_table_is_read_whole(world: World) -> None:
    """Its cost follows the records asked about: the database itself counts what sequential scans read."""
    (count,) = world.identity.fetch("select count(*) from identity.record")[0]
    customer = world.of(shop(10))
    before = _rows_read_whole(world)
    assert before["record"] >= count > 40, "a full run reads all, and the database counts it"
    world.pair(shop(41), shop(52), values=True)
    world.customer(customer, values=True)
    after = _rows_read_whole(world)
    assert {table: after[table] - before[table] for table in after if after[table] - before[table] > 10} == {}


def _rows_read_whole(world: World) -> dict[str, int]:
    """Per table of identity, once the sessions before have handed in their counts, which they do when they end."""
    deadline = time.monotonic() + 10
    while world.identity.fetch("select count(*) from pg_stat_activity where datname = current_database()") > [(OWN_CONNECTIONS,)]:
        assert time.monotonic() < deadline, "a session has not ended"
        time.sleep(0.05)
    world.identity.fetch("select pg_stat_force_next_flush()")  # of what this test's own connection has read
    return dict(world.identity.fetch("select relname, seq_tup_read from pg_stat_user_tables where schemaname = 'identity'"))
