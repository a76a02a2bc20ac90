"""What an API's change feed says: events become records with their moment, oldest first."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from customer360.contracts.model import ChangeFeed, SourceObject
from customer360.extract.protocol import SourceRefused

_IN_MEMORY = 16 << 20  # bytes of a feed kept in memory before it goes to a temporary file


def dig(document: Any, path: str) -> Any:
    """The value at a dotted path; None where it leads nowhere."""
    for name in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def record_of(feed: ChangeFeed, obj: SourceObject, event: Any) -> Any:
    """The record that an event tells of, with the event's moment and whether it is gone; the event itself when it holds none."""
    record = dig(event, feed.record)
    if not isinstance(record, dict):
        return event
    _put(record, obj, obj.extract.cursor, dig(event, feed.changed_at))
    flag = obj.extract.deletes.flag
    if flag is not None:
        _put(record, obj, flag, any(dig(event, path) in values for path, values in feed.gone.items()))
    return record


def is_within_reach(feed: ChangeFeed, since: str, now: datetime) -> bool:
    """Whether the feed still tells everything since then; only moments can be too long ago."""
    if feed.reach is None:
        return True
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return True
    return now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) < feed.reach


def listed_at(obj: SourceObject, headers: Mapping[str, str]) -> str | int:
    """The moment a list was given out, by the API's own clock, less the lookback, in the form of the object's cursor.

    A listed record says nothing of when it changed: it was so at this moment. The feed is read from the lookback before it
    on: an event may be told late, and what it tells is not to look older than the list, which did not show it yet. What
    the list did show is told again in order and ends where it ended.
    Raises SourceRefused when the API does not say.
    """
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        raise SourceRefused(
            f"{obj.full_name}: the API's answers carry no Date, by which its list and its changes are put in order"
        ) from None
    moment -= obj.extract.lookback
    cursor = obj.field(str(obj.extract.cursor))
    if cursor.epoch is None and cursor.logical_type == "timestamp":
        return moment.isoformat()
    return int(moment.timestamp()) * (1_000 if cursor.epoch == "milliseconds" else 1)


def listed(obj: SourceObject, record: Any, moment: str | int) -> Any:
    """A record of the list, as it was at `moment`."""
    if isinstance(record, dict):
        _put(record, obj, obj.extract.cursor, moment)
        if obj.extract.deletes.flag is not None:
            _put(record, obj, obj.extract.deletes.flag, record.get(obj.field(obj.extract.deletes.flag).source_name, False))
    return record


def backwards(pages: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """Pages and their records from last to first, through a temporary file: a feed may be long, and the last page is the oldest."""
    starts: list[int] = []
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for page in pages:
            starts.append(spool.tell())
            spool.write(pickle.dumps(page))
        end = spool.tell()
        for start in reversed(starts):
            spool.seek(start)
            records: list[Any] = pickle.loads(spool.read(end - start))  # noqa: S301 - what we wrote ourselves, in a file without a name
            end = start
            yield records[::-1]


def _put(record: dict[str, Any], obj: SourceObject, name: str | None, value: Any) -> None:
    if name is not None:
        record[obj.field(name).source_name] = value
