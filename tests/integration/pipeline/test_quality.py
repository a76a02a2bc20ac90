"""The quality report on a real warehouse: its figures are the ledger's, red opens an incident and mending closes it, nothing personal shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.commands.quality import app
from customer360.contracts.reader import load_contracts
from customer360.observe.notifiers import MailNotifier
from customer360.pipeline import quality
from customer360.platform import home
from customer360.warehouse import tables

pytestmark = pytest.mark.integration

CANARY = "Kanarienvogel"
NOW = datetime.now(UTC)


@pytest.fixture
def company(warehouse: Any, c360_home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Orders of two customers, one of whom the CRM knows; an invoice without its order; a bad week of the CRM."""
    monkeypatch.setenv("C360_ARCHIVE_URL", str(c360_home / "archive"))
    contracts = load_contracts()
    with warehouse.connect() as connection:
        for name in ("shop.orders", "shop.customers", "crm.contacts", "billing.invoices", "billing.customers"):
            system, _, obj = name.partition(".")
            tables.ensure(connection, contracts[system].object(obj))
        connection.execute("insert into identity.run (mode, model_version) values ('full', 'test')")
        row = "'\\x', false, now(), now()"
        for number, customer in ((1, 1), (2, 2), (3, 2)):
            connection.execute(
                f"insert into raw.shop__orders (order_id, order_number, customer_id, _load_id, _row_hash, _is_deleted, _first_seen_at, _published_at)"
                f" values ({number}, 'N{number}', {customer}, 1, {row})"
            )
        for number, order in ((1, "N1"), (2, "N404")):
            connection.execute(
                f"insert into raw.billing__invoices (id, order_number, _load_id, _row_hash, _is_deleted, _first_seen_at, _published_at)"
                f" values ('in_{number}', '{order}', 1, {row})"
            )
        people = {"shop.customers:1": 1, "crm.contacts:a": 1, "crm.contacts:b": 1, "shop.customers:2": 2}
        for record, customer in people.items():
            system, _, rest = record.partition(".")
            connection.execute(
                "insert into identity.customer (customer_id, born_at, born_run_id, confidence)"
                " values (lpad(%s, 32, '0')::uuid, now(), 1, 1) on conflict do nothing",
                [str(customer)],
            )
            connection.execute(
                "insert into identity.record (record_id, system, object, kind, first_seen_at, changed_at, attribute_hash)"
                " values (%s, %s, %s, 'person', now(), now(), '\\x')",
                [record, system, rest.partition(":")[0]],
            )
            connection.execute(
                "insert into identity.membership (record_id, customer_id, valid_from, run_id) values (%s, lpad(%s, 32, '0')::uuid, now(), 1)",
                [record, str(customer)],
            )
        load(connection, "contacts", days=2, extracted=100, quarantined=20)
        connection.execute(
            "insert into ops.gate_result (load_id, expectation, severity, level, success, failed_rows, checked_rows)"
            " values (1, 'expect_column_values_to_not_be_null(email)', 'critical', 'row', false, 20, 100)"
        )
        connection.execute(
            "insert into quarantine.row (load_id, system, object, row_hash, payload, reasons, opened_at)"
            " select 1, 'crm', 'contacts', n::text::bytea, jsonb_build_object('last_name', %s::text), '[]', now() - interval '40 days'"
            " from generate_series(1, 20) n",
            [CANARY],
        )
        yield connection


def load(connection: Any, obj: str, *, days: float, extracted: int, quarantined: int, state: str = "published") -> None:
    at = NOW - timedelta(days=days)
    connection.execute(
        "insert into ops.load (system, object, kind, state, extracted, inserted, published, quarantined, started_at, finished_at)"
        " values ('crm', %s, 'incremental', %s, %s, %s, %s, %s, %s, %s)",
        [obj, state, extracted, extracted - quarantined, extracted - quarantined, quarantined, at, at],
    )


def open_subjects(connection: Any) -> set[str]:
    return {row[0] for row in connection.execute("select subject from ops.incident where kind = 'data_quality' and closed_at is null")}


def test_figures_are_what_the_ledger_and_the_systems_say(company: Any) -> None:
    report = quality.take()
    contacts = next(one for one in report.objects if one.subject == "crm.contacts")
    assert contacts.measures["turned_away"] == 0.2
    assert contacts.measures["unmet"] == 1.0
    assert contacts.measures["quarantine_rows"] == 20
    assert contacts.measures["quarantine_days"] == pytest.approx(40, abs=0.1)
    assert contacts.measures["duplicates"] == 1.0, "both of the CRM's records are one customer's"
    assert contacts.measures["age"] > 1, "two days is older than its contract agrees to"
    assert [(day.rows, day.turned_away) for day in contacts.days] == [(100, 20)]
    assert [(one.expectation, one.failed_rows) for one in contacts.failing] == [("expect_column_values_to_not_be_null(email)", 20)]
    found = {one.check.name: (one.found, one.whole) for one in report.agreements}
    assert found["invoices bill orders that the shop has"] == (1, 2)
    assert found["who orders in the shop is known to the CRM"] == (1, 2)
    assert found["who is billed is known to the shop"] == (0, 0), "nobody is billed yet"
    assert company.execute("select count(*) from ops.quality_report").fetchone() == (0,), "taking it writes nothing"


