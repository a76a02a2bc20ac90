"""Asking people whether a trained candidate may be used: whether there is anything to ask, the question, who is told, the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customer360.errors import UserError
from customer360.identity.models import registry as registry
from customer360.identity.models.registry import Candidate
from customer360.observe import incidents
from customer360.pipeline import models
from customer360.pipeline.comparison_text import comparison_text
from customer360.pipeline.models import Comparison, Progress
from customer360.warehouse import connections
from customer360.warehouse.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What people are asked about a candidate. `model`: what would replace what. `body`: Markdown; figures, no value of any record."""

    version: str
    model: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """Nobody is asked about a candidate, because of `reason`."""

    version: str
    reason: str


def question(version: str, *, again: bool = False, run_url: str | None = None, progress: Progress | None = None) -> Question | Unasked:
    """Compare a candidate with the customers there are, and say what to ask about it, if anything.

    Not asked about: the model in use; one that the model gate refuses (the incident `model_refused` opens); one that would change no
    customer; one that a person has rejected beside the model in use, unless asked `again`. Raises UserError for an unknown version, or
    without customers.
    """
    used, candidates = models.known()
    if version == used.model.version:
        with connections.connect(role=Role.TRANSFORMER) as connection:
            incidents.close_incident(
                connection, kind="model_refused", subject=models.SUBJECT, reason="training gave the model in use again"
            )
        return Unasked(version=version, reason=f"model {version} is in use already")
    found = models.compare(version, run_url=run_url, progress=progress)
    one = next(each for each in candidates if each.version == found.version)
    if reason := _nothing_to_ask(found, one, again=again):
        return Unasked(version=found.version, reason=reason)
    model = f"{found.version} in place of {found.compared_with}"
    return Question(version=found.version, model=model, subject=_subject(found), body=_body(found, one))


def announce(version: str, *, answer_by: datetime | None, run_url: str) -> None:
    """Open the incident `approval_awaited` of a candidate: people are told that an answer is awaited, and where. One of an older
    candidate that nobody answered closes. Safe to run again. Raises RegistryError for an unknown version."""
    with connections.connect(role=Role.TRANSFORMER) as connection:
        one = registry.candidate(connection, version)
        for older in incidents.find(connection, kind="approval_awaited"):
            if older.subject != models.awaited(one.version):
                incidents.close_by_id(connection, older.incident_id, reason=f"model {one.version} is asked about instead")
        incidents.open_incident(
            connection,
            kind="approval_awaited",
            subject=models.awaited(one.version),
            severity="warning",
            title=f"Model {one.version} awaits approval",
            details=_told(one.comparison, answer_by),
            run_url=run_url,
        )


def answer(version: str, *, approved: bool, by: str | None, note: str | None, request: str) -> str:
    """Put the answer on record and close the incident; returns in a sentence what holds now. `by` None: nobody answered in time.

    `request` names the question: answering it again changes nothing. Raises UserError where the candidate cannot be approved any more:
    the gate has refused it since, or it was compared with a model that is no longer in use.
    """
    if approved:
        if by is None:
            raise UserError(f"model {version} cannot be approved by nobody")
        used = models.approve(version, by=by, note=note, request=request)
        return f"model {used.model.version} ({used.origin}) is used from the next run on"
    models.reject(version, by=by or registry.TIMEOUT, note=note, request=request)
    return f"model {version} is not used: {'nobody answered in time' if by is None else f'rejected by {by}'}; the model in use stays"


def _nothing_to_ask(found: Comparison, one: Candidate, *, again: bool) -> str | None:
    if found.is_refused:
        return f"the model gate refused {found.version}: {'; '.join(map(str, found.breaches))}"
    if not found.churn.differs:
        return f"model {found.version} would change no customer"
    was_rejected = one.verdict == "rejected" and one.decided_by != registry.TIMEOUT and one.compared_with == found.compared_with
    if was_rejected and not again:
        return f"{one.decided_by} rejected model {found.version} beside the same model in use; a run for this candidate asks again"
    return None


def _subject(found: Comparison) -> str:
    churn = found.churn
    return (
        f"Use model {found.version}? {churn.disturbed:,} of {churn.customers_before:,} customers would change ({churn.changed_share:.2%})"
    )


def _body(found: Comparison, one: Candidate) -> str:
    why = f"Trained because: {one.training_note}\n\n" if one.training_note else ""
    return (
        f"{why}{comparison_text(found)}\n\n"
        "**Approve**: the next nightly or live run resolves all records anew with it. **Reject**: the model in use stays, and this one is "
        "not asked about again beside it. No answer in time counts as rejected for now.\n"
    )


def _told(comparison: Mapping[str, Any], answer_by: datetime | None) -> dict[str, Any]:
    churn = comparison.get("churn", {})
    return {
        "customers": churn.get("customers_before"),
        "customers_that_would_change": churn.get("disturbed"),
        "answer_by": f"{answer_by:%Y-%m-%d %H:%M} UTC" if answer_by else None,
    }
