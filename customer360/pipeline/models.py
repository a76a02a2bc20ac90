"""A model's way into use: trained, compared with the customers there are, judged by the gate, approved by a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection, IsolationLevel

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.identity import models
from customer360.identity.blocks import wide_frame
from customer360.identity.churn import Churn, Outcome, churn
from customer360.identity.extraction import extract, present_sources
from customer360.identity.limits import Breach
from customer360.identity.match.model import Model
from customer360.identity.match.train import train as train_unlabelled
from customer360.identity.model_gate import LabelScore, Trial, insane, judge
from customer360.identity.models import Candidate, ModelInUse
from customer360.identity.resolution import Rules
from customer360.identity.settings import read_settings
from customer360.identity.sources import record_sources
from customer360.identity.training import train_on_birth_dates
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
    """A candidate beside the model in use. `before` and `after`: scores on the same labels; empty without labels."""

    version: str
    compared_with: str
    churn: Churn
    before: Sequence[LabelScore]
    after: Sequence[LabelScore]
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
            "labels": {"before": [asdict(one) for one in self.before], "after": [asdict(one) for one in self.after]},
            "churn": self.churn.as_dict(),
        }


def train(*, progress: Progress | None = None) -> Model:
    """A model trained on the person records that raw shows now. Writes nothing. Raises UserError when there is nothing to train on."""
    sources = [source for source in record_sources(load_contracts().values()) if source.owner.entity.kind == "person"]
    with connections.connect(role=Role.TRANSFORMER) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        records = [
            (record.record_id, record.content.standard)
            for source in present_sources(connection, sources)
            for record in extract(connection, source, only_pending=False)
        ]
    if len(records) < _FEWEST_TO_TRAIN:
        raise UserError(f"{len(records)} person records in raw are too few to train on; load the sources first (`customer360 load SYSTEM`)")
    if progress:
        progress(f"{len(records)} records")
    frame = wide_frame(records)
    return train_on_birth_dates(frame, progress=progress) or train_unlabelled(frame, progress=progress)


def train_candidate(*, progress: Progress | None = None) -> str:
    """Train and put the model into the registry. Returns its version: that of an earlier one where nothing it rests on has changed."""
    model = train(progress=progress)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        models.keep(connection, model)
    return model.version


def compare(version: str, *, progress: Progress | None = None) -> Comparison:
    """Try a candidate on the customers there are and judge it; keeps the figures, and the gate's refusal if it comes to that.

    A refusal opens the incident `model_refused`, a candidate that passes closes it. Raises UserError when there is no such candidate,
    or no customers yet.
    """
    rules = read_rules()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        model = models.load(connection, models.resolve_version(connection, version))
    broken = insane(model, rules.settings.model_gate)
    outcome, before, after = _tried(replace(rules, model=model), rules, progress)
    trial = Trial(customers=outcome.churn.customers_before, disturbed=outcome.churn.disturbed, before=before, after=after)
    found = Comparison(
        version=model.version,
        compared_with=rules.model_version,
        churn=outcome.churn,
        before=before,
        after=after,
        breaches=[*broken, *judge(trial, rules.settings.model_gate)],
    )
    with connections.connect(role=Role.TRANSFORMER) as connection:
        models.note_comparison(connection, model.version, compared_with=rules.model_version, comparison=found.as_dict())
        _tell(connection, found)
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


def approve(version: str, *, by: str, note: str | None = None) -> ModelInUse:
    """Let the next run use a candidate, or the reviewed file again (`version` its version or `reviewed`). Returns what is in use now.

    Raises UserError for a candidate that was never compared or that the gate refused.
    """
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        if version not in ("reviewed", reviewed.version):
            one = models.candidate(connection, version)
            version = one.version
            if not one.comparison:
                raise UserError(f"model {version} was not compared yet; see what it changes first: `customer360 model compare {version}`")
            if one.compared_with != (used := models.in_use(connection, reviewed).model.version) and one.version != used:
                raise UserError(
                    f"model {version} was compared with {one.compared_with}, but {used} is in use since; "
                    f"look again: `customer360 model compare {version}`"
                )
            if one.comparison["is_refused"]:
                told = "; ".join(str(Breach(**each)) for each in one.comparison["breaches"])
                raise UserError(f"the model gate refused {version}: {told}. Limits: model_gate in {SETTINGS}; then compare it again.")
        else:
            version = reviewed.version
        models.decide(connection, version, verdict="approved", decided_by=by, note=note, reviewed=reviewed)
        return models.in_use(connection, reviewed)


def reject(version: str, *, by: str, note: str | None = None) -> str:
    """Put on record that a candidate is not to be used; returns its version. What is in use stays. Raises UserError."""
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        one = models.candidate(connection, version)
        if models.in_use(connection, reviewed).model.version == one.version:
            raise UserError(f"model {one.version} is in use; approve another, or the file: `customer360 model approve reviewed`")
        models.decide(connection, one.version, verdict="rejected", decided_by=by, note=note, reviewed=reviewed)
        return one.version


def known() -> tuple[ModelInUse, list[Candidate]]:
    """The model in use, and all candidates, newest first."""
    reviewed = reviewed_model()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return models.in_use(connection, reviewed), models.candidates(connection)


def reviewed_model() -> Model:
    """The model file of the checkout."""
    return Model.load(home.repo() / PERSON_MODEL)


def _named(model: str | Path) -> Model:
    path = Path(model)
    if path.suffix == ".json" or path.exists():
        return Model.load(path)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return models.load(connection, models.resolve_version(connection, str(model)))


def _tried(candidate: Rules, rules: Rules, progress: Progress | None) -> tuple[Outcome, list[LabelScore], list[LabelScore]]:
    """The candidate's churn, and the scores of the customers there are and of those there would be."""
    labels = evaluate.configured_labels()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        before: list[LabelScore] = []
        if labels is not None:
            before = evaluate.current_quality(connection, labels, threshold=rules.model.match_threshold).scores
        outcome = _rolled_back(connection, candidate, progress)
    after: list[LabelScore] = []
    if labels is not None:
        edges = ((edge.record_id_l, edge.record_id_r, edge.kind, edge.rule) for edge in outcome.edges)
        after = evaluate.quality(outcome.customer_of, edges, labels).scores
    return outcome, before, after


def _rolled_back(connection: Connection[Any], rules: Rules, progress: Progress | None) -> Outcome:
    try:
        return churn(connection, rules, progress=progress)
    finally:
        connection.rollback()


def _tell(connection: Connection[Any], found: Comparison) -> None:
    if not found.is_refused:
        close_incident(connection, kind="model_refused", subject=SUBJECT, reason=f"model {found.version} passes the model gate")
        return
    told = ", ".join(one.limit for one in found.breaches)
    models.decide(connection, found.version, verdict="refused", decided_by=models.GATE, note=told, reviewed=reviewed_model())
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
    )
