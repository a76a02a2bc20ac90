"""Building the models: one dbt run over a frozen batch, live or in full, with its failures as values and as incidents.

Live runs process what the batch names; a full run computes every model and writes the rows that differ. Whoever calls holds the
build lease. For a nightly run of one dbt process per model, call `begin_full` before the first and `finish` after the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from psycopg import Connection, sql

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.golden.rules import read_rules
from customer360.observe import incidents
from customer360.pipeline import batch as batches
from customer360.pipeline import dbt_run
from customer360.pipeline.dbt_run import Failure
from customer360.platform import home
from customer360.warehouse import connections, tables
from customer360.warehouse.roles import Role

Progress = Callable[[str], None]
State = Literal["built", "nothing_new", "failed"]

# Staging decides between doubled business keys by looking these up (see stg_shop__orders).
LOOKUPS = (("shop__orders", "order_number"),)


class BuildFailed(UserError):
    """Models or tests of a dbt run failed; the message names each."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """What one dbt run did. `seconds` covers freezing, dbt and the commit of the batch."""

    state: State
    live: bool
    models: int
    tests: int
    seconds: float
    failures: tuple[Failure, ...] = ()  # errors, and tests of severity error
    warnings: tuple[Failure, ...] = ()  # tests of severity warn
    timings: tuple[tuple[str, float], ...] = ()  # (node, seconds), slowest first

    def raise_for_failure(self) -> None:
        """Raises BuildFailed when the run failed."""
        if self.state == "failed":
            raise BuildFailed("dbt failed:\n" + "\n".join(f"  {failure}" for failure in self.failures))


def build(
    *,
    live: bool,
    select: str | None = None,
    full_refresh: bool = False,
    target_path: Path | None = None,
    run_url: str | None = None,
    progress: Progress | None = None,
) -> BuildOutcome:
    """Freezes a batch, runs dbt on it, and moves dbt's offsets when all of it succeeded.

    `live` rebuilds what the batch names, without tests; otherwise models, seeds and tests run in full. With `select` (dbt's syntax) the
    offsets stay, because only part was built. `full_refresh` makes the tables anew, history of the golden record excepted.
    Failing tests open incidents, passing ones close them. Raises BuildFailed only when dbt itself could not run, RulesError for
    survivorship rules that a full run cannot use.
    """
    started = time.monotonic()
    if not live:  # a live run uses the rules that the last full one loaded
        read_rules(home.repo())
    with connections.connect(autocommit=True, role=Role.TRANSFORMER) as connection:
        prepare()
        # what a user picks out and computes in full is right without a batch, and says nothing about the rest
        batch = None if select and not live and not full_refresh else _freeze(connection, full_refresh=full_refresh)
        if live and batch and batch.is_empty and not select:
            batches.finish(connection)
            return BuildOutcome(state="nothing_new", live=True, models=0, tests=0, seconds=time.monotonic() - started)
        live = live and not (batch and batch.needs_full)
        result = dbt_run.run(
            "run" if live else "build",
            select=_selection(batch, select, live=live),
            live=live,
            full_refresh=full_refresh,
            target_path=target_path,
            progress=progress,
        )
        with connection.transaction():
            record_tests(connection, result, run_url=run_url)
            if not result.failures and not select:
                batches.finish(connection)
    return _outcome(result, live=live, started=started)


def check(*, select: str | None = None, run_url: str | None = None, progress: Progress | None = None) -> BuildOutcome:
    """Runs data tests on what is built; failing ones open incidents, passing ones close theirs.

    By default the tests that speak of several models, which a run of one model at a time cannot make: relationships and singular ones.
    """
    started = time.monotonic()
    wanted = select.split() if select else ["test_name:relationships", "test_type:singular"]
    with connections.connect(autocommit=True, role=Role.TRANSFORMER) as connection:
        result = dbt_run.run("test", select=wanted, progress=progress)
        with connection.transaction():
            record_tests(connection, result, run_url=run_url)
    return _outcome(result, live=False, started=started)


def _outcome(result: dbt_run.Result, *, live: bool, started: float) -> BuildOutcome:
    return BuildOutcome(
        state="failed" if result.failures else "built",
        live=live,
        models=result.models,
        tests=result.tests,
        seconds=time.monotonic() - started,
        failures=result.failures,
        warnings=result.warnings,
        timings=result.timings,
    )


def begin_full(*, full_refresh: bool = False) -> int:
    """Prepares a full run that others carry out model by model (Airflow's), and freezes its batch; returns the batch id.

    Raises RulesError for survivorship rules that cannot be used.
    """
    read_rules(home.repo())
    prepare()
    with connections.connect(autocommit=True, role=Role.TRANSFORMER) as connection:
        return _freeze(connection, full_refresh=full_refresh).batch_id


def finish() -> int | None:
    """Closes the open batch after a full run that others carried out; its id, or None when none was open."""
    with connections.connect(autocommit=True, role=Role.TRANSFORMER) as connection:
        return batches.finish(connection)


def _freeze(connection: Connection[Any], *, full_refresh: bool) -> batches.Batch:
    return batches.freeze(connection, needs_full=full_refresh or not _is_built(connection))


def prepare() -> None:
    """Makes what the models read and nobody may have made yet: tables of objects that were never loaded, lookup indexes."""
    with connections.connect() as connection:
        known = {row[0] for row in connection.execute("select tablename from pg_tables where schemaname = 'raw'").fetchall()}
        for contract in load_contracts().values():
            for obj in contract.objects:
                if obj.table not in known:
                    tables.ensure(connection, obj)
        _index_lookups(connection)


def _index_lookups(connection: Connection[Any]) -> None:
    for table, column in LOOKUPS:
        name = f"{table}_{column}_lookup"
        exists = connection.execute("select to_regclass(%s) is not null", [f"raw.{name}"]).fetchone()
        if exists and exists[0]:  # asked first: `if not exists` would lock the table to find out
            continue
        connection.execute(
            sql.SQL("create index if not exists {} on {} ({})").format(
                sql.Identifier(name), sql.Identifier("raw", table), sql.Identifier(column)
            )
        )


def record_tests(connection: Connection[Any], result: dbt_run.Result, *, run_url: str | None = None) -> None:
    """Opens an incident for each failing test, and closes those of tests that pass again, in the caller's transaction."""
    for failure in (*result.failures, *result.warnings):
        if failure.kind != "test":
            continue
        incidents.open_incident(
            connection,
            kind="dbt_test_failed",
            subject=failure.node,
            severity="critical" if failure in result.failures else "warning",
            title=f"dbt test {failure.node} failed on {failure.model or 'no model'}",
            details={"expectation": failure.node, "model": failure.model, "failed_rows": failure.rows, "reason": failure.reason},
            run_url=run_url,
        )
    for subject in _open_subjects(connection) & set(result.passed_tests):
        incidents.close_incident(connection, kind="dbt_test_failed", subject=subject, reason="the test passes again")


def _open_subjects(connection: Connection[Any]) -> set[str]:
    rows = connection.execute("select subject from ops.incident where kind = 'dbt_test_failed' and closed_at is null").fetchall()
    return {subject for (subject,) in rows}


def _is_built(connection: Connection[Any]) -> bool:
    row = connection.execute("select to_regclass('marts.customer_360') is not null").fetchone()
    return bool(row and row[0])


def _selection(batch: batches.Batch | None, select: str | None, *, live: bool) -> Sequence[str]:
    if select:
        return select.split()
    if not live or batch is None:
        return []
    if batch.is_resumed or batch.touched:  # what the run before had reached is not known
        return ["tag:live"]
    wanted: Iterable[str] = (f"source:{name}+,tag:live" for name in batch.objects)
    return [*wanted, *(["source:identity.membership+,tag:live"] if batch.customers else [])]
