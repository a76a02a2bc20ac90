"""The golden record as people use it: pins, reports and profiles on the command line, through merges and splits; other rules, other winners."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from customer360.cli import build_app
from customer360.errors import UserError
from customer360.pipeline import build as building
from tests.dbt.world import REPO, World

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

FIRST, SECOND, THIRD = "shop.customers:901", "crm.contacts:902", "crm.leads:903"


def run(*arguments: str) -> str:
    """A command's output; a UserError, which ends with exit code 2, is raised."""
    result = CliRunner().invoke(build_app(arguments[0]), arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def pin(customer: UUID, *arguments: str) -> str:
    return run("pin", "set", str(customer), *arguments, "--by", "anna", "--why", "phoned").strip()


def build_live() -> None:
    outcome = building.build(live=True)
    assert outcome.state == "built", outcome.failures
    assert outcome.live


def golden(customer: UUID) -> dict[str, Any]:
    """The winning values of a customer, by attribute, as a steward sees them."""
    told = json.loads(run("profile", str(customer), "--json", "--role", "steward"))
    return {one["attribute"]: one["value"] for one in told["attributes"]}


def believed(customer: UUID, moment: datetime) -> dict[str, str]:
    """Customer id → phone, of who stood for the id at the moment."""
    told = json.loads(run("profile", str(customer), "--json", "--role", "steward", "--as-of", moment.isoformat()))
    return {one["customer_id"]: one["phone"] for one in told["versions"]}


@pytest.fixture(scope="module")
def now(world: World) -> Any:
    """The database's clock, by which versions are dated."""

    def read() -> datetime:
        row = world.connection.execute("select clock_timestamp()").fetchone()
        assert row
        return row[0].astimezone(UTC)  # type: ignore[no-any-return]

    return read


@pytest.fixture(scope="module")
def people(world: World) -> tuple[UUID, UUID]:
    """Two customers of one record each, built."""
    world.tick()
    world.record(FIRST, {"first_name": "Ada", "last_name": "Byron", "phone": "+4915111111111", "email": "ada@x.example"})
    world.record(SECOND, {"first_name": "Augusta", "last_name": "King", "phone": "+4915122222222", "email": "king@x.example"})
    build_live()
    return world.customer_of[FIRST], world.customer_of[SECOND]


def test_pins_go_through_a_merge_a_split_and_an_unmerge(world: World, people: tuple[UUID, UUID], now: Any) -> None:
    """What was pinned for the customer that is merged away holds on for whom it went into, or is told as a conflict; the split gives it back."""
    ada, king = people
    unpinned = now()
    hers = pin(ada, "phone", "--value", "+49 151 33333333")
    theirs = pin(king, "phone", "--value", "+49 151 44444444")
    pin(king, "birth_date", "--value", "1815-12-10")
    mail = pin(king, "email", "--record", SECOND)
    build_live()
    assert (golden(ada)["phone"], golden(king)["phone"]) == ("+4915133333333", "+4915144444444")
    apart = now()

    world.clock = now()
    world.move(SECOND, ada)  # king's only record: its id retires into ada's
    build_live()
    merged = golden(ada)
    assert merged["birth_date"] == "1815-12-10", "a pin of the customer merged away holds for the surviving one"
    assert merged["email"] == "king@x.example", "a record's pin goes with the record"
    assert merged["phone"] == "+4915144444444", "of two pins the newer holds"
    assert golden(king) == merged, "the retired id shows whom it means"
    conflicts = run("pin", "list", "--conflicts")
    assert hers in conflicts
    assert f"overruled by {theirs}" in conflicts
    warned = building.check(select="assert_pins_do_not_conflict")
    assert [(one.node, one.rows) for one in warned.warnings] == [("assert_pins_do_not_conflict", 1)]
    together = now()

    world.clock = now()
    world.move(SECOND, king)  # unmerged: the retired id lives again
    build_live()
    assert golden(ada)["phone"] == "+4915133333333", "after the unmerge each pin is back with whom it was made for"
    assert golden(ada)["email"] == "ada@x.example"
    assert "birth_date" not in golden(ada)
    assert {name: golden(king)[name] for name in ("phone", "birth_date", "email")} == {
        "phone": "+4915144444444",
        "birth_date": "1815-12-10",
        "email": "king@x.example",
    }
    assert run("pin", "list", "--conflicts").strip() == "no pin"

    world.clock = now()
    other = world.new_customer()
    world.record(THIRD, {"phone": "+4915155555555"})
    world.clock = now()
    world.move(THIRD, king)
    world.move(SECOND, other)  # split: king keeps the third record, the second becomes a customer of its own
    build_live()
    assert golden(other)["email"] == "king@x.example"
    assert "email" not in golden(king), "the record's pin went with it"
    assert golden(king)["phone"] == "+4915144444444", "the customer's pin stayed"
    assert mail in run("pin", "list", "--customer", str(other))

    # as of a date: the customers of then, by whatever id somebody asks
    assert believed(ada, unpinned) == {str(ada): "+4915111111111"}
    assert believed(king, apart) == {str(king): "+4915144444444"}
    assert believed(king, together) == {str(ada): "+4915144444444"}, "an id that lives again and has lost those records since, too"
    assert believed(ada, together) == {str(ada): "+4915144444444"}
    everybody = dict(
        world.connection.execute(
            "select customer_id, phone from marts.customer_as_of(%s) where customer_id in (%s, %s)", [together, ada, king]
        ).fetchall()
    )
    assert everybody == {ada: "+4915144444444"}, "the whole record as of a moment has the customers of that moment alone"


def test_history_has_no_gap_and_no_overlap(world: World, people: tuple[UUID, UUID]) -> None:
    """A customer's versions follow each other without a gap while it lives; one merged away is absent exactly while it was retired."""
    rows = world.connection.execute(
        """select customer_id, valid_from, lead(valid_from) over (partition by customer_id order by valid_from) as next_from, valid_until
             from intermediate.int_customer_versions_tracked where customer_id = any(%s) order by 1, 2""",
        [list(people)],
    ).fetchall()
    ada, king = people
    steps = {one: [(until, following) for who, _, following, until in rows if who == one and following is not None] for one in people}
    assert len(steps[ada]) >= 3
    assert all(until == following for until, following in steps[ada])
    assert sum(until < following for until, following in steps[king]) == 1
    assert all(until <= following for until, following in steps[king])
    for one in people:
        assert [until for who, *_, until in rows if who == one].count(None) == 1, "one version stands"


def test_a_report_makes_a_value_lose_until_it_is_withdrawn(world: World, people: tuple[UUID, UUID]) -> None:
    ada, _ = people
    report = run("contact", "report", "email", "ADA@x.example", "--state", "bounced", "--by", "anna", "--why", "came back").strip()
    build_live()
    assert "email" not in golden(ada)
    told = json.loads(run("profile", str(ada), "--why", "--json", "--role", "steward"))
    (lost,) = [one for one in told["attributes"] if one["attribute"] == "email"]
    assert (lost["lost_because"], lost["confidence"], lost["is_winner"]) == ("invalid: bounced", "0.0000", False)
    listed = run("contact", "list")
    assert report in listed
    assert "bounced" in listed
    assert run("contact", "withdraw", report, "--by", "anna").strip() == "withdrawn"
    assert run("contact", "withdraw", report, "--by", "anna").strip() == "it was withdrawn before"
    build_live()
    assert golden(ada)["email"] == "ada@x.example"
    assert report not in run("contact", "list")
    assert "withdrawn by anna" in run("contact", "list", "--all")


def test_a_pin_of_no_value_holds_and_can_be_taken_back(world: World, people: tuple[UUID, UUID]) -> None:
    ada, _ = people
    nothing = pin(ada, "email", "--none")
    name = pin(ada, "name", "--value", "first_name=Augusta Ada", "--value", "last_name=King")
    build_live()
    found = golden(ada)
    assert "email" not in found or found["email"] is None
    assert (found["first_name"], found["last_name"]) == ("Augusta Ada", "King")
    shown = [json.loads(line) for line in run("pin", "list", "--customer", str(ada), "--json").splitlines()]
    by_id = {one["pin_id"]: one for one in shown}
    assert by_id[nothing]["values"] == {}
    assert by_id[name]["values"]["first_name"] == "Augusta Ada"
    for one in (nothing, name):
        assert run("pin", "remove", one, "--by", "anna", "--why", "mistaken").strip() == "removed"
        assert run("pin", "remove", one, "--by", "anna", "--why", "mistaken").strip() == "it was removed before"
    build_live()
    assert golden(ada)["email"] == "ada@x.example"
    assert golden(ada)["first_name"] == "Ada"
    assert "removed by anna: mistaken" in run("pin", "list", "--customer", str(ada), "--all")


def test_profiles_show_values_to_those_who_may_see_them(world: World, people: tuple[UUID, UUID]) -> None:
    ada, _ = people
    analyst, steward = run("profile", str(ada)), run("profile", str(ada), "--role", "steward")
    assert "ada@x.example" not in analyst
    assert "***" in analyst
    assert "ada@x.example" in steward
    assert "ada@x.example" not in run("profile", str(ada), "--as-of", f"{datetime.now(UTC):%Y-%m-%d}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["pin", "set", "{ada}", "phone", "--value", "0151 3333333", "--why", "w"], "write the phone number with its country code"),
        (["contact", "report", "phone", "0151 3333333", "--state", "disconnected"], "write the phone number with its country code"),
        (["pin", "set", "{ada}", "birth_date", "--value", "1980", "--why", "w"], "write YYYY-MM-DD"),
        (["pin", "set", "{ada}", "shoes", "--value", "42", "--why", "w"], "say of which part each --value is"),
        (["pin", "set", "{ada}", "shoes", "--none", "--why", "w"], "nothing called 'shoes' can be pinned; there are address"),
        (["pin", "set", "{ada}", "email", "--why", "w"], "give one of --value, --record and --none"),
        (["pin", "set", "{ada}", "email", "--none", "--unit", "1", "--why", "w"], "--unit goes with --record"),
        (["pin", "set", "{ada}", "email", "--record", "crm.leads:77777", "--why", "w"], "is no record of customer"),
        (["pin", "set", "{nobody}", "email", "--none", "--why", "w"], "there is no customer"),
        (["pin", "set", "ada", "email", "--none", "--why", "w"], "'ada' is no customer id"),
        (["pin", "remove", "{nobody}", "--why", "w"], "there is no pin"),
        (["pin", "remove", "x", "--why", "w"], "'x' is no pin id"),
        (["contact", "report", "fax", "1", "--state", "bounced"], "no 'fax' can be reported; use email or phone"),
        (["contact", "report", "email", "a@x.example", "--state", "disconnected"], "email cannot be 'disconnected'; use bounced"),
        (["contact", "report", "email", "nonsense", "--state", "bounced"], "that is no email in a valid form"),
        (["contact", "withdraw", "{nobody}"], "there is no report"),
        (["profile", "{nobody}"], "the marts know no customer"),
        (["profile", "{ada}", "--as-of", "1999-01-01"], "nothing was believed of customer"),
        (["profile", "{ada}", "--as-of", "yesterday"], "'yesterday' is no day or moment; write 2026-01-31"),
        (["profile", "{ada}", "--as-of", "2026-01-01", "--why"], "leave --why or --as-of out"),
        (["profile", "{ada}", "--role", "boss"], "no reader is called 'boss'; use one of: analyst"),
    ],
)
def test_a_mistake_is_told_with_its_mend(world: World, people: tuple[UUID, UUID], arguments: list[str], told: str) -> None:
    """Exit code 2, no value in the message."""
    ids = {"ada": people[0], "nobody": UUID(int=1)}
    with pytest.raises(UserError, match=told) as error:
        run(*(one.format(**ids) for one in arguments))
    assert error.value.exit_code == 2
    assert "3333333" not in str(error.value)


