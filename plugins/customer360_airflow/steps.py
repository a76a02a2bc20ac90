"""What tasks do: call the library and turn its answer into a task's state. Heavy imports are inside, for parsing's sake."""

from __future__ import annotations

import dataclasses
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from customer360_airflow import alerts, connections

if TYPE_CHECKING:
    from customer360.pipeline.resolve import ResolveOutcome

logger = logging.getLogger(__name__)


class LoadRefused(AirflowFailException, alerts.AlreadyTold):
    """The gate refused the load. Not tried again: the same rows would be refused; the next run reads them anew."""


class SourceIsDown(AirflowFailException, alerts.AlreadyTold):
    """The source did not answer after the load's own retries. The load stays open; the next run goes on with it."""


class IdentityRefused(AirflowFailException, alerts.AlreadyTold):
    """The run would change more customers than the limits allow."""


class TestsFailed(AirflowFailException, alerts.AlreadyTold):
    """dbt tests failed; each has its incident."""


# ------------------------------------------------------------------------------------------------- ingest
def ingest(system: str, name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """A load's whole life for one object. Returns its counts. Skips when there is nothing new, so that no asset event fires."""
    connections.register()
    from customer360.pipeline.ingest import SourceDown, ingest_object

    params = context["params"]
    chosen = params.get("objects")
    if chosen and name not in chosen:
        raise AirflowSkipException(f"{system}.{name} was not asked for")
    try:
        if params.get("until") or params.get("from"):
            return _backfill(system, name, params, run_url=alerts.run_url(context))
        outcome = ingest_object(
            system, name, full_refresh=bool(params.get("full_refresh")), since=params.get("since"), run_url=alerts.run_url(context)
        )
    except SourceDown as error:
        raise SourceIsDown(str(error)) from None
    finally:
        alerts.dispatch()  # the load may have opened or closed incidents of its own
    if outcome.state in ("nothing_new", "already_running", "waiting"):
        raise AirflowSkipException(f"{system}.{name}: {outcome.state.replace('_', ' ')}")
    if outcome.state in ("rejected", "held"):
        told = "\n".join(outcome.reasons)
        raise LoadRefused(f"load {outcome.load_id} of {system}.{name} was refused; raw keeps its last good state\n{told}")
    return dataclasses.asdict(outcome.counts)


def _backfill(system: str, name: str, params: Mapping[str, Any], *, run_url: str | None) -> dict[str, Any]:
    """A window again, or with neither bound all of it, in turns between the loads of other runs."""
    from customer360.pipeline.backfill import Window, run_backfill

    window = Window(origin=params.get("from") or "source", since=params.get("since"), until=params.get("until"))
    done = run_backfill(system, name, window=window, run_url=run_url)
    if done.refused is not None:
        raise LoadRefused(f"load {done.refused.load_id}, of a backfill of {system}.{name}, was refused, and with it the rest")
    if not done.counts.published:
        raise AirflowSkipException(f"{system}.{name}: {done.rows_read} rows read again, nothing new")
    return dataclasses.asdict(done.counts)


# -------------------------------------------------------------------------------------------------- lease
def take_lease(context: Mapping[str, Any], *, ttl: timedelta, wait: timedelta) -> None:
    """Keep live runs out while this run builds. Waits for one that is under way."""
    connections.register()
    from customer360.pipeline import lease

    lease.acquire(lease.BUILD, holder=_holder(context), ttl=ttl, wait=wait)


def give_lease_back(context: Mapping[str, Any]) -> None:
    """Let live runs in again."""
    connections.register()
    from customer360.pipeline import lease

    lease.release(lease.BUILD, holder=_holder(context))


def _holder(context: Mapping[str, Any]) -> str:
    ti = context["ti"]
    return f"{ti.dag_id}/{ti.run_id}"


# --------------------------------------------------------------------------------------------------- live
def resolve_live(context: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve what changed. Skips while a nightly run builds."""
    connections.register()
    from customer360.pipeline import live

    try:
        outcome = live.resolve(holder=_holder(context), run_url=alerts.run_url(context))
    except live.LeaseTaken as busy:
        raise AirflowSkipException(str(busy)) from None
    return _resolved(outcome)


def build_live(context: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuild what the change logs name, in one dbt run. Skips while a nightly run builds, and when there is nothing to do."""
    connections.register()
    from customer360.pipeline import live

    try:
        outcome = live.build(holder=_holder(context), run_url=alerts.run_url(context))
    except live.LeaseTaken as busy:
        raise AirflowSkipException(str(busy)) from None
    if outcome.state == "nothing_new":
        raise AirflowSkipException("no change to build")
    _raise_for(outcome.failures)
    return {"models": outcome.models, "seconds": round(outcome.seconds, 2)}


# ------------------------------------------------------------------------------------------------ nightly
def resolve_nightly(context: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve all records that changed since the last run."""
    connections.register()
    from customer360.pipeline.resolve import resolve

    return _resolved(resolve(run_url=alerts.run_url(context)))


def _resolved(outcome: ResolveOutcome) -> dict[str, Any]:
    alerts.dispatch()
    if outcome.state == "refused":
        raise IdentityRefused(f"the identity gate refused the run: {', '.join(breach.limit for breach in outcome.breaches)}")
    return {"state": outcome.state, "mode": outcome.mode, **outcome.counts}


def open_batch() -> int:
    """Freeze what this run builds; returns the batch's id."""
    connections.register()
    from customer360.pipeline.build import begin_full

    return begin_full()


def close_batch() -> None:
    """Move dbt's offsets: all models were built from the batch."""
    connections.register()
    from customer360.pipeline.build import finish

    finish()


def build_nodes(select: Sequence[str], context: Mapping[str, Any]) -> dict[str, Any]:
    """Build and test the selected dbt nodes in full, each as one task of many."""
    connections.register()
    from customer360.pipeline import build, dbt_run
    from customer360.warehouse.connections import connect
    from customer360.warehouse.roles import Role

    with tempfile.TemporaryDirectory(prefix="c360-dbt-") as target:  # runs side by side must not share one
        result = dbt_run.run("build", select=select, one_of_many=True, target_path=Path(target))
        with connect(role=Role.TRANSFORMER) as connection:
            build.record_tests(connection, result, run_url=alerts.run_url(context))
    _raise_for(result.failures)
    return {"models": result.models, "tests": result.tests, "warnings": [failure.node for failure in result.warnings]}


def check_models(context: Mapping[str, Any]) -> dict[str, int]:
    """Run the tests that speak of several models, which no task of one model can."""
    connections.register()
    from customer360.pipeline import build

    outcome = build.check(run_url=alerts.run_url(context))
    _raise_for(outcome.failures)
    return {"tests": outcome.tests, "warnings": len(outcome.warnings)}


def write_docs() -> str:
    """dbt's documentation as one page."""
    connections.register()
    from customer360.pipeline import dbt_run

    return dbt_run.documentation().name


def identity_report(context: Mapping[str, Any]) -> dict[str, Any]:
    """Summarise identity, compare with the nights before (opens and closes `identity_drift`), write the report. Returns counts."""
    connections.register()
    from customer360.pipeline import report

    try:
        path, taken = report.write(run_url=alerts.run_url(context))
    finally:
        alerts.dispatch()
    return {"report": path.name, "customers": taken.summary.customers, "drifted": [one.name for one in taken.over]}


def reconcile() -> dict[str, int]:
    """Count the sources that can be counted and hold the counts beside raw. Returns objects by what came of them."""
    connections.register()
    from customer360.pipeline import reconcile as reconciling

    states = [one.state for one in reconciling.reconcile()]
    return {state: states.count(state) for state in sorted(set(states))}


def quality_report(context: Mapping[str, Any]) -> dict[str, Any]:
    """Write and mail the quality report; open and close `data_quality` incidents. Returns counts."""
    connections.register()
    from customer360.observe.notifiers import NotificationFailed
    from customer360.pipeline import quality

    taken = quality.take()
    try:
        path = quality.write(taken, run_url=alerts.run_url(context))
    finally:
        alerts.dispatch()
    channel = alerts.channels().get("mail")
    is_mailed = False
    if channel is not None:
        try:
            quality.mail(taken, channel)
            is_mailed = True
        except NotificationFailed as error:  # the page is kept, and tomorrow's comes
            logger.warning("the quality report was not mailed: %s", error)
    return {"report": path.name, "red": taken.count("red"), "amber": taken.count("amber"), "mailed": is_mailed}


def check_freshness() -> dict[str, int]:
    """Compare the age of each object's data with its contract; open and close `stale` incidents; send what is owed."""
    connections.register()
    from customer360.contracts.reader import load_contracts
    from customer360.observe import freshness
    from customer360.warehouse.connections import connect
    from customer360.warehouse.roles import Role

    with connect(role=Role.TRANSFORMER) as connection:
        found = freshness.check(connection, list(load_contracts().values()), datetime.now(UTC))
    alerts.dispatch()
    states = [entry.state for entry in found]
    return {state: states.count(state) for state in sorted(set(states))}


def measure_streams() -> dict[str, int]:
    """How far the streams' sources are ahead and what they keep for us; opens and closes `stream_retains` incidents."""
    connections.register()
    from customer360.pipeline import streams

    try:
        return streams.watch()
    finally:
        alerts.dispatch()


def _raise_for(failures: Sequence[Any]) -> None:
    if not failures:
        return
    from customer360.pipeline.build import BuildFailed

    told = "\n".join(str(failure) for failure in failures)
    if all(failure.kind == "test" for failure in failures):
        raise TestsFailed(told)
    raise BuildFailed(f"dbt failed:\n{told}")


# -------------------------------------------------------------------------------------------- maintenance
def archive_published() -> dict[str, int]:
    """Archive what was published since the last time; returns rows per object."""
    connections.register()
    from customer360.pipeline import maintenance

    return maintenance.archive()


def clean_warehouse() -> dict[str, int]:
    """Remove what is no longer needed from landing, ledger, history and quarantine; returns rows removed per table."""
    connections.register()
    from customer360.pipeline import maintenance

    return maintenance.clean()


def clean_airflow(*, keep: timedelta) -> None:
    """Remove Airflow's runs, events and logs older than `keep`.

    A task may not use the metadata database; its address comes as connection `airflow_metadata`, and a process of its own uses it.
    """
    found = connections.resolve("airflow_metadata")
    if found is None:
        raise AirflowSkipException("no connection airflow_metadata: Airflow's own tables are not cleaned")
    before = (datetime.now(UTC) - keep).isoformat()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__DATABASE__")},
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": found.replace("postgresql://", "postgresql+psycopg2://", 1),
    }
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before, "--skip-archive", "--yes"]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"`airflow db clean` ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    _remove_old_logs(Path(os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]), before=datetime.now(UTC) - keep)


def _remove_old_logs(folder: Path, *, before: datetime) -> int:
    """Delete log files last written before a time; empty folders go with them. Returns the number of files."""
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # children before their folder
        if path.is_file() and path.stat().st_mtime < before.timestamp():
            path.unlink()
            removed += 1
        elif path.is_dir() and not any(path.iterdir()) and path.stat().st_mtime < before.timestamp():
            path.rmdir()
    return removed
