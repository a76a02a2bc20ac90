"""Everything, once a night: take in every source, resolve identities, build and test each model, snapshots, documentation, freshness.

While it builds it holds a lease that keeps `customer_360_live` out; live runs catch up afterwards. A source that fails or is refused
does not stop the others: the rest is built with its last good data, and its own alert tells.

**When a task fails.** `take_lease`: another build has held it for 30 minutes; `customer360 status` says which. `dbt.…`: the model or its
test is the task's name; mend it, clear the task with its downstream tasks. Readers keep the last good tables meanwhile.
`resolve`: customers keep their last good resolution. Any task may be cleared: each is safe to run again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, TaskGroup, get_current_context, task
from customer360_airflow import assets
from customer360_airflow.dbt import dbt_models
from customer360_airflow.ingest import ingest_tasks
from customer360_airflow.policy import cron, defaults, described
from customer360_airflow.tags import Tag

from customer360.contracts.reader import load_contracts

STAGING = ["path:models/staging", "resource_type:seed"]

with DAG(
    "customer_360_nightly",
    schedule=cron("0 2 * * *"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    tags={Tag.BUILD, Tag.NIGHTLY},
    default_args=defaults(owner="platform"),
    **described(__doc__),
):
    with TaskGroup("ingest") as ingest:
        for contract in load_contracts().values():
            with TaskGroup(contract.system):
                ingest_tasks(contract)

    @task(trigger_rule="all_done")
    def take_lease() -> None:
        from customer360_airflow import steps

        steps.take_lease(get_current_context(), ttl=timedelta(hours=8), wait=timedelta(minutes=30))

    @task
    def resolve() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.resolve_nightly(get_current_context())

    @task
    def open_batch() -> int:
        from customer360_airflow import steps

        return steps.open_batch()

    @task
    def staging() -> dict[str, Any]:
        """Views and seeds: one dbt run for all of them, as each takes milliseconds."""
        from customer360_airflow import steps

        return steps.build_nodes(STAGING, get_current_context())

    @task
    def close_batch() -> None:
        from customer360_airflow import steps

        steps.close_batch()

    @task
    def check_models() -> dict[str, int]:
        from customer360_airflow import steps

        return steps.check_models(get_current_context())

    @task
    def docs() -> None:
        from customer360_airflow import steps

        steps.write_docs()

    @task
    def identity_report() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.identity_report(get_current_context())

    @task
    def reconcile() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.reconcile()

    @task(trigger_rule="all_done")  # a count that failed is told; the report shows the last one
    def quality_report() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.quality_report(get_current_context())

    @task
    def freshness() -> dict[str, Any]:
        from customer360_airflow import steps

        return steps.check_freshness()

    @task(trigger_rule="all_done", outlets=[assets.NIGHTLY_DONE])
    def give_lease_back() -> None:
        from customer360_airflow import steps

        steps.give_lease_back(get_current_context())

    leased, returned = take_lease().as_setup(), give_lease_back().as_teardown()
    models = dbt_models("dbt", exclude=STAGING)
    ingest >> leased >> resolve() >> open_batch() >> staging() >> models >> close_batch() >> check_models() >> returned
    counted = reconcile()
    leased >> returned >> [docs(), freshness(), identity_report(), counted]
    counted >> quality_report()