# ------------------------------------------------------------------------------------- units, reasons, rules
GROUPS = {"name": ("first_name", "middle_name", "last_name"), "address": ("street", "house_number", "postal_code", "city", "country")}


def random_records(world: World, chance: random.Random, customers: int) -> dict[UUID, list[str]]:
    """Customers of several records with partial names and up to two address rows each."""
    found: dict[UUID, list[str]] = {}
    for number in range(customers):
        customer = world.new_customer()
        for place in range(chance.randint(1, 4)):
            record_id = f"{chance.choice(['shop.customers', 'crm.contacts', 'crm.leads'])}:u{number}-{place}"
            world.record(record_id, {})
            world.tick()
            world.move(record_id, customer)
            rows = [("", GROUPS["name"]), *((f"row{row}", GROUPS["address"]) for row in range(chance.randint(0, 2)))]
            for unit, attributes in rows:
                for attribute in attributes:
                    if chance.random() < 0.7:
                        value = f"{attribute[:2]}{chance.randint(1, 5)}" if chance.random() < 0.9 else None
                        _say(world, record_id, attribute, unit, value)
            found.setdefault(customer, []).append(record_id)
    return found


def _say(world: World, record_id: str, attribute: str, unit: str, value: str | None) -> None:
    world.tick()
    world.connection.execute(
        """insert into identity.record_attribute (record_id, attribute, ordinal, unit, field, raw_value, value, observed_since)
           select %(record)s, %(attribute)s, count(*), %(unit)s, 'x', %(raw)s, %(value)s, %(since)s
             from identity.record_attribute where record_id = %(record)s and attribute = %(attribute)s""",
        {"record": record_id, "attribute": attribute, "unit": unit, "raw": value or "?", "value": value, "since": world.clock},
    )


