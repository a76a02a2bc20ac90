"""What every task has in common: who owns it, who is told, and which failures are worth another try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule

from customer360_airflow.alerts import on_failure, on_success

# Named, not imported: importing psycopg for every parse of a DAG file is what this avoids. A source that is down is not among them:
# the load has its own retries, with the pauses that the source asked for.
OUTAGES = (
    "psycopg.OperationalError",
    "psycopg.errors.SerializationFailure",
    "psycopg.errors.DeadlockDetected",
)

# A refused load, a wrong contract or a defect fails the same way every time; only an outage is tried again.
OUTAGES_ONLY = ExceptionRetryPolicy(
    rules=[RetryRule(exception=name, action=RetryAction.DEFAULT, reason="outage") for name in OUTAGES], default=RetryAction.FAIL
)


def defaults(*, owner: str) -> dict[str, Any]:
    """`default_args` of our DAGs: three retries with growing pauses after an outage, incidents and alerts."""
    return {
        "owner": owner,
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "retry_policy": OUTAGES_ONLY,
        "on_failure_callback": on_failure,
        "on_success_callback": on_success,
    }


def described(text: str, *, description: str | None = None) -> dict[str, str]:
    """Documentation of a DAG from its file's docstring: the text for its page, the first sentence (or `description`) for lists."""
    return {"doc_md": text, "description": " ".join((description or text.strip().partition("\n")[0]).split())}


def cron(expression: str) -> CronTriggerTimetable:
    """A schedule in UTC for a DAG without a start date, which does not run at once when it is switched on between two times.

    With a start date, or with `run_immediately=False`, Airflow 3.3 makes up for the last time that has passed.
    """
    return CronTriggerTimetable(expression, timezone="UTC", run_immediately=timedelta(0))
