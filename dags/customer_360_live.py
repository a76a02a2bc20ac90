"""Brings what was just published in raw into identity, golden record and marts: seconds, whatever the size of the whole.

Started by the asset of any source object, and when a nightly run has ended. Two tasks: resolve the records that changed; rebuild
what the change logs name, in one dbt call. Skipped while the nightly run builds: the offsets wait, and the next run catches up.

**When a task fails.** Readers keep the last good profile and its age. Nothing is lost: offsets move only after success, so the next
run (or clearing the task) does the work. A failed dbt test names the model; see the log of `build`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, AssetAny, get_current_context, task
from customer360_airflow import assets
from customer360_airflow.policy import defaults, described
from customer360_airflow.tags import Tag

from customer360.contracts.reader import load_contracts

published = [assets.raw(obj) for contract in load_contracts().values() for obj in contract.objects]

with DAG(
    "customer_360_live",
    schedule=AssetAny(*published, assets.NIGHTLY_DONE),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    tags={Tag.BUILD, Tag.LIVE},
    default_args=defaults(owner="platform"),
    **described(__doc__),
):

    @task
    def resolve() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.resolve_live(get_current_context())

    @task
    def build() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.build_live(get_current_context())

    resolve() >> build()