def units(world: World, records: list[str], attributes: tuple[str, ...]) -> list[dict[str, str]]:
    """What each record says of a group, one dictionary for each thing it says."""
    said: dict[tuple[str, str], dict[str, str]] = {}
    for record_id, unit, attribute, value in world.connection.execute(
        "select record_id, unit, attribute, value from identity.record_attribute"
        " where record_id = any(%s) and attribute = any(%s) and value is not null",
        [records, list(attributes)],
    ):
        said.setdefault((record_id, unit), {})[attribute] = value
    return list(said.values())


def test_a_unit_comes_whole_from_one_record_and_every_loser_has_its_reason(world: World) -> None:
    """Over random records: a golden name or address is exactly what one record says in one place, never put together."""
    told = random_records(world, random.Random(5), 60)
    build_live()
    compared = 0
    for customer, records in told.items():
        rows = world.connection.execute(
            "select attribute, standard_value, is_winner, lost_because, is_valid, confidence, rank from intermediate.int_customer_attributes_ranked"
            " where customer_id = %s",
            [customer],
        ).fetchall()
        for attributes in GROUPS.values():
            unit: Mapping[str, str] = {
                attribute: value for attribute, value, is_winner, *_ in rows if is_winner and attribute in attributes
            }
            if unit:
                compared += 1
                assert unit in units(world, records, attributes)
        for attribute, value, is_winner, why, is_valid, confidence, rank in rows:
            assert (why is None) == is_winner, (attribute, value, why)
            assert is_valid or (not is_winner and confidence == 0 and why.startswith("invalid: "))
            assert rank > 1 or is_winner or not is_valid, "a valid value of the first unit is golden"
    assert compared > 60


