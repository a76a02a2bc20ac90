"""What the demo shows at its end, read from the warehouse. The one place that prints a customer: the sandbox's people are invented."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg

from customer360.platform import home, lifecycle
from customer360.platform.lifecycle import Platform
from customer360.warehouse import connections
from customer360.warehouse.embedded import binaries


def summary(platform: Platform) -> str:
    """Rows per source object, gate results, customers, one golden record, and how to get in."""
    with connections.connect(autocommit=True) as connection:
        parts = [_loads(connection), _gate(connection), _identity(connection), _golden_record(connection), access(platform)]
    return "\n\n".join(part for part in parts if part)


def access(platform: Platform) -> str:
    """How to get in: Airflow's address and logins, the analyst's psql line, where alerts land."""
    server = platform.warehouse
    psql = "psql" if shutil.which("psql") else str(binaries() / "psql")
    airflow = platform.airflow
    lines = [
        f"Airflow    {airflow.url}",
        *(f"           {user:9} {airflow.password(user):34} ({role})" for user, role in _roles().items()),
        f"Analyst    PGPASSWORD={lifecycle.analyst_password()} {psql} -h 127.0.0.1 -p {server.port} -U c360_analyst {lifecycle.WAREHOUSE}",
        "           select * from marts.customer_360 limit 5;   -- personal fields are masked",
    ]
    if platform.has_sandbox:
        lines += [
            f"Alerts     Slack and mail of the sandbox: {_command()} sandbox alerts",
            f"Try        {_command()} sandbox advance      # time passes at the source systems; live DAGs pick it up",
            f"           {_command()} sandbox fault --help # break a source system, see the load refused and the alert",
        ]
    lines.append(f"Stop       {_command()} down                 # state stays in {home.home()}")
    return "\n".join(lines)


def _loads(connection: psycopg.Connection[Any]) -> str:
    """The equation, over all loads of an object; of loads that ended without publishing, rows are in neither sum."""
    rows = connection.execute(
        """
        select system || '.' || object, sum(extracted), sum(published), sum(unchanged), sum(superseded), sum(stale), sum(quarantined),
               sum(extracted) = sum(published + unchanged + superseded + stale + quarantined)
        from ops.load where state = 'published' group by 1 order by 1
        """
    ).fetchall()
    refused = connection.execute(
        """
        select distinct on (system, object) system || '.' || object, state from ops.load order by system, object, load_id desc
        """
    ).fetchall()
    head = ("object", "extracted", "= published", "+ unchanged", "+ superseded", "+ stale", "+ quarantined", "")
    body = [(*map(_shown, row[:-1]), "ok" if row[-1] else "DOES NOT ADD UP") for row in rows]
    text = "Rows per source object\n" + _table(head, body)
    bad = [f"{name} ({state})" for name, state in refused if state in ("rejected", "held")]
    return text + (f"\nlast load refused: {', '.join(bad)}" if bad else "")


def _gate(connection: psycopg.Connection[Any]) -> str:
    rows = connection.execute(
        """
        with last as (select distinct on (system, object) load_id, system from ops.load
                      where exists (select from ops.gate_result where gate_result.load_id = load.load_id)
                      order by system, object, load_id desc)
        select system, count(*), count(*) filter (where success),
               coalesce(sum(failed_rows) filter (where severity = 'critical' and level <> 'load'), 0),
               count(*) filter (where not success and severity <> 'critical')
        from ops.gate_result join last using (load_id) group by system order by system
        """
    ).fetchall()
    head = ("system", "expectations", "met", "rows refused", "warnings")
    return "Gate, last load of each object\n" + _table(head, [tuple(map(_shown, row)) for row in rows])


def _identity(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute(
        """
        select count(distinct record_id), count(distinct customer_id),
               (select count(*) from quarantine.row where state = 'open'), (select count(*) from ops.incident where closed_at is null)
        from identity.membership where valid_to is null
        """
    ).fetchone()
    records, customers, quarantined, incidents = row or (0, 0, 0, 0)
    return f"{records:,} source records → {customers:,} customers; {quarantined:,} rows in quarantine, {incidents} open incidents"


def _golden_record(connection: psycopg.Connection[Any]) -> str:
    """The customer whose record is put together from most systems, with the source of every value; nothing before the first build."""
    built = connection.execute("select to_regclass('marts.dim_customer_attribute') is not null").fetchone()
    if not (built and built[0]):
        return "No golden record yet: the nightly run did not get that far"
    chosen = connection.execute(
        """
        select customer_id from marts.dim_customer_attribute where is_winner
        group by customer_id order by count(distinct split_part(record_id, '.', 1)) desc, count(*) desc, customer_id limit 1
        """
    ).fetchone()
    if chosen is None:
        return ""
    rows = connection.execute(
        """
        select attribute, value, record_id, ranked_by from marts.dim_customer_attribute
        where customer_id = %s and is_winner order by attribute
        """,
        chosen,
    ).fetchall()
    head = ("attribute", "value", "from", "because")
    return f"One golden record: customer {chosen[0]} (invented, as all people of the sandbox)\n" + _table(
        head, [tuple(map(_shown, row)) for row in rows]
    )


def _roles() -> dict[str, str]:
    return {"admin": "administers", "engineer": "runs and clears DAGs", "analyst": "reads, data documentation"}


def _command() -> str:
    """How the reader calls us."""
    prefix = f"C360_HOME={home.home()} " if "C360_HOME" in os.environ else ""
    return f"{prefix}.venv/bin/customer360"


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{int(value):,}" if isinstance(value, int | Decimal) else str(value)  # sums of bigint come as Decimal


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    numeric = [bool(rows) and all(row[column].replace(",", "").isdigit() for row in rows) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return (
            "  "
            + "  ".join(
                cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(cells, widths, numeric, strict=True)
            ).rstrip()
        )

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
