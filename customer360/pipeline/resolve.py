"""Resolve what changed: one lock, one transaction, killed anywhere means run again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
from psycopg import Connection, IsolationLevel
from psycopg.types.json import set_json_loads

from customer360.contracts.reader import load_contracts
from customer360.identity.customers.limits import Breach
from customer360.identity.match.model import Model
from customer360.identity.models import registry
from customer360.identity.records.sources import record_sources
from customer360.identity.resolution import IdentityGateError, Rules, run
from customer360.identity.settings import read_settings
from customer360.observe.incidents import close_incident, open_incident
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

SETTINGS = Path("identity/settings.yaml")
PERSON_MODEL = Path("identity/models/person.json")
SUBJECT = "identity"
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

    @property
    def told_breaches(self) -> str:
        """The limits a refused run broke, in a line."""
        return "; ".join(f"{one.limit} {one.observed}, allowed {one.allowed}" for one in self.breaches)


def read_rules(repo: Path | None = None) -> Rules:
    """Contracts and settings of the checkout, and the model in use: the reviewed file, or what was approved beside it since.

    Raises UserError naming what is wrong and how to mend it.
    """
    root = repo or home.repo()
    reviewed = Model.load(root / PERSON_MODEL)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        model = registry.in_use(connection, reviewed).model
    return Rules(sources=record_sources(load_contracts().values()), settings=read_settings(root / SETTINGS), model=model)


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
    with _without_collector(), connections.connect(role=Role.TRANSFORMER) as connection:
        set_json_loads(msgspec.json.decode, connection)
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


@contextmanager
def _without_collector() -> Iterator[None]:
    """A run makes millions of small objects and no cycles among them; Python's collector would walk them all again and again (40 % of
    a full run's time). Reference counts free them as ever."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
