"""Summaries of identity, kept and compared: what the nightly run and `customer360 resolve drift` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, IsolationLevel
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from customer360.errors import UserError
from customer360.identity.report.drift import Measure, Past, measure
from customer360.identity.report.summary import Summary, summarise
from customer360.identity.resolution import Rules
from customer360.observe.incidents import close_incident, open_incident
from customer360.pipeline import evaluate
from customer360.pipeline.evaluate import LabelScore, Quality
from customer360.pipeline.resolve import SETTINGS, SUBJECT, read_rules
from customer360.warehouse import connections
from customer360.warehouse.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A summary as kept; `at` is UTC. `scores`: on labels, empty without. `quality` is None for a summary read back."""

    run_id: int
    at: datetime
    model_version: str
    rules_version: str
    summary: Summary
    scores: Sequence[LabelScore]
    measures: Sequence[Measure]
    quality: Quality | None = None

    @property
    def over(self) -> list[Measure]:
        """What has drifted too far."""
        return [one for one in self.measures if one.is_over]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run_id": self.run_id,
            "at": self.at.isoformat(),
            "model_version": self.model_version,
            "summary": self.summary.as_dict(),
            "scores": [asdict(score) for score in self.scores],
            "drift": [{**asdict(one), "is_over": one.is_over} for one in self.measures],
        }


def take(*, rules: Rules | None = None, run_url: str | None = None) -> Taken:
    """Summarise identity as the newest run left it, compare with the summaries before, keep it, and open or close `identity_drift`.

    Reads everything: seconds per million records, nothing for a live run. Raises UserError before the first run.
    """
    rules = rules or read_rules()
    labels = evaluate.configured_labels()
    threshold = rules.model.match_threshold
    with connections.connect(role=Role.TRANSFORMER) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        newest = connection.execute("select run_id, model_version, rules_version from identity.run order by run_id desc limit 1").fetchone()
        if newest is None:
            raise UserError("there is no identity run to summarise; run `customer360 resolve` first")
        run_id, model_version, rules_version = newest
        summary = summarise(connection, threshold=threshold)
        quality = evaluate.current_quality(connection, labels, threshold=threshold) if labels is not None else None
        past = [
            Past(summary=one.summary, is_alike=(one.model_version, one.rules_version) == (model_version, rules_version))
            for one in history(connection, limit=rules.settings.drift.compare_with, before=run_id)
        ]
        measures = measure(summary, past, rules.settings.drift)
        scores = quality.scores if quality is not None else []
        connection.execute(
            """insert into identity.run_summary as s (run_id, model_version, rules_version, figures, drift) values (%s, %s, %s, %s, %s)
               on conflict (run_id) do update set at = excluded.at, figures = excluded.figures, drift = excluded.drift
               where (s.figures, s.drift) is distinct from (excluded.figures, excluded.drift)""",
            [
                run_id,
                model_version,
                rules_version,
                Jsonb({**summary.as_dict(), "scores": [asdict(score) for score in scores]}),
                Jsonb({"measures": [asdict(one) for one in measures]}),
            ],
        )
        row = connection.execute("select at from identity.run_summary where run_id = %s", [run_id]).fetchone()
        if row is None:
            raise RuntimeError("the summary was not written")
        taken = Taken(
            run_id=run_id,
            at=row[0],
            model_version=model_version,
            rules_version=rules_version,
            summary=summary,
            scores=scores,
            measures=measures,
            quality=quality,
        )
        _tell(connection, taken, run_url)
    return taken


def history(connection: Connection[Any], *, limit: int, before: int | None = None) -> list[Taken]:
    """Summaries as kept, newest first; those of runs before one, or all. One of another version's shape is left out."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """select run_id, at, model_version, rules_version, figures, drift from identity.run_summary
                where %(before)s::bigint is null or run_id < %(before)s order by run_id desc limit %(limit)s""",
            {"before": before, "limit": limit},
        ).fetchall()
    found = []
    for row in rows:
        figures = row.pop("figures")
        try:
            summary = Summary.from_dict(figures)
        except KeyError:
            continue
        scores = [LabelScore(**score) for score in figures.get("scores", ())]
        measures = [Measure(**one) for one in row.pop("drift").get("measures", ())]
        found.append(Taken(**row, summary=summary, scores=scores, measures=measures))
    return found


def _tell(connection: Connection[Any], taken: Taken, run_url: str | None) -> None:
    over = taken.over
    if not over:
        close_incident(connection, kind="identity_drift", subject=SUBJECT, reason="the newest summary is within the limits")
        return
    open_incident(
        connection,
        kind="identity_drift",
        subject=SUBJECT,
        severity="warning",
        title="Identity has drifted: " + ", ".join(one.name for one in over[:3]) + (", …" if len(over) > 3 else ""),
        details={
            "failures": [
                {"expectation": one.name, "observed": f"{one.drift:+.3f}", "allowed": str(one.limit), "reason": _what(one)} for one in over
            ],
            "mend": f"limits: drift in {SETTINGS}",
        },
        run_url=run_url,
    )


def _what(one: Measure) -> str:
    if one.kind == "distribution":
        return "population stability index against the summaries before"
    if one.kind == "count":
        return f"was {one.before:,.0f}, is {one.now:,.0f}"
    return f"was {one.before:.1%}, is {one.now:.1%}"
