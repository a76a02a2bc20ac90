"""A model's way into use: trained, compared with the customers there are, judged by the gate, approved by a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection, IsolationLevel

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.identity.customers.limits import Breach
from customer360.identity.evidence.blocks import wide_frame
from customer360.identity.match.model import Model
from customer360.identity.match.train import train as train_unlabelled
from customer360.identity.models import registry
from customer360.identity.models.churn import Churn, Outcome, churn
from customer360.identity.models.gate import Trial, insane, judge
from customer360.identity.models.paired import Loss
from customer360.identity.models.registry import Candidate, ModelInUse
from customer360.identity.models.training import train_on_birth_dates
from customer360.identity.records.extraction import extract, present_sources
from customer360.identity.records.sources import record_sources
from customer360.identity.resolution import Rules
from customer360.identity.settings import read_settings
from customer360.observe.incidents import close_incident, open_incident
from customer360.pipeline import evaluate
from customer360.pipeline.resolve import PERSON_MODEL, SETTINGS, read_rules
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

Progress = Callable[[str], None]
SUBJECT = "identity.model"
_FEWEST_TO_TRAIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate beside the model in use. `losses`: against the customers there are, on each kind of labels; none without labels."""

    version: str
    compared_with: str
    churn: Churn
    losses: Sequence[Loss]
    breaches: Sequence[Breach]

    @property
    def is_refused(self) -> bool:
        """Whether the gate lets nobody approve it."""
        return bool(self.breaches)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: figures alone."""
        return {
            "version": self.version,
            "compared_with": self.compared_with,
            "is_refused": self.is_refused,
            "breaches": [asdict(one) for one in self.breaches],
            "labels": [asdict(one) for one in self.losses],
            "churn": self.churn.as_dict(),
        }


def train(*, progress: Progress | None = None) -> Model:
    """A model trained on the person records that raw shows now. Writes nothing. Raises UserError when there is nothing to train on."""
    sources = [source for source in record_sources(load_contracts().values()) if source.owner.entity.kind == "person"]
    with connections.connect(role=Role.TRANSFORMER) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        frame = wide_frame(
            (record.record_id, record.content.standard)
            for source in present_sources(connection, sources)
            for record in extract(connection, source, only_pending=False)
        )
    if frame.num_rows < _FEWEST_TO_TRAIN:
        raise UserError(
            f"{frame.num_rows} person records in raw are too few to train on; load the sources first (`customer360 load SYSTEM`)"
        )
    if progress:
        progress(f"{frame.num_rows} records")
    return train_on_birth_dates(frame, progress=progress) or train_unlabelled(frame, progress=progress)


def train_candidate(*, note: str | None = None, progress: Progress | None = None) -> str:
    """Train and put the model into the registry, `note` saying why. Returns its version: that of an earlier one where nothing it rests
    on has changed."""
    model = train(progress=progress)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        registry.keep(connection, model, note=note)
    return model.version


def compare(version: str, *, run_url: str | None = None, progress: Progress | None = None) -> Comparison:
    """Try a candidate on the customers there are and judge it; keeps the figures, and the gate's refusal if it comes to that.

    A refusal opens the incident `model_refused` with a link to `run_url`, a candidate that passes closes it. Raises UserError when there
    is no such candidate, or no customers yet.
    """
    rules = read_rules()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        model = registry.load(connection, registry.resolve_version(connection, version))
    broken = insane(model, rules.settings.model_gate)
    told, losses = _tried(replace(rules, model=model), progress)
    trial = Trial(customers=told.customers_before, disturbed=told.disturbed, largest=told.largest, losses=losses)
    found = Comparison(
        version=model.version,
        compared_with=rules.model_version,
        churn=told,
        losses=losses,
        breaches=[*broken, *judge(trial, rules.settings.model_gate, rules.settings.gate)],
    )
    with connections.connect(role=Role.TRANSFORMER) as connection:
        registry.note_comparison(connection, model.version, compared_with=rules.model_version, comparison=found.as_dict())
        _tell(connection, found, run_url)
    return found


def churn_under(*, model: str | Path | None, settings: Path | None, progress: Progress | None = None) -> Outcome:
    """What another model (a file, or a version of the registry) or other settings would do to the customers there are; writes nothing.

    Raises UserError for a file or version that cannot be used.
    """
    rules = read_rules()
    if settings is not None:
        rules = replace(rules, settings=read_settings(settings))
    if model is not None:
        rules = replace(rules, model=_named(model))
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return _rolled_back(connection, rules, progress)


def approve(version: str, *, by: str, note: str | None = None, request: str | None = None) -> ModelInUse:
    """Let the next run use a candidate, or the reviewed file again (`version` its version or `reviewed`). Returns what is in use now.

    `request`: the question this answers; answering it again changes nothing. Raises UserError for a candidate that was never compared or
    that the gate refused.
    """
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        if request is not None and registry.is_answered(connection, request):
            return registry.in_use(connection, reviewed)
        if version in ("reviewed", reviewed.version):
            version = reviewed.version
        else:
            one = registry.candidate(connection, version)
            _check_approvable(one, used=registry.in_use(connection, reviewed).model.version)
            version = one.version
        registry.decide(connection, version, verdict="approved", decided_by=by, note=note, reviewed=reviewed, request=request)
        close_incident(connection, kind="approval_awaited", subject=awaited(version), reason=f"approved by {by}")
        return registry.in_use(connection, reviewed)


def reject(version: str, *, by: str, note: str | None = None, request: str | None = None) -> str:
    """Put on record that a candidate is not to be used; returns its version. What is in use stays. `request` as for `approve`. Raises
    UserError."""
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        one = registry.candidate(connection, version)
        if request is not None and registry.is_answered(connection, request):
            return one.version
        if registry.in_use(connection, reviewed).model.version == one.version:
            raise UserError(f"model {one.version} is in use; approve another, or the file: `customer360 model approve reviewed`")
        registry.decide(connection, one.version, verdict="rejected", decided_by=by, note=note, reviewed=reviewed, request=request)
        close_incident(connection, kind="approval_awaited", subject=awaited(one.version), reason=f"rejected by {by}")
        return one.version


def awaited(version: str) -> str:
    """Subject of the incident that a candidate awaits approval."""
    return f"{SUBJECT} {version}"


def _check_approvable(one: Candidate, *, used: str) -> None:
    if not one.comparison:
        raise UserError(f"model {one.version} was not compared yet; see what it changes first: `customer360 model compare {one.version}`")
    if used not in (one.compared_with, one.version):
        raise UserError(
            f"model {one.version} was compared with {one.compared_with}, but {used} is in use since; "
            f"look again: `customer360 model compare {one.version}`"
        )
    if one.comparison["is_refused"]:
        told = "; ".join(str(Breach(**each)) for each in one.comparison["breaches"])
        raise UserError(f"the model gate refused {one.version}: {told}. Limits: model_gate in {SETTINGS}; then compare it again.")


def known() -> tuple[ModelInUse, list[Candidate]]:
    """The model in use, and all candidates, newest first."""
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return registry.in_use(connection, reviewed), registry.candidates(connection)


def find(version: str) -> str:
    """The whole version of the candidate that begins so. Raises UserError."""
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return registry.resolve_version(connection, version)


def reviewed_model() -> Model:
    """The model file of the checkout."""
    return Model.load(home.repo() / PERSON_MODEL)


def _named(model: str | Path) -> Model:
    path = Path(model)
    if path.suffix == ".json" or path.exists():
        return Model.load(path)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return registry.load(connection, registry.resolve_version(connection, str(model)))


def _tried(candidate: Rules, progress: Progress | None) -> tuple[Churn, list[Loss]]:
    """The candidate's churn, and what the customers there would be lose on labels against those there are."""
    labels = evaluate.configured_labels()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        before = evaluate.current_customers(connection)
        outcome = _rolled_back(connection, candidate, progress)
    return outcome.churn, evaluate.losses(before, outcome.customer_of, labels) if labels is not None else []


def _rolled_back(connection: Connection[Any], rules: Rules, progress: Progress | None) -> Outcome:
    try:
        return churn(connection, rules, progress=progress)
    finally:
        connection.rollback()


def _tell(connection: Connection[Any], found: Comparison, run_url: str | None) -> None:
    if not found.is_refused:
        close_incident(connection, kind="model_refused", subject=SUBJECT, reason=f"model {found.version} passes the model gate")
        return
    told = ", ".join(one.limit for one in found.breaches)
    registry.decide(connection, found.version, verdict="refused", decided_by=registry.GATE, note=told, reviewed=reviewed_model())
    open_incident(
        connection,
        kind="model_refused",
        subject=SUBJECT,
        severity="warning",
        title=f"Model {found.version} refused: {told}",
        details={
            "failures": [{"expectation": one.limit, "observed": one.observed, "allowed": one.allowed} for one in found.breaches],
            "mend": f"the model in use stays; limits: model_gate in {SETTINGS}",
        },
        run_url=run_url,
    )
