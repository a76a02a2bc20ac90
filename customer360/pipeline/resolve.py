"""Resolve what changed: one lock, one transaction, killed anywhere means run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from psycopg import Connection, IsolationLevel

from customer360.contracts.reader import load_contracts
from customer360.errors import UserError
from customer360.identity.blocks import wide_frame
from customer360.identity.evaluation import Evaluation, evaluate, read_truth
from customer360.identity.extraction import extract, present_sources
from customer360.identity.limits import Breach
from customer360.identity.match.model import Model
from customer360.identity.match.train import train as train_model
from customer360.identity.resolution import IdentityGateError, Rules, run
from customer360.identity.settings import read_settings
from customer360.identity.sources import record_sources
from customer360.identity.training import train_on_birth_dates
from customer360.observe.incidents import close_incident, open_incident
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

SETTINGS = Path("identity/settings.yaml")
PERSON_MODEL = Path("identity/models/person.json")
SUBJECT = "identity"
_FEWEST_TO_TRAIN = 100
_LOCK = 360_001  # one identity run at a time, whoever starts it


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOutcome:
    """What a run did. `run_id` is None when nothing changed, or the gate refused; `counts` and `seconds` are per step."""

    state: Literal["resolved", "nothing_new", "refused"]
    mode: str
    run_id: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    breaches: tuple[Breach, ...] = ()


def read_rules(repo: Path | None = None) -> Rules:
    """Contracts, settings and model of the checkout. Raises UserError naming what is wrong and how to mend it."""
    root = repo or home.repo()
    return Rules(
        sources=record_sources(load_contracts().values()),
        settings=read_settings(root / SETTINGS),
        model=Model.load(root / PERSON_MODEL),
    )


def resolve(
    *,
    full: bool = False,
    accept: bool = False,
    rules: Rules | None = None,
    run_url: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> ResolveOutcome:
    """Bring records, edges and customers up to date with raw and the decisions.

    Everything commits together with the offset into the change log, so a run killed anywhere leaves what was and the next one does
    it. A run that breaks the identity gate (unless `accept`) is rolled back and opens the incident `identity_gate_failed`; the next
    good run closes it. Waits for a run in progress. Raises UserError for settings, model or connection that cannot be used.
    """
    rules = rules or read_rules()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        # a session's lock, taken before the snapshot: what the run before committed is then visible
        connection.autocommit = True
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        connection.autocommit = False
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            result = run(connection, rules, full=full, accept=accept, progress=progress)
        except IdentityGateError as refusal:
            connection.rollback()
            _report(connection, refusal, run_url)
            connection.commit()
            return ResolveOutcome(state="refused", mode="full" if full else "incremental", breaches=refusal.breaches)
        close_incident(connection, kind="identity_gate_failed", subject=SUBJECT, reason="a run passed the identity gate")
        connection.commit()
    return ResolveOutcome(
        state="resolved" if result.run_id is not None else "nothing_new",
        mode=result.mode,
        run_id=result.run_id,
        counts=result.counts,
        seconds=result.seconds,
    )


def train(*, repo: Path | None = None, progress: Callable[[str], None] | None = None) -> Path:
    """Train the person model on the records that raw shows now and write the model file, to be reviewed and committed.

    The next run with another model is a full one. Writes nothing to the database. Raises UserError when there is nothing to train on.
    """
    root = repo or home.repo()
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
    model = train_on_birth_dates(frame, progress=progress) or train_model(frame, progress=progress)
    path = root / PERSON_MODEL
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path


def evaluate_customers(truth: Path) -> Evaluation:
    """The customers there are now against a truth file. Raises UserError for a file that cannot be used."""
    known = read_truth(truth)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        rows = connection.execute("select record_id, customer_id::text from identity.membership where valid_to is null").fetchall()
    return evaluate(dict(rows), known)


def _report(connection: Connection[Any], refusal: IdentityGateError, run_url: str | None) -> None:
    open_incident(
        connection,
        kind="identity_gate_failed",
        subject=SUBJECT,
        severity="critical",
        title="Identity run refused: " + ", ".join(one.limit for one in refusal.breaches),
        details={
            "breaches": [{"limit": one.limit, "observed": one.observed, "allowed": one.allowed} for one in refusal.breaches],
            "mend": "look at what came in since the last run; `customer360 resolve --accept` lets this run in once",
        },
        run_url=run_url,
    )
