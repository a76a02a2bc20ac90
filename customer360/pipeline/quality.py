"""The daily quality report: taken, kept, told, mailed, archived. Written by the nightly run and by `customer360 quality report`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from psycopg import Connection
from psycopg.types.json import Jsonb

from customer360.archive.location import ArchiveError, open_archive
from customer360.contracts.model import SourceContract
from customer360.contracts.reader import load_contracts
from customer360.observe import incidents
from customer360.observe.messages import Message
from customer360.observe.notifiers import Notifier
from customer360.observe.quality import figures, words
from customer360.observe.quality.judge import Judged, Report, judge
from customer360.observe.quality.page import page
from customer360.observe.quality.settings import FILE, read_settings
from customer360.pipeline import kept_pages
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

_DAYS = 30  # shown over time
_KIND: incidents.Kind = "data_quality"


def folder() -> Path:
    """Where reports are kept: `$C360_HOME/reports/quality`."""
    return home.home() / "reports" / "quality"


def take(*, now: datetime | None = None) -> Report:
    """Measure everything as it stands. Writes nothing. Raises QualityError for a quality.yaml that cannot be used."""
    at = now or datetime.now(UTC)
    contracts = load_contracts()
    settings = read_settings(home.repo() / FILE, contracts)
    with connections.connect(role=Role.TRANSFORMER) as connection:
        objects = figures.objects(connection, contracts, at)
        agreements = figures.agreements(connection, contracts, settings)
        earlier = _earlier(connection, at)
    return Report(at=at, objects=objects, agreements=agreements, judged=judge(objects, agreements, settings), earlier=earlier)


def write(report: Report, *, out: Path | None = None, run_url: str | None = None) -> Path:
    """Keep the figures, open and close incidents, write the page: to `out`, or into `folder()` and the archive. Raises OSError."""
    text = page(report).encode()
    with connections.connect(role=Role.TRANSFORMER) as connection:
        _keep(connection, report)
        _tell(connection, report, load_contracts(), run_url)
    if out is not None:
        home.write_page(out, text)
        return out
    path = kept_pages.keep(folder(), f"{report.at:%Y-%m-%d}.html", text, pattern="????-??-??.html")  # the archive keeps all
    _archive(report, text)
    return path


def mail(report: Report, notifier: Notifier) -> None:
    """Send the page by mail. Raises NotificationFailed."""
    name = f"quality {report.at:%Y-%m-%d}"
    notifier.send(
        Message(
            incident_id=uuid5(NAMESPACE_URL, f"customer360 {name}"),
            event="opened",
            subject=words.headline(report),
            text=words.text(report),
            html=page(report),
            blocks=[],
            mail_id=f"<{name.replace(' ', '.')}.{report.at:%H%M%S}@customer360.invalid>",
            mail_parent=None,
            owner_addresses=(),
        )
    )


def _earlier(connection: Connection[Any], at: datetime) -> dict[str, list[tuple[Any, float]]]:
    rows = connection.execute(
        "select day, figures -> 'agreement' from ops.quality_report where day >= %s and day < %s",
        [(at - timedelta(days=_DAYS)).date(), at.date()],
    ).fetchall()
    return figures.earlier_shares([(day, shares or {}) for day, shares in rows])


def _keep(connection: Connection[Any], report: Report) -> None:
    measures: dict[str, dict[str, Any]] = {}
    for one in report.judged:
        measures.setdefault(one.subject, {})[one.measure] = {"value": one.value, "state": one.state}
    shares = {one.check.name: one.share for one in report.agreements if one.share is not None}
    connection.execute(
        """insert into ops.quality_report (day, at, state, figures) values (%s, %s, %s, %s)
           on conflict (day) do update set at = excluded.at, state = excluded.state, figures = excluded.figures""",
        [report.at.date(), report.at, report.state, Jsonb({"measures": measures, "agreement": shares})],
    )


def _tell(connection: Connection[Any], report: Report, contracts: Mapping[str, SourceContract], run_url: str | None) -> None:
    """One incident per subject with something red; those without any more are over."""
    red: dict[str, list[Judged]] = {}
    for one in report.judged:
        if one.state == "red":
            red.setdefault(one.subject, []).append(one)
    for subject, found in red.items():
        contract = contracts.get(subject.partition(".")[0])
        incidents.open_incident(
            connection,
            kind=_KIND,
            subject=subject,
            severity="warning",
            title=f"data quality: {words.sentence(found[0])}",
            details={
                "failures": [
                    {
                        "expectation": words.TITLES[one.measure],
                        "observed": words.shown(one.measure, one.value),
                        "allowed": words.shown(one.measure, one.red),
                        "severity": "warning",
                        "reason": one.reason,
                    }
                    for one in found
                ],
                "owner": contract.owner if contract else None,
                "owner_address": contract.owner_address if contract else None,
            },
            run_url=run_url,
        )
    standing = connection.execute("select subject from ops.incident where kind = %s and closed_at is null", [_KIND]).fetchall()
    for (subject,) in standing:
        if subject not in red:
            incidents.close_incident(connection, kind=_KIND, subject=subject, reason="every measure is within its red limit")


def _archive(report: Report, text: bytes) -> None:
    store = open_archive()
    if store is None:
        return
    path = f"{store.root}/reports/quality/{report.at:%Y-%m-%d}.html"
    try:
        store.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        store.filesystem.pipe_file(path, text)
    except OSError as error:
        raise ArchiveError(f"the archive takes no report ({type(error).__name__}); mend C360_ARCHIVE_URL or the rights on it") from error
