"""The demo: the whole path once, through Airflow, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from customer360.contracts.reader import load_contracts
from customer360.platform import lifecycle, summary
from customer360.platform.airflow_api import AirflowApi, Task
from customer360.platform.lifecycle import Platform, Say

NIGHTLY = "customer_360_nightly"
LIVE = "customer_360_live"
WATCH = ("maintenance", "watch")
_PATIENCE = 45 * 60.0  # seconds; a large DEMO_CUSTOMERS on a small machine takes its time


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo prints at its end."""

    succeeded: bool
    summary: str


def run(say: Say, *, customers: int) -> DemoResult:
    """Start what is not running, run the nightly DAG, switch the live DAGs on. May be run again at any point."""
    platform = lifecycle.up(say, customers=customers)
    with admin(platform) as api:
        say("Airflow: reading the DAGs")
        live = [*(f"ingest_{system}" for system in load_contracts()), LIVE]
        api.wait_for_dags({NIGHTLY, *live, *WATCH})
        state = run_nightly(api, say)
        for dag_id in (*live, *WATCH):
            api.pause(dag_id, paused=False)
        say(f"live DAGs are on: {', '.join(live)}")
    return DemoResult(succeeded=state == "success", summary=summary.summary(platform))


def run_nightly(api: AirflowApi, say: Say) -> str:
    """Run the nightly DAG now, or join the run that is under way; returns its final state."""
    api.pause(NIGHTLY, paused=False)
    under_way = [run["dag_run_id"] for run in api.runs(NIGHTLY) if run["state"] in ("queued", "running")]
    run_id = under_way[-1] if under_way else api.trigger(NIGHTLY)
    say(f"{NIGHTLY}: {'joining the run under way' if under_way else 'started'}, {api.run_url(NIGHTLY, run_id)}")
    ended = 0

    def on_task(task: Task) -> None:
        nonlocal ended
        ended += 1
        if task.state == "upstream_failed":  # one line for the failure is enough
            return
        seconds = f" in {task.seconds:.1f} s" if task.seconds else ""
        say(f"  {ended:3}  {task.task_id}: {'nothing new' if task.state == 'skipped' else task.state}{seconds}")

    state = api.wait(NIGHTLY, run_id, timeout=_PATIENCE, on_task=on_task)
    say(f"{NIGHTLY}: {state}")
    return state


def admin(platform: Platform) -> AirflowApi:
    """A session as Airflow's administrator."""
    return AirflowApi(platform.airflow.url, user="admin", password=platform.airflow.password("admin"))