def test_red_is_an_incident_until_it_is_mended(company: Any) -> None:
    path = quality.write(quality.take())
    assert path.read_text().count("crm.contacts") and CANARY not in path.read_text()
    assert open_subjects(company) == {"crm.contacts", "invoices bill orders that the shop has"}
    kept = company.execute("select state, figures::text from ops.quality_report").fetchall()
    assert kept[0][0] == "red" and CANARY not in kept[0][1]
    assert CANARY not in str(company.execute("select title, details from ops.incident").fetchall())
    company.execute("update quarantine.row set state = 'waived', settled_at = now()")
    company.execute("delete from raw.billing__invoices where order_number = 'N404'")
    company.execute("delete from identity.membership where record_id = 'crm.contacts:b'")
    load(company, "contacts", days=0, extracted=9_900, quarantined=0)
    company.execute("update ops.gate_result set success = true")
    quality.write(quality.take())
    assert open_subjects(company) == set()
    assert company.execute("select count(*), max(state) from ops.quality_report").fetchone() == (1, "amber"), "a day has one report"


def test_a_refused_load_counts_until_one_passes(company: Any) -> None:
    load(company, "leads", days=1, extracted=5, quarantined=0, state="rejected")
    refused = {one.subject: one.measures["refused_loads"] for one in quality.take().objects}
    assert refused["crm.leads"] == 1 and refused["crm.contacts"] == 0
    load(company, "leads", days=0.5, extracted=5, quarantined=0)
    assert {one.subject: one.measures["refused_loads"] for one in quality.take().objects}["crm.leads"] == 0


def test_agreement_is_shown_over_time_and_old_pages_go(company: Any, c360_home: Path) -> None:
    for days in range(3, 0, -1):
        quality.write(quality.take(now=NOW - timedelta(days=days)))
    report = quality.take()
    assert [share for _, share in report.earlier["invoices bill orders that the shop has"]] == [0.5, 0.5, 0.5]
    folder = quality.folder()
    for number in range(70):
        (folder / f"2025-{number // 28 + 1:02}-{number % 28 + 1:02}.html").write_text("old")
    path = quality.write(report)
    assert "<polyline" in path.read_text()
    assert len(list(folder.glob("????-??-??.html"))) == 60 and (folder / "latest.html").read_text() == path.read_text()
    assert len(list((c360_home / "archive" / "reports" / "quality").iterdir())) == 4


def test_it_is_mailed_whole(company: Any, tmp_path: Path) -> None:
    from sandbox.sinks.mail import Mailbox
    from sandbox.sinks.smtp import controller

    port = next(port for port in range(29100, 30000) if home.port_is_free(port))
    mailbox = Mailbox(tmp_path / "mails")
    server = controller(mailbox, port)
    server.start()
    try:
        quality.mail(
            quality.take(), MailNotifier(host="127.0.0.1", port=port, sender="a@example.com", recipients=["b@example.com"], tls="none")
        )
    finally:
        server.stop()
    (mail,) = mailbox.all()
    assert mail["subject"].startswith("Data quality") and "[red] crm.contacts" in mail["text"] and CANARY not in mail["text"]
    (path,) = (tmp_path / "mails").glob("*.eml")
    assert "text/html" in path.read_text()


def test_the_command_shows_writes_and_tries(company: Any, tmp_path: Path) -> None:
    runner = CliRunner()
    told = runner.invoke(app, ["show"])
    assert told.exit_code == 0 and "[red] crm.contacts" in told.output and CANARY not in told.output
    measures = json.loads(runner.invoke(app, ["show", "--json"]).output)["measures"]
    assert {"subject": "crm.contacts", "state": "red"}.items() <= {**next(one for one in measures if one["measure"] == "unmet")}.items()
    tried = runner.invoke(app, ["report", "--dry-run", "--out", str(tmp_path / "q.html")])
    assert "incident: crm.contacts" in tried.output and not (tmp_path / "q.html").exists()
    assert runner.invoke(app, ["report", "--out", str(tmp_path / "q.html")]).exit_code == 0
    assert "Data quality" in (tmp_path / "q.html").read_text()
