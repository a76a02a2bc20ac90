"""The identity report of the newest run: written by the nightly run and by `customer360 resolve report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from customer360.identity.models import registry
from customer360.identity.report.page import Night, Report, Run, page
from customer360.pipeline import drift, kept_pages
from customer360.pipeline.drift import Taken
from customer360.pipeline.models import reviewed_model
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

_NIGHTS = 30  # shown over time


def folder() -> Path:
    """Where reports are kept: `$C360_HOME/reports/identity`."""
    return home.home() / "reports" / "identity"


def write(*, out: Path | None = None, run_url: str | None = None) -> tuple[Path, Taken]:
    """Summarise and compare identity (see `drift.take`) and write the page: to `out`, or into `folder()` beside those of other nights,
    where `latest.html` is the newest. Raises UserError before the first run, OSError where it cannot be written."""
    taken = drift.take(run_url=run_url)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        report = _report(connection, taken)
    text = page(report).encode()
    if out is not None:
        home.write_page(out, text)
        return out, taken
    return kept_pages.keep(folder(), f"{taken.at:%Y-%m-%d}-run-{taken.run_id}.html", text, pattern="*-run-*.html"), taken


def _report(connection: Connection[Any], taken: Taken) -> Report:
    row = connection.execute("select mode, finished_at, figures from identity.run where run_id = %s", [taken.run_id]).fetchone()
    if row is None:
        raise RuntimeError(f"identity run {taken.run_id} is gone")
    mode, finished_at, figures = row
    used = registry.in_use(connection, reviewed_model())
    origin = used.origin if used.model.version == taken.model_version else "no longer in use: the next run is a full one"
    nights = [
        Night(
            at=one.at,
            records=one.summary.record_count,
            customers=one.summary.customers,
            grey_zone=one.summary.grey_zone,
            f1=one.scores[0].f1 if one.scores else None,
        )
        for one in reversed(drift.history(connection, limit=_NIGHTS))
    ]
    return Report(
        at=taken.at,
        run=Run(
            run_id=taken.run_id,
            mode=mode,
            finished_at=finished_at,
            model_version=taken.model_version,
            model_origin=origin,
            counts={name: count for name, count in figures.items() if isinstance(count, int)},
            seconds=figures.get("seconds", {}),
        ),
        summary=taken.summary,
        measures=taken.measures,
        nights=nights,
        clusters=taken.quality.clusters if taken.quality else None,
        pairs=taken.quality.pairs if taken.quality else None,
    )
