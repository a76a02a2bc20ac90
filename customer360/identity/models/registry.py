"""The registry of trained models, and the one rule that says which model is in use.

**The last word counts.** The reviewed file `identity/models/person.json` is in use unless an approval came after it: the newest
approval counts as long as the file is still the one that it was given beside. Committing another file is a later word, and outweighs
every approval before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from customer360.errors import UserError
from customer360.identity.match.model import Model

Verdict = Literal["approved", "rejected", "refused"]
GATE = "model_gate"  # who refuses
TIMEOUT = "timeout"  # who rejects when nobody answers


class RegistryError(UserError):
    """No model, or more than one, answers to what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInUse:
    """The model that the next run scores with. `approved_by` and `approved_at` are None for the reviewed file."""

    model: Model
    approved_by: str | None = None
    approved_at: datetime | None = None

    @property
    def origin(self) -> str:
        """Where it stands."""
        return "the reviewed file" if self.approved_by is None else f"approved by {self.approved_by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One row of identity.model with its last decision; times are UTC. `training_note`: why trained; `note`: why decided so."""

    version: str
    trained_at: datetime
    training_note: str | None
    compared_with: str | None
    compared_at: datetime | None
    comparison: Mapping[str, Any]
    verdict: Verdict | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


def in_use(connection: Connection[Any], reviewed: Model) -> ModelInUse:
    """The model in use, `reviewed` being the file's. Raises ModelError when the approved one cannot be used by this version of the code."""
    row = connection.execute(
        """select version, decided_by, decided_at, reviewed_version from identity.model_decision
            where verdict = 'approved' order by decision_id desc limit 1"""
    ).fetchone()
    if row is None:
        return ModelInUse(model=reviewed)
    version, decided_by, decided_at, reviewed_version = row
    if reviewed_version != reviewed.version or version == reviewed.version:
        return ModelInUse(model=reviewed)
    return ModelInUse(model=load(connection, version), approved_by=decided_by, approved_at=decided_at)


def keep(connection: Connection[Any], model: Model, *, note: str | None = None) -> bool:
    """Put a candidate into the registry, `note` saying why it was trained; False if it was there. The caller commits."""
    row = connection.execute(
        "insert into identity.model (version, document, note) values (%s, %s, %s)"
        " on conflict (version) do update set note = coalesce(excluded.note, model.note) returning old.version is null",
        [model.version, model.text(), note],
    ).fetchone()
    return row is not None and bool(row[0])


def note_comparison(connection: Connection[Any], version: str, *, compared_with: str, comparison: Mapping[str, Any]) -> None:
    """Keep what the comparison of a candidate found. The caller commits."""
    connection.execute(
        "update identity.model set compared_with = %s, compared_at = now(), comparison = %s where version = %s",
        [compared_with, Jsonb(dict(comparison)), version],
    )


def is_answered(connection: Connection[Any], request: str) -> bool:
    """Whether a decision answers this request."""
    return connection.execute("select from identity.model_decision where request = %s", [request]).fetchone() is not None


def decide(
    connection: Connection[Any],
    version: str,
    *,
    verdict: Verdict,
    decided_by: str,
    note: str | None,
    reviewed: Model,
    request: str | None = None,
) -> None:
    """Append a decision about a candidate, or an approval of the reviewed file itself (to go back to it). The caller commits.

    `request`: what it answers; only one decision can. Raises RegistryError for a model that is neither.
    """
    if version != reviewed.version:
        resolve_version(connection, version)
    connection.execute(
        "insert into identity.model_decision (version, verdict, decided_by, note, reviewed_version, request)"
        " values (%s, %s, %s, %s, %s, %s)",
        [version, verdict, decided_by, note, reviewed.version, request],
    )


def load(connection: Connection[Any], version: str) -> Model:
    """A model of the registry. Raises RegistryError, ModelError."""
    row = connection.execute("select document from identity.model where version = %s", [version]).fetchone()
    if row is None:
        raise RegistryError(f"there is no model {version} in the registry; `customer360 model list` shows which there are")
    return Model.parse(str(row[0]), f"model {version} of the registry")


def resolve_version(connection: Connection[Any], wanted: str) -> str:
    """The one version of the registry that begins with `wanted`. Raises RegistryError for none or several."""
    rows = connection.execute(
        "select version from identity.model where starts_with(version, %s) order by version limit 2", [wanted]
    ).fetchall()
    if len(rows) != 1 or not wanted:
        what = "several models begin with" if rows else "there is no model"
        raise RegistryError(f"{what} {wanted!r} in the registry; `customer360 model list` shows which there are")
    return str(rows[0][0])


def candidates(connection: Connection[Any]) -> list[Candidate]:
    """All candidates, newest first, each with its last decision."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """select m.version, m.trained_at, m.note as training_note, m.compared_with, m.compared_at, m.comparison,
                      d.verdict, d.decided_by, d.decided_at, d.note
                 from identity.model m
                 left join lateral (select * from identity.model_decision d where d.version = m.version
                                     order by decision_id desc limit 1) d on true
                order by m.trained_at desc, m.version"""
        )
        return [Candidate(**row) for row in cursor]


def candidate(connection: Connection[Any], version: str) -> Candidate:
    """The candidate with this version, or whose version begins so. Raises RegistryError."""
    whole = resolve_version(connection, version)
    return next(one for one in candidates(connection) if one.version == whole)
