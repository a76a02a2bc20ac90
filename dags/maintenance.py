"""Keeps the platform from growing for ever and from going stale unnoticed.

Every ten minutes: compares the age of each object's data with its contract, measures how far streams are ahead and what their
sources keep for us, and sends alerts that could not be sent before.
Nightly: archives what was published (`C360_ARCHIVE_URL`).
Then removes landed rows of finished loads, old ledger rows, history, settled quarantine and Airflow's own old runs and logs.

**When a task fails.** Nothing depends on these tasks: clear the failed one when its cause is mended. How long things are kept is in
`customer360/pipeline/maintenance.py` (`Keep`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, task
from customer360_airflow.policy import cron, defaults, described
from customer360_airflow.tags import Tag

common: dict[str, Any] = {"catchup": False, "max_active_runs": 1, "default_args": defaults(owner="platform")}

with DAG(
    "maintenance",
    schedule=cron("30 3 * * *"),
    dagrun_timeout=timedelta(hours=2),
    tags={Tag.MAINTENANCE},
    **described(__doc__),
    **common,
):

    @task
    def archive_published() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.archive_published()

    @task(trigger_rule="all_done")  # what is not archived stays of itself
    def clean_warehouse() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.clean_warehouse()

    @task
    def clean_airflow() -> None:
        from customer360_airflow import steps

        steps.clean_airflow(keep=timedelta(days=30))

    archive_published() >> clean_warehouse()
    clean_airflow()

with DAG(
    "watch",
    schedule="*/10 * * * *",
    start_date=datetime(2026, 1, 1),
    dagrun_timeout=timedelta(minutes=9),
    tags={Tag.MAINTENANCE},
    **described(__doc__),
    **common,
):

    @task
    def check_freshness() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.check_freshness()

    @task
    def measure_streams() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.measure_streams()

    check_freshness()
    measure_streams()
