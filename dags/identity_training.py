"""Trains a model of identity on the records of today, compares it with the one in use, and asks people whether it may be used.

**What to do.** `approval` waits in **Required Actions** (an alert links there): it shows figures on labels and how many customers would
change. Whoever may edit DAG runs (roles Op and Admin) can approve or reject; nobody within six days counts as rejected, for now. An
approved model is used from the next nightly or live run on, which is then a full one; until then, and otherwise, the one in use stays.

`compare` is **skipped**, and nobody is asked, when the model gate refuses the candidate (the incident `model_refused` says why), when it
would change no customer, and when a person has rejected it before. While a run waits for its answer the next one stays queued.

**When a task fails.** Nothing depends on it: the model in use stays. `train`: too few records, or an outage. `compare`: there are no
customers yet. `approval`, `use_model`: the candidate can no longer be approved as asked, because another model is in use or was
compared since; start another run. Any task may be cleared and run again: an answer is put on record once.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, get_current_context, task
from customer360_airflow import training
from customer360_airflow.policy import cron, defaults, described
from customer360_airflow.tags import Tag

WAITS = timedelta(days=6)  # so that a run has ended when the next one is due

with DAG(
    "identity_training",
    schedule=cron("0 5 * * 1"),  # Mondays, after the nightly run: people have the week to answer
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=WAITS + timedelta(hours=12),
    params=training.form(),
    tags={Tag.IDENTITY},
    default_args=defaults(owner="platform"),
    **described(__doc__),
):

    @task(execution_timeout=timedelta(hours=4))
    def train() -> str:
        return training.train(get_current_context())

    @task(execution_timeout=timedelta(hours=4))
    def compare(version: str) -> dict[str, str]:
        return training.compare(version, get_current_context())

    @task
    def use_model(version: str, answer: training.Answer) -> str:
        return training.record(version, answer, get_current_context(), approved=True)

    @task
    def keep_model(version: str, answer: training.Answer) -> str:
        return training.record(version, answer, get_current_context(), approved=False)

    asked = compare(train())
    approval = training.ModelApproval(
        task_id="approval",
        version=asked["version"],
        model=asked["model"],
        subject=asked["subject"],
        body=asked["body"],
        use="use_model",
        keep="keep_model",
        response_timeout=WAITS,
    )
    use_model(asked["version"], approval.answer)
    keep_model(asked["version"], approval.answer)