RULES = {  # the group's weightiest rule; each candidate below wins under one of them
    "organisation": ("longest", "source_priority"),
    "occupation": ("most_recent", "most_frequent"),
    "email": ("verified_first", "most_recent"),
    "birth_date": ("most_complete", "most_frequent"),
}


def test_another_rule_in_the_seed_makes_another_winner(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On the real database, each strategy: what wins follows survivorship_rules.csv, and the reasons name the rule."""
    customer = world.new_customer()
    says = {
        "shop.customers:950": {"organisation": "Analytical Engines of London", "email": "old@x.example", "birth_date": "1980-05-03"},
        "crm.leads:951": {"organisation": "Engines", "email": "new@x.example", "birth_date": "1981", "occupation": "poet"},
        "crm.contacts:952": {"birth_date": "1981", "occupation": "poet"},
        "email.subscribers:953": {"occupation": "countess"},
    }
    for record_id, attributes in says.items():
        world.tick()
        world.record(record_id, attributes, is_verified=record_id == "shop.customers:950")
        world.tick()
        world.move(record_id, customer)
    build_live()
    won = {}
    for turn in (0, 1):
        repo = tmp_path / str(turn)
        for folder in ("dbt_project", "contracts"):
            shutil.copytree(REPO / folder, repo / folder, ignore=shutil.ignore_patterns("target", "logs"))
        seed = repo / "dbt_project/seeds/survivorship_rules.csv"
        others = [line for line in seed.read_text().splitlines() if line.partition(",")[0] not in RULES]
        seed.write_text("\n".join([*others, *(f"{group},1,{rules[turn]}" for group, rules in RULES.items())]) + "\n")
        monkeypatch.setenv("C360_REPO", str(repo))
        outcome = building.build(live=False, select="survivorship_rules int_customer_attributes_ranked", target_path=tmp_path / "target")
        assert outcome.state == "built", outcome.failures
        rows = world.connection.execute(
            "select attribute, value, ranked_by from intermediate.int_customer_attributes_ranked where customer_id = %s and is_winner",
            [customer],
        ).fetchall()
        won[turn] = {attribute: (value, rule) for attribute, value, rule in rows if attribute in RULES}
    assert won[0] == {
        "organisation": ("Analytical Engines of London", "longest"),
        "occupation": ("countess", "most_recent"),
        "email": ("old@x.example", "verified_first"),
        "birth_date": ("1980-05-03", "most_complete"),
    }
    assert won[1] == {
        "organisation": ("Engines", "source_priority"),
        "occupation": ("poet", "most_frequent"),
        "email": ("new@x.example", "most_recent"),
        "birth_date": ("1981", "most_frequent"),
    }
    monkeypatch.setenv("C360_REPO", str(REPO))
    restored = building.build(live=False, select="survivorship_rules int_customer_attributes_ranked", target_path=tmp_path / "target")
    assert restored.state == "built", restored.failures


def test_a_seed_that_nobody_edited_is_not_loaded_again(world: World) -> None:
    """A night writes nothing where nothing changed; the test above shows that an edited one is loaded."""
    tables = "select relname, oid::bigint from pg_class where oid in (select to_regclass('intermediate.' || name) from unnest(%s::text[]) as name)"
    seeds = [path.stem for path in (REPO / "dbt_project/seeds").glob("*.csv")]
    assert building.build(live=False, select="resource_type:seed").state == "built"
    before = world.connection.execute(tables, [seeds]).fetchall()
    assert len(before) == len(seeds) > 4
    assert building.build(live=False, select="resource_type:seed").state == "built"
    assert world.connection.execute(tables, [seeds]).fetchall() == before


def test_a_wrong_rule_stops_the_build_before_it_begins(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """File, line and mend, exit code 2; what was built stays."""
    for folder in ("dbt_project/seeds", "contracts"):
        shutil.copytree(REPO / folder, tmp_path / folder)
    seed = tmp_path / "dbt_project/seeds/survivorship_rules.csv"
    seed.write_text(seed.read_text().replace("name,2,most_complete", "name,2,newest"))
    monkeypatch.setenv("C360_REPO", str(tmp_path))
    with pytest.raises(
        UserError, match=r"dbt_project/seeds/survivorship_rules.csv, line 3: no strategy is called 'newest'; there are"
    ) as error:
        run("build")
    assert error.value.exit_code == 2


def test_more_agreement_never_means_less_confidence(world: World) -> None:
    """Random customers, each once more with one more system that says the winning name: no winner is less sure for it."""
    chance = random.Random(11)
    pairs = []
    for number in range(40):
        twins = (world.new_customer(), world.new_customer())
        values = [f"n{chance.randint(1, 3)}" for _ in range(chance.randint(1, 3))]
        since = [world.tick() for _ in values]
        for place, (value, moment) in enumerate(zip(values, since, strict=True)):
            for twin, customer in enumerate(twins):
                record_id = f"{('shop.customers', 'crm.contacts', 'crm.leads')[place]}:c{number}-{twin}"
                world.record(record_id, {"last_name": value})
                world.connection.execute(
                    "update identity.record_attribute set observed_since = %s where record_id = %s", [moment, record_id]
                )
                world.tick()
                world.move(record_id, customer)
        agreeing = f"email.subscribers:c{number}"
        world.tick()
        world.record(agreeing, {"last_name": values[0]})
        world.tick()
        world.move(agreeing, twins[1])
        pairs.append((twins, values[0]))
    build_live()
    grown = 0
    for (without, with_one), value in pairs:
        sure = [
            world.connection.execute(
                "select confidence from intermediate.int_customer_attributes_ranked"
                " where customer_id = %s and attribute = 'last_name' and standard_value = %s",
                [customer, value],
            ).fetchone()
            for customer in (without, with_one)
        ]
        assert sure[0] is not None
        assert sure[1] is not None
        assert sure[1][0] >= sure[0][0]
        grown += sure[1][0] > sure[0][0]
    assert grown > 30


def test_freshness_is_the_same_in_every_time_zone(world: World, people: tuple[UUID, UUID]) -> None:
    """It counts hours since the observation, whatever the reader's clock shows and across a change of summer time."""
    query = "select attribute, rank, age_days, freshness from marts.dim_customer_attribute where customer_id = %s order by 1, 2"
    with world.connection.transaction():
        seen = []
        for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
            world.connection.execute(f"set local timezone = '{zone}'")
            seen.append(world.connection.execute(query, [people[0]]).fetchall())
    assert len(seen[0]) > 2
    assert seen[0] == seen[1] == seen[2]


def test_golden_values_are_measured_against_checked_ones(world: World, people: tuple[UUID, UUID], tmp_path: Path) -> None:
    """One of the names is another's; a spelling is none. Neither figures nor errors show a value."""
    names = world.connection.execute(
        """select min(r.record_id), g.value from marts.dim_customer_attribute g join marts.bridge_customer_record r using (customer_id)
           where g.attribute = 'first_name' and g.is_winner and g.evidence is not null and not g.is_pinned and g.value ~ '^name'
           group by g.customer_id, g.value order by 1"""
    ).fetchall()
    assert len(names) > 3
    told = [f"{record},first_name,{name.upper()}" for record, name in names[1:]]
    values = tmp_path / "values.csv"
    values.write_text(
        "\n".join(["record_id,attribute,value", f"{names[0][0]},first_name,Zebediah", *told, "shop.customers:0,first_name,Nobody", ""])
    )

    everything, *groups = json.loads(run("golden", "evaluate", "--values", str(values), "--json"))
    assert (everything["values"], everything["right"]) == (len(names), len(names) - 1)
    assert [(group["scope"], group["values"]) for group in groups] == [("name", len(names))]
    shown = run("golden", "evaluate", "--values", str(values))
    assert f"{len(names)} golden values compared with checked ones; 1 checked ones have no golden value" in shown
    assert not any(name in shown for _, name in names)

    with pytest.raises(UserError, match="no attribute group has"):
        run("golden", "calibrate", "--values", str(values))
    values.write_text("record_id,attribute,value\nshop.customers:1,surname,X\n")
    with pytest.raises(UserError, match=r"values\.csv, line 2: no attribute is called 'surname'"):
        run("golden", "evaluate", "--values", str(values))
    with pytest.raises(UserError, match=r"missing\.csv"):
        run("golden", "evaluate", "--values", str(tmp_path / "missing.csv"))
