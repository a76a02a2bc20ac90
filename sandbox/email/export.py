"""The mail tool's export: the whole list as CSV each time, engagement as increments. UTF-8, RFC 4180 quoting."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from sandbox import moments
from sandbox.email.subscribers import SubscriberDraft
from sandbox.web.files import put
from sandbox.world import SUBSCRIBER_FIELDS, World

ENGAGEMENT_FIELDS = ("event_id", "subscriber_id", "campaign_id", "campaign_name", "event_type", "url", "bounce_type", "occurred_at")
_SNAPSHOTS_KEPT = 5


def subscriber_row(subscriber: SubscriberDraft) -> tuple[str | None, ...]:
    """Values in the order of the exported columns."""
    return (
        subscriber.subscriber_id,
        subscriber.email,
        subscriber.first,
        subscriber.last,
        subscriber.city,
        subscriber.country,
        subscriber.status,
        "true" if subscriber.double_opt_in else "false",
        moments.iso(subscriber.subscribed),
        moments.iso(subscriber.updated),
    )


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file, header first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def stamp(micros: int) -> str:
    """'20261122T194200123Z', the part of a file's name that says when it was exported."""
    return moments.iso(micros).replace("-", "").replace(":", "").replace(".", "")


def snapshot(world: World) -> bytes:
    """The whole list as it stands, as CSV."""
    rows = world.connection.execute(f"select {', '.join(SUBSCRIBER_FIELDS)} from subscriber order by row_number")
    return csv_bytes(SUBSCRIBER_FIELDS, rows)


def snapshot_name(at: int) -> Path:
    """Where an export of the list made at `at` (microseconds) lies in the export folder."""
    return Path("subscribers") / f"subscribers_{stamp(at)}.csv"


def engagement_name(at: int) -> Path:
    """Where an increment of engagement exported at `at` lies in the export folder."""
    return Path("engagement") / f"engagement_{stamp(at)}.csv"


def clear_snapshots(folder: Path) -> None:
    """Clear away all exports of the list but the last few, as such tools do."""
    for old in sorted((folder / "subscribers").glob("subscribers_*.csv"))[:-_SNAPSHOTS_KEPT]:
        old.unlink()


def put_file(folder: Path, name: Path, content: bytes) -> Path:
    """Write an export so that a reader sees all of it or nothing."""
    return put(folder / name.parent, name.name, content)
