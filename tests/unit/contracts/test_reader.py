"""What the reader refuses, and what it says of it: every rule is broken once, alone, in an otherwise legal contract."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
import yaml

from customer360.contracts.model import Deletes, FieldRef
from customer360.contracts.problems import ContractError
from customer360.contracts.reader import load_contract, load_contracts
from tests.unit.contracts.legal import LEGAL


def obj(data, position=0):
    return data["schema"][position]


def prop(data, position, of=0):
    return data["schema"][of]["properties"][position]


def entity(data):
    return obj(data)["customProperties"][0]["value"]


def extract(data):
    return obj(data)["customProperties"][1]["value"]


def webhook(data, **properties):
    entries = [{"property": name, "value": value} for name, value in ({"protocol": "webhook"} | properties).items()]
    data["servers"][0] = {"server": "club", "type": "custom", "customProperties": entries}


def follow(data, changes):
    obj(data)["customProperties"][1]["value"] = {"changes": changes}


def server(data, **entries):
    data["servers"][0] = {"server": "club", **entries}
    extract(data).clear()


def files(data, **entries):
    server(data, type="local", format="csv", path="*.csv")
    extract(data).update(**entries)


def link(data, **relation):
    prop(data, 1, of=1)["relationships"] = [relation]


def test_the_contract_that_the_other_tests_break_is_legal(problems_of):
    assert problems_of(lambda data: None, together=True) == []


# what is broken, where it is said to stand, and words that the message or fix must hold
BROKEN = {
    # the document
    "missing id": (lambda d: d.pop("id"), "", "id is missing"),
    "id no identifier": (lambda d: d.update(id="My Club"), "", "cannot begin a table name"),
    "id with two underscores": (lambda d: d.update(id="my__club"), "", "cannot begin a table name"),
    "other version of the standard": (lambda d: d.update(apiVersion="v2.2.0"), "", "write apiVersion: v3.1.0"),
    "other kind": (lambda d: d.update(kind="DataProduct"), "", "write kind: DataContract"),
    "unknown status": (lambda d: d.update(status="actve"), "", "did you mean 'active'?"),
    "unknown key at the top": (lambda d: d.update(slaProperty=[]), "", "did you mean 'slaProperties'?"),
    "wrong type of value": (lambda d: d.update(version=1), "", "version: input should be a valid string"),
    "no schema": (lambda d: d.pop("schema"), "", "no object is declared"),
    "custom property at the top": (
        lambda d: d.update(customProperties=[{"property": "x", "value": 1}]),
        "customProperties.0",
        "unknown custom",
    ),
    # server
    "no server": (lambda d: d.pop("servers"), "", "0 entries"),
    "two servers": (lambda d: d["servers"].append({"server": "b", "type": "local"}), "", "2 entries"),
    "unknown kind of server": (lambda d: d["servers"][0].update(type="postgres"), "servers.0", "did you mean 'postgresql'?"),
    "server that cannot be a name": (lambda d: d["servers"][0].update(server="Club DB"), "servers.0", "cannot name a connection"),
    "the warehouse as a source": (lambda d: d["servers"][0].update(server="warehouse"), "servers.0", "no source"),
    "host in the contract": (lambda d: d["servers"][0].update(host="db.example.com"), "servers.0", "C360_CONN_<NAME>"),
    "nested key misspelled": (lambda d: d["servers"][0].update(descripton="x"), "servers.0", "did you mean 'description'?"),
    # agreements, team, roles
    "no schedule": (lambda d: d["slaProperties"].pop(0), "", "no schedule is agreed"),
    "schedule no cron": (lambda d: d["slaProperties"][0].update(value="every hour"), "slaProperties.0", "no cron"),
    "schedule of six fields": (lambda d: d["slaProperties"][0].update(value="0 0 2 * * *"), "slaProperties.0", "no cron"),
    "schedule that never comes": (lambda d: d["slaProperties"][0].update(value="0 0 31 2 *"), "slaProperties.0", "no cron"),
    "schedule a number": (lambda d: d["slaProperties"][0].update(value=15), "slaProperties.0", "no cron"),
    "no freshness": (lambda d: d["slaProperties"].pop(1), "", "no freshness is agreed"),
    "freshness below nothing": (lambda d: d["slaProperties"][1].update(value=-1), "slaProperties.1", "no time span"),
    "freshness in moons": (lambda d: d["slaProperties"][1].update(unit="moons"), "slaProperties.1", "use m, h or d"),
    "unknown agreement": (
        lambda d: d["slaProperties"].append({"property": "freshnes", "value": 1}),
        "slaProperties.2",
        "did you mean 'freshness'?",
    ),
    "agreement twice": (
        lambda d: d["slaProperties"].append({"property": "freshness", "value": 1, "unit": "h"}),
        "slaProperties",
        "agreed twice",
    ),
    "no team": (lambda d: d.pop("team"), "", "no team owns"),
    "owner without address": (lambda d: d["team"]["members"][0].update(username="Anna"), "team", "mail address"),
    "analyst may not read raw": (lambda d: d["roles"].append({"role": "c360_analyst", "access": "read"}), "roles.1", "marts alone"),
    "unknown role": (lambda d: d["roles"].append({"role": "c360_privcy", "access": "read"}), "roles.1", "did you mean 'c360_privacy'?"),
    "write access": (lambda d: d["roles"][0].update(access="write"), "roles.0", "access: read"),
    "transformer may not read": (lambda d: d["roles"].clear(), "", "c360_transformer may not read"),
    # object
    "object without name": (lambda d: obj(d).pop("name"), "schema[0]", "name is missing"),
    "object no identifier": (lambda d: obj(d).update(name="Members"), "Members", "physicalName: Members"),
    "object name too long": (lambda d: obj(d).update(name="m" * 60), "m" * 60, "longer than 63"),
    "object twice": (lambda d: obj(d, 1).update(name="members"), "members", "declared twice"),
    "no grain": (lambda d: obj(d).pop("dataGranularityDescription"), "members", "what one row is"),
    "quality rules here": (lambda d: obj(d).update(quality=[]), "members", "great_expectations/expectations"),
    "unknown key in an object": (lambda d: obj(d).update(descrption="x"), "members", "did you mean 'description'?"),
    "no fields": (lambda d: obj(d, 1).pop("properties"), "visits", "no field is declared"),
    "no key": (lambda d: prop(d, 0).pop("primaryKey"), "members", "no field is the key"),
    "key not required": (lambda d: prop(d, 0).pop("required"), "members.member_id", "required: true"),
    "key in no order": (lambda d: prop(d, 1).update(primaryKey=True, required=True), "members.member_id", "primaryKeyPosition 1 to 2"),
    "unknown custom property": (lambda d: obj(d)["customProperties"][1].update(property="extrakt"), "members", "did you mean 'extract'?"),
    # field
    "field without name": (lambda d: prop(d, 1).pop("name"), "members.properties[1]", "name is missing"),
    "field twice": (lambda d: prop(d, 3).update(name="email"), "members.email", "declared twice"),
    "field no identifier": (lambda d: prop(d, 1).update(name="eMail"), "members.eMail", "physicalName: eMail"),
    "field named by a reserved word": (lambda d: prop(d, 4).update(name="user"), "members.user", "reserved word"),
    "field begins with an underscore": (lambda d: prop(d, 4).update(name="_load_id"), "members._load_id", "cannot name a column"),
    "two fields from one column": (lambda d: prop(d, 4).update(physicalName="email"), "members.changed_at", "as email does"),
    "unknown logical type": (lambda d: prop(d, 1).update(logicalType="strng"), "members.email", "did you mean 'string'?"),
    "no logical type": (lambda d: prop(d, 1).pop("logicalType"), "members.email", "unknown logicalType None"),
    "unknown physical type": (lambda d: prop(d, 1).update(physicalType="nvarchar(20)"), "members.email", "not a PostgreSQL type"),
    "physical type of another kind": (lambda d: prop(d, 0).update(physicalType="text"), "members.member_id", "does not suit"),
    "SQL in the physical type": (
        lambda d: prop(d, 0).update(physicalType="bigint); drop table x; --"),
        "members.member_id",
        "not a PostgreSQL type",
    ),
    "unknown semantic type": (lambda d: prop(d, 1).update(semanticType="emial"), "members.email", "did you mean 'email'?"),
    "semantic type of a boolean": (lambda d: prop(d, 3).update(semanticType="text"), "members.is_gone", "cannot be a text"),
    "no classification": (lambda d: prop(d, 1).pop("classification"), "members.email", "classification is missing"),
    "unknown classification": (
        lambda d: prop(d, 1).update(classification="personal.contract"),
        "members.email",
        "did you mean 'personal.contact'?",
    ),
    "a mail address is personal": (lambda d: prop(d, 1).update(classification="internal"), "members.email", "kind email are personal"),
    "rules that would be ignored": (lambda d: prop(d, 1).update(logicalTypeOptions={"maxLength": 3}), "members.email", "no effect"),
    "misspelled primaryKey": (lambda d: prop(d, 1, of=1).update(primarykey=True), "visits.member_id", "did you mean 'primaryKey'?"),
    "changes without a publication": (
        lambda d: follow(d, {"max_retained": "1GB"}),
        "members",
        "write publication: customer360",
    ),
    "changes with a cursor": (lambda d: extract(d).update(changes={"publication": "c360"}), "members", "they come in order"),
    "changes of a folder": (
        lambda d: (d["servers"][0].update(type="local", format="csv", path="*.csv"), extract(d).update(changes={"publication": "c360"})),
        "members",
        "cannot be followed on a local server",
    ),
    "changes kept without measure": (
        lambda d: follow(d, {"publication": "c360", "max_retained": "lots"}),
        "members",
        "write a number and MB, GB or TB",
    ),
    "custom server without a protocol": (lambda d: d["servers"][0].update(type="custom"), "servers", "says no protocol"),
    "custom server of an unknown protocol": (
        lambda d: d["servers"][0].update(type="custom", customProperties=[{"property": "protocol", "value": "webhok"}]),
        "servers.0.customProperties.0",
        "did you mean 'webhook'?",
    ),
    "webhook without a signature": (lambda d: webhook(d), "servers", "says no signature"),
    "webhook of an unknown form": (
        lambda d: webhook(d, signature={"form": "timestmped", "header": "X-S"}),
        "servers.0.customProperties.1.value",
        "did you mean 'timestamped'?",
    ),
    "webhook with a prefix that is nowhere": (
        lambda d: webhook(d, signature={"form": "timestamped", "header": "X-S", "prefix": "sha256="}),
        "servers.0.customProperties.1.value",
        "no meaning",
    ),
    "webhook in no header": (
        lambda d: webhook(d, signature={"form": "plain", "header": "X S"}),
        "servers.0.customProperties.1.value",
        "names no HTTP header",
    ),
    "webhook named twice": (
        lambda d: webhook(d, signature={"form": "plain", "header": "X-S"}, delivery={"header": "X-Id", "field": "id"}),
        "servers.0.customProperties.2",
        "named twice",
    ),
    "queue with a signature": (
        lambda d: webhook(d, protocol="amqp", signature={"form": "plain", "header": "X-S"}),
        "servers.0.customProperties",
        "no meaning for protocol amqp",
    ),
    "webhook without measure": (
        lambda d: webhook(d, signature={"form": "plain", "header": "X-S"}, max_bytes=0),
        "servers.0.customProperties.2",
        "no number of bytes",
    ),
    "webhook with a secret in its contract": (
        lambda d: webhook(d, signature={"form": "plain", "header": "X-S", "secret": "x"}),
        "servers.0.customProperties.1.value",
        "unknown key 'secret'",
    ),
    "verifies nothing": (lambda d: prop(d, 2)["customProperties"][0].update(value="mail"), "members.is_checked", "did you mean 'email'?"),
    "verifies what has no meaning": (
        lambda d: prop(d, 2)["customProperties"][0].update(value="is_gone"),
        "members.is_checked",
        "no semanticType",
    ),
    "verified by a date": (lambda d: prop(d, 2).update(logicalType="date"), "members.is_checked", "no boolean"),
    # extract
    "cursor does not exist": (lambda d: extract(d).update(cursor="changed"), "members", "did you mean 'changed_at'?"),
    "cursor has no order": (lambda d: extract(d).update(cursor="is_gone", lookback=None), "members", "no order in time"),
    "lookback no span": (lambda d: extract(d).update(lookback="15 minutes"), "members", "15m"),
    "lookback on a number": (lambda d: extract(d).update(cursor="member_id"), "members", "is no time"),
    "lookback without cursor": (lambda d: extract(d).pop("cursor"), "members", "needs a cursor"),
    "flag does not exist": (lambda d: extract(d).update(deletes={"flag": "deleted"}), "members", "is no field here"),
    "flag no boolean": (lambda d: extract(d).update(deletes={"flag": "email"}), "members", "boolean"),
    "deletes says nothing": (lambda d: extract(d).update(deletes={"flag": None}), "members", "says nothing"),
    "sweep no cron": (lambda d: extract(d).update(deletes={"sweep": "sundays"}), "members", "no cron"),
    "snapshot and sweep": (lambda d: extract(d).update(deletes={"sweep": "0 0 * * 0", "snapshot": True}), "members", "take the sweep out"),
    "unknown key of extract": (lambda d: extract(d).update(curser="x"), "members", "did you mean 'cursor'?"),
    "extract a list": (lambda d: obj(d)["customProperties"][1].update(value=["cursor"]), "members", "must be a mapping"),
    "endpoint of a database": (lambda d: extract(d).update(endpoint={"path": "x"}), "members", "postgresql server"),
    "files of a database": (lambda d: extract(d).update(files="*.csv"), "members", "no meaning"),
    "no files": (lambda d: server(d, type="local", format="csv"), "members", "says no files"),
    "settle time that is none": (lambda d: files(d, settle="soon"), "members", "settle 'soon' is no time span"),
    "marker in another folder": (lambda d: files(d, marker="../_SUCCESS"), "members", "names no file"),
    "marker with an unknown placeholder": (lambda d: files(d, marker="{file}.done"), "members", "names no file"),
    "encoding nobody knows": (lambda d: files(d, encoding="utf-9"), "members", "windows-1252"),
    "encoding that is none of text": (lambda d: files(d, encoding="zlib"), "members", "windows-1252"),
    "encoding in which a comma is none": (lambda d: files(d, encoding="utf-16"), "members", "byte-order mark"),
    "settle time of a database": (lambda d: extract(d).update(settle="5m"), "members", "no meaning"),
    "files from elsewhere": (lambda d: server(d, type="local", format="csv", path="../*.csv"), "members", "says no files"),
    "no format": (lambda d: server(d, type="local", path="*.csv"), "members", "says no format"),
    "unknown format": (lambda d: server(d, type="local", path="*.csv", format="cvs"), "servers.0", "did you mean 'csv'?"),
    "no endpoint": (lambda d: server(d, type="api"), "members", "no endpoint"),
    # entity
    "unknown kind of entity": (lambda d: entity(d).update(kind="persn"), "members", "did you mean 'person'?"),
    "key of an entity does not exist": (lambda d: entity(d).update(key=["number"]), "members", "is no field here"),
    "key of an entity no list": (lambda d: entity(d).update(key="member_id"), "members", "list of different fields"),
    "by without of": (lambda d: entity(d).update(by=["member_id"]), "members", "by needs of"),
    "where names nothing": (lambda d: entity(d).update(where={"typ": "x"}), "members", "is no field here"),
    "entity without meaning": (lambda d: prop(d, 1).pop("semanticType"), "members", "no field has a semanticType"),
    "meaning without entity": (lambda d: prop(d, 1, of=1).update(semanticType="text"), "visits.member_id", "would have no effect"),
    # references inside the contract
    "reference to no field": (
        lambda d: link(d, type="foreignKey", to="club.members.memberid"),
        "visits.member_id",
        "did you mean 'member_id'?",
    ),
    "reference to no object": (
        lambda d: link(d, type="foreignKey", to="club.member.member_id"),
        "visits.member_id",
        "did you mean 'members'?",
    ),
    "reference in another form": (lambda d: link(d, type="foreignKey", to="members.member_id"), "visits.member_id", "system.object.field"),
    "reference to what identifies nothing": (
        lambda d: link(d, type="foreignKey", to="club.members.email"),
        "visits.member_id",
        "identifies no row",
    ),
    "reference of another type": (lambda d: prop(d, 1, of=1).update(logicalType="string"), "visits.member_id", "is of type string"),
    "unknown kind of reference": (
        lambda d: link(d, type="foreignkey", to="club.members.member_id"),
        "visits.member_id",
        "did you mean 'foreignKey'?",
    ),
}


@pytest.mark.parametrize(("break_it", "place", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_one_broken_rule_is_named_with_its_place_and_fix(problems_of, break_it, place, words):
    found = problems_of(break_it)
    matching = [problem for problem in found if words in f"{problem.message}; {problem.fix}"]
    assert matching, found
    assert place in {problem.place for problem in matching}
    assert all(problem.line and problem.fix for problem in matching)


# A field that goes or changes its name is missed where others name it, and every object must say how it is read.
REPEATED = {
    "field without name", "field twice", "field no identifier", "field named by a reserved word", "field begins with an underscore",
    "no files", "files from elsewhere", "no format", "no endpoint", "entity without meaning",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(BROKEN) - REPEATED))
def test_one_mistake_gives_one_problem(problems_of, name):
    """A reader who mends the one thing named must be done: follow-up problems would hide the cause."""
    assert len(problems_of(BROKEN[name][0])) == 1


def test_all_problems_come_at_once(problems_of):
    def break_it(data):
        data["status"] = "actve"
        prop(data, 1)["semanticType"] = "emial"
        prop(data, 1, of=1)["classification"] = "secret"
        data["slaProperties"][0]["value"] = "never"

    assert len(problems_of(break_it)) == 4


def test_the_line_is_that_of_the_value(tmp_path):
    text = yaml.safe_dump(LEGAL, sort_keys=False).replace("semanticType: email", "semanticType: emial")
    path = tmp_path / "club.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    line = next(number for number, content in enumerate(text.splitlines(), 1) if "emial" in content)
    assert [problem.line for problem in caught.value.problems] == [line]
    assert f"club.yaml:{line}: members.email: unknown semanticType 'emial'; did you mean 'email'?" in str(caught.value)


def write(folder, file, **changes):
    data = copy.deepcopy(LEGAL) | changes
    (folder / file).write_text(yaml.safe_dump(data))
    return data


def test_a_reference_to_a_system_that_no_contract_declares_is_refused_only_when_all_are_read(tmp_path):
    data = copy.deepcopy(LEGAL)
    link(data, type="foreignKey", to="clab.members.member_id")
    (tmp_path / "club.yaml").write_text(yaml.safe_dump(data))
    assert load_contract(tmp_path / "club.yaml").object("visits").field("member_id").references == FieldRef(
        system="clab", object="members", field="member_id"
    )
    with pytest.raises(ContractError, match=r"no contract is called 'clab'; did you mean 'club'\?"):
        load_contracts(tmp_path)


def test_two_contracts_of_one_system_are_refused(tmp_path):
    write(tmp_path, "a.yaml")
    write(tmp_path, "b.yaml")
    with pytest.raises(ContractError, match=r"id 'club' is taken by .*a\.yaml"):
        load_contracts(tmp_path)


def second_system(tmp_path, *, entity, relation=None):
    data = copy.deepcopy(LEGAL)
    data["id"] = data["servers"][0]["server"] = "gym"
    data["schema"][1]["properties"][1].pop("relationships")
    data["schema"][0]["customProperties"][0]["value"] = entity
    if relation:
        data["schema"][0]["properties"][1]["relationships"] = [relation]
    (tmp_path / "gym.yaml").write_text(yaml.safe_dump(data))
    write(tmp_path, "club.yaml")


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        ({"kind": "person", "of": "club.members", "by": ["member_id"]}, None),
        ({"kind": "organisation", "of": "club.members", "by": ["member_id"]}, r"another kind \(person\)"),
        ({"kind": "person", "of": "club.visits", "by": ["member_id"]}, "describes nobody"),
        ({"kind": "person", "of": "club.members", "by": ["member_id", "email"]}, "has 1 fields, by names 2"),
        ({"kind": "person", "of": "club.nobody", "by": ["member_id"]}, "has no object 'nobody'"),
        ({"kind": "person", "of": "members", "by": ["member_id"]}, "names no object"),
        ({"kind": "person", "of": "club.members", "key": ["member_id"]}, "exclude each other"),
    ],
)
def test_what_adds_to_records_of_another_object_must_fit_it(tmp_path, entity, words):
    second_system(tmp_path, entity=entity)
    if words is None:
        added = load_contracts(tmp_path)["gym"].object("members").entity
        assert (added.of, added.key) == ("club.members", ("member_id",))
    else:
        with pytest.raises(ContractError, match=words):
            load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("club.members.member_id", None),
        ("club.members.email", "not its record key; use member_id"),
        ("club.visits.visit_id", "describes nobody"),
    ],
)
def test_a_declared_link_leads_to_a_record_key(tmp_path, to, words):
    second_system(tmp_path, entity={"kind": "person"}, relation={"type": "sameCustomer", "to": to})
    if words is None:
        assert load_contracts(tmp_path)["gym"].object("members").field("email").same_customer.object == "members"
    else:
        with pytest.raises(ContractError, match=words):
            load_contracts(tmp_path)


def test_a_draft_is_checked_but_not_read_from(tmp_path):
    write(tmp_path, "club.yaml", status="draft")
    assert load_contracts(tmp_path) == {}
    write(tmp_path, "club.yaml", status="draft", version=None)
    with pytest.raises(ContractError, match="version is missing"):
        load_contracts(tmp_path)


def test_a_changed_file_is_read_again(tmp_path):
    write(tmp_path, "club.yaml", name="Club")
    assert load_contracts(tmp_path)["club"].title == "Club"
    write(tmp_path, "club.yaml", name="The club")
    assert load_contracts(tmp_path)["club"].title == "The club"


def test_further_folders_come_from_the_environment(tmp_path, monkeypatch):
    write(tmp_path, "club.yaml")
    monkeypatch.setenv("C360_CONTRACTS", str(tmp_path))
    assert {"club", "shop", "crm"} <= set(load_contracts())
    monkeypatch.setenv("C360_CONTRACTS", str(tmp_path / "none"))
    with pytest.raises(ContractError, match="is no folder"):
        load_contracts()


def test_what_a_contract_says_is_what_comes_out(tmp_path):
    write(tmp_path, "club.yaml")
    contract = load_contracts(tmp_path)["club"]
    assert (contract.owner, contract.owner_address) == ("club-data", "club@example.com")
    assert (contract.kind, contract.connection, contract.schedule) == ("postgresql", "club", "15 2 * * *")
    assert contract.freshness == timedelta(hours=36)
    members = contract.object("members")
    assert members.key == ("member_id",)
    assert members.readers == ("c360_transformer",)
    assert members.extract.lookback == timedelta(minutes=15)
    assert members.extract.deletes == Deletes(flag="is_gone")
    assert [(field.name, field.sql_type, field.is_personal) for field in members.fields] == [
        ("member_id", "bigint", False),
        ("email", "text", True),
        ("is_checked", "boolean", False),
        ("is_gone", "boolean", False),
        ("changed_at", "timestamptz", False),
    ]
    assert members.field("is_checked").verifies == "email"
    assert contract.object("visits").field("member_id").references == FieldRef(system="club", object="members", field="member_id")


PEOPLE = """
apiVersion: v3.1.0
kind: DataContract
id: people
name: A file of people
version: 1.0.0
status: active
team: {name: data, members: [{username: data@example.com, role: owner}]}
servers: [{server: people, type: local, path: "people.csv", format: csv}]
slaProperties: [{property: schedule, value: "0 3 * * *"}, {property: freshness, value: 7, unit: d}]
roles: [{role: c360_transformer, access: read}]
schema:
  - name: people
    dataGranularityDescription: one row per person as somebody wrote them down
    customProperties:
      - {property: entity, value: {kind: person}}
      - {property: extract, value: {deletes: {snapshot: true}}}
    properties:
      - {name: rec_id, physicalName: rec-id, logicalType: string, primaryKey: true, required: true, classification: internal}
      - {name: given_name, logicalType: string, semanticType: first_name, classification: personal.name}
      - {name: surname, logicalType: string, semanticType: last_name, classification: personal.name}
      - {name: date_of_birth, logicalType: string, semanticType: birth_date, classification: personal.birth}
"""


def test_a_file_of_people_needs_a_contract_and_nothing_else(tmp_path):
    (tmp_path / "people.yaml").write_text(PEOPLE)
    people = load_contracts(tmp_path)["people"].object("people")
    assert (people.extract.files, people.extract.format, people.extract.cursor) == ("people.csv", "csv", None)
    assert people.extract.deletes.snapshot
    assert {field.sql_type for field in people.fields} == {"text"}
    assert people.field("rec_id").source_name == "rec-id"
