"""Takes in one source system: reads what changed, checks it, publishes it to raw. One DAG per contract in `contracts/`.

**When a task fails.** **Refused** (`LoadRefused`): the gate found the load wrong; raw keeps its last good state and the alert names the
expectation. Mend the source, or the contract or suite if the source is right; the next run reads the rows again by itself.
**Outage**: three tries, then one alert; the next run goes on where the last good one ended. **Skipped** means nothing new. Any task may be
cleared and run again at any time. **Trigger with form**: single objects, a full refresh, everything since a time, or a backfill.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG
from customer360_airflow import deadlines
from customer360_airflow.ingest import form, ingest_tasks, schedule
from customer360_airflow.policy import defaults, described
from customer360_airflow.tags import Tag

from customer360.contracts.reader import load_contracts

for contract in load_contracts().values():
    with DAG(
        f"ingest_{contract.system}",
        schedule=schedule(contract),
        start_date=datetime(2026, 1, 1),  # UTC; nothing is caught up: what is read is bounded by watermarks
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=6),
        deadline=deadlines.of_freshness(contract),
        params=form(contract),
        tags={Tag.INGEST, contract.system},
        default_args=defaults(owner=contract.owner),
        **described(f"{contract.description}\n\n{__doc__}", description=contract.description),
    ) as dag:
        ingest_tasks(contract)
    globals()[dag.dag_id] = dag
