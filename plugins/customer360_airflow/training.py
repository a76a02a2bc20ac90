"""A model's way into use in Airflow: trained, compared, asked about, used or not."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, cast

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import BaseNotifier, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowSkipException

from customer360_airflow import alerts, connections

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)

APPROVE, REJECT = "Approve", "Reject"
_ANSWER = "answer"


class Answer(TypedDict):
    """Who answered (None: nobody in time), why, and when (ISO 8601, UTC)."""

    by: str | None
    note: str | None
    at: str


def form() -> dict[str, Param]:
    """What a person may say when starting a training run by hand."""
    return {
        "model_note": Param(
            None,
            type=["null", "string"],
            title="Why",
            description="Why a model is trained now; kept with it and shown to whoever is asked to approve it.",
        ),
        "candidate": Param(
            None,
            type=["null", "string"],
            title="Candidate",
            description="A version (see: customer360 model list) to ask about, rejected before or not, instead of training one.",
        ),
    }


class ModelApproval(HITLBranchOperator):
    """Asks whether a candidate may be used, and goes on with the task `use` or `keep`. No answer in time: `keep`.

    Airflow keeps the text of a question that was asked once when its task is cleared, though the run may have compared something else
    meanwhile. The question therefore carries `model`, what is to replace what, in its form, and an approval must come back with the
    same words.
    """

    template_fields = (*HITLBranchOperator.template_fields, "version", "model")

    def __init__(self, *, version: str, model: str, use: str, keep: str, params: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        # `params` are those of the DAG, which Airflow adds: they are no part of the answer
        super().__init__(
            options=[APPROVE, REJECT],
            options_mapping={APPROVE: use, REJECT: keep},
            defaults=REJECT,
            params=_answer_form(),
            notifiers=[_Announcement()],
            **kwargs,
        )
        self.version = version
        self.model = model

    @property
    def answer(self) -> Answer:
        """For the tasks that act on it."""
        return cast(Answer, self.output[_ANSWER])

    def execute(self, context: Context) -> Any:
        """Ask, tell people, and wait."""
        self.params = ParamsDict(_answer_form(self.model))
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the answer. Raises UserError when it approves another model than this run has compared."""
        if "error" in event:
            return super().execute_complete(context, event)
        given = {"model": "", "note": None, **(event["params_input"] or {})}
        if APPROVE in event["chosen_options"]:
            self._check_model(given["model"])
        who = event["responded_by_user"]
        told = Answer(by=who["name"] if who else None, note=given["note"], at=event["responded_at"].isoformat())
        context["ti"].xcom_push(key=_ANSWER, value=told)  # first: branching ends the task by an exception
        return super().execute_complete(context, {**event, "params_input": given})

    def _check_model(self, approved: str) -> None:
        from customer360.errors import UserError

        if not approved:
            raise UserError(
                "the answer names no model. Clear this task, and approve on its page or, by the API, with the `model` that its "
                "hitlDetails show in params_input"
            )
        if approved != self.model:
            raise UserError(
                f"the answer approves {approved}, which the page showed; this run has compared {self.model} since. "
                "Start another run: the page of this one keeps its text"
            )


def _answer_form(model: str = "") -> dict[str, Param]:
    return {
        "model": Param(
            model,
            type="string",
            **({"enum": [model]} if model else {}),
            source="task",
            title="Model",
            description="What this is about.",
        ),
        "note": Param(None, type=["null", "string"], source="task", title="Why", description="Kept with the decision."),
    }


class _Announcement(BaseNotifier):
    """Tells people through our incidents that an answer is awaited; the answer closes the incident."""

    def notify(self, context: Context) -> None:
        """Open the incident, with a link to the question."""
        connections.register()
        from customer360.pipeline import approval

        operator: Any = context["task"]
        deadline = datetime.now(UTC) + operator.response_timeout if operator.response_timeout else None
        link = operator.generate_link_to_ui(task_instance=context["ti"])
        approval.announce(operator.version, answer_by=deadline, run_url=link)
        alerts.dispatch()


# --------------------------------------------------------------------------------------------------- tasks
def train(context: Mapping[str, Any]) -> str:
    """Train a candidate, or find the one that the form names; returns its version."""
    connections.register()
    from customer360.pipeline import models

    params = context["params"]
    if params.get("candidate"):
        return models.find(params["candidate"])
    return models.train_candidate(note=params.get("model_note"), progress=logger.info)


def compare(version: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Compare the candidate with the model in use; returns what people are to be asked. Skips when there is nothing to ask."""
    connections.register()
    from customer360.pipeline import approval

    try:
        found = approval.question(
            version, again=bool(context["params"].get("candidate")), run_url=alerts.run_url(context), progress=logger.info
        )
    finally:
        alerts.dispatch()  # the model gate may have opened or closed an incident
    if isinstance(found, approval.Unasked):
        raise AirflowSkipException(found.reason)
    return dataclasses.asdict(found)


def record(version: str, answer: Answer, context: Mapping[str, Any], *, approved: bool) -> str:
    """Put the answer on record, once; returns what holds now."""
    connections.register()
    from customer360.pipeline import approval

    ti = context["ti"]
    request = f"{ti.dag_id}/{ti.run_id}/{answer['at']}"
    try:
        return approval.answer(version, approved=approved, by=answer["by"], note=answer["note"], request=request)
    finally:
        alerts.dispatch()
