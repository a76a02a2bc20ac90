"""What an explanation rests on besides the rows of the database: the model, the rules, the key of the identifiers' hashes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from customer360.errors import UserError
from customer360.identity.evidence.blocks import wide_frame
from customer360.identity.evidence.keyed_hash import key
from customer360.identity.explain.explanation import Evidence, Ground
from customer360.identity.explain.reading import Standard
from customer360.identity.match.breakdown import Breakdown, FieldWeight, breakdowns
from customer360.identity.match.model import Model, ModelError
from customer360.identity.models import registry
from customer360.identity.settings import Settings

NOT_KEPT = "not kept"  # level of a recorded weight whose model is gone


class ExplainError(UserError):
    """What is asked about does not exist, or nothing can be said about it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """`model`: the one that the customers stand by, or the one in use where that is gone. `notes`: what a reader must know of both."""

    model: Model
    settings: Settings
    secret: bytes
    ground: Ground
    notes: tuple[str, ...]


def read_basis(connection: Connection[Any], *, reviewed: Model, settings: Settings) -> Basis:
    """The basis as the newest run left it. `reviewed`: the model file. Raises ExplainError before the first run."""
    row = connection.execute(
        "select run_id, coalesce(finished_at, started_at), model_version, rules_version from identity.run order by run_id desc limit 1"
    ).fetchone()
    if row is None:
        raise ExplainError("identity has not run yet, so there are no customers to explain; run `customer360 resolve` first")
    run_id, run_at, version, rules_version = row
    used = registry.in_use(connection, reviewed).model
    used_version = used.version
    notes = []
    model, model_version = used if used_version == version else _kept(connection, version, reviewed), version
    if model is None:
        model, model_version = used, used_version
        notes.append(
            f"The customers stand by model {version}, which is no longer kept: its scores are shown as recorded, without levels. "
            f"Pairs without an edge are scored with model {used_version}, which is in use since; the next run is a full one."
        )
    elif used_version != version:
        notes.append(f"The customers stand by model {version}. Model {used_version} is in use since; the next run is a full one.")
    if not str(rules_version).startswith(settings.rules_version):
        notes.append("identity/settings.yaml has changed since the newest run; the next run is a full one.")
    return Basis(
        model=model,
        settings=settings,
        secret=key(),
        ground=Ground(
            run_id=run_id,
            run_at=run_at,
            model_version=model_version,
            match_threshold=model.match_threshold,
            review_threshold=model.review_threshold,
            weak_link_below=settings.review.weak_link_below,
        ),
        notes=tuple(notes),
    )


def _kept(connection: Connection[Any], version: str, reviewed: Model) -> Model | None:
    if reviewed.version == version:
        return reviewed
    try:
        return registry.load(connection, version)
    except (registry.RegistryError, ModelError):  # not there, or not usable by this version of the code
        return None


def scored(basis: Basis, standards: dict[str, Standard], pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], Breakdown]:
    """The breakdown of these pairs under the basis' model; a pair of which a record is not in `standards` has none."""
    named = sorted({record for pair in pairs for record in pair if record in standards})
    return breakdowns(wide_frame([(record, standards[record]) for record in named]), basis.model, pairs) if len(named) > 1 else {}


def broken_down(basis: Basis, evidence: Iterable[Evidence], found: dict[tuple[str, str], Breakdown]) -> list[Evidence]:
    """The evidence, each probabilistic one with its breakdown: from `found` where that model scored it, else from what was recorded."""
    told = []
    for one in evidence:
        if one.kind == "probabilistic":
            breakdown = found.get((one.record_id_l, one.record_id_r)) if one.model_version == basis.ground.model_version else _recorded(one)
            told.append(replace(one, breakdown=breakdown))
        else:
            told.append(one)
    return told


def _recorded(one: Evidence) -> Breakdown:
    weights: dict[str, float] = one.details["weights"]
    total = float(one.details["match_weight"])
    return Breakdown(
        record_id_l=one.record_id_l,
        record_id_r=one.record_id_r,
        prior=round(total - sum(weights.values()), 3),
        fields=[FieldWeight(field=name, level=NOT_KEPT, weight=weight, rarity=0.0) for name, weight in weights.items() if weight],
        match_weight=total,
        probability=one.probability,
        blocking_rule=f"blocking rule {one.details['blocking_rule']} of model {one.model_version}",
    )
