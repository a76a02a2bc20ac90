"""What a reader hands to landing: the one interface between "how is this system read" and "what becomes of the rows".

A reader knows one kind of system (PostgreSQL, REST, files, later change data capture and the bus) and nothing of the
warehouse. It is given a `ReadRequest` and yields *parts*; landing writes them in the order they come, in one transaction.

    Rows           rows as text, in the order of the contract's fields
    CopyBytes      the same, already in PostgreSQL's COPY form (a database source; nothing is parsed on the way)
    Reject         something that could not be split into fields at all: a cut line, a page that is no JSON
    Deleted        keys the source says are gone (change data capture; a flag field needs nothing: it is a field)
    SourceFile     a file was read to its end; recorded with the rows, so that no file is read twice
    KnownFile      content that was read before lies under this name; noted, so that it need not be hashed every time
    MissingFields  a declared field does not exist at the source: the gate refuses the load and names it
    WholeObject    what this read yielded is *all* the object holds now: keys it lacks are gone (a file snapshot)
    Truncated      at this place of a stream the source emptied the object: whatever came before is gone
    Received       names of deliveries that were yielded, of a stream that cannot say how far it was read
    StreamPosition where the next read of a stream begins; stored with the rows. At most one, the last part

Rules for readers
- Stream. Hand over a few hundred to a few ten thousand rows per part, never the whole object.
- Values are text as the source wrote them, `None` for null. Don't convert, trim or repair: the gate types values with
  PostgreSQL's own input functions (`pg_input_is_valid`) and quarantines what does not fit. Two exceptions, because JSON
  and CSV have no one spelling: JSON booleans become 'true'/'false', numbers keep their source digits (`parse_float=str`);
  objects and arrays become JSON text; an empty CSV cell, quoted or not, is null. Unicode NUL cannot be stored: hand such a row
  over as a `Reject`. A moment that the contract says is a number since 1970 (`epoch`) becomes ISO 8601.
- Everything the contract does not declare goes into the row's extra: one JSON object as text, keys by their source names;
  `None` when there is nothing. What is stored knows neither order nor spelling.
- Order is meaning: of two versions of a key with the same cursor the later one wins.
- Nothing is skipped silently. A row with an empty key or no cursor is a row: landing quarantines it.
- The source cannot be reached, answers 5xx, 429 or cuts the connection: raise `SourceUnavailable`. It cannot work however
  often one asks (credentials refused, no such table): raise `SourceRefused`. Neither message may hold a value or a secret.
- Reading has no side effect on the source until `acknowledge()`, which is called after landing has committed. It may not
  be called at all (the process was killed): a stream then yields again from the position it is given, never from where the
  source believes it to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from customer360.contracts.model import SourceContract, SourceObject

Row = tuple[str | None, ...]
"""One value per declared field, in contract order, then the extra (JSON object as text) as the last item."""


class SourceUnavailable(Exception):
    """The source cannot be read now; asking again later may help. `retry_after`: seconds the source asked us to wait."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceRefused(Exception):
    """The source cannot be read as declared, however often one asks. The message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Consecutive rows. `copy_lines`: the same in COPY's text form, without line ends, where the reader has them at hand."""

    rows: Sequence[Row]
    copy_lines: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyBytes:
    """Rows in PostgreSQL COPY form, to be passed on as they are. At most one such part per read.

    `columns` names the fields in stream order; a declared field it leaves out lands as null. `_extra` may be among them.
    `typed` means that every column already has the contract's type (`format` is then 'binary'), so that landing keeps
    the types and the gate has no type to check. `key_is_unique` means the source guarantees (a unique index, read in one
    snapshot) that no key comes twice.
    """

    columns: tuple[str, ...]
    format: Literal["text", "binary"]
    typed: bool
    key_is_unique: bool
    chunks: Iterable[bytes | memoryview]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that could not be split into fields. Goes to quarantine as it is, with the reason; counts as one row."""

    raw: str  # as the source sent it, undecodable bytes as \\xNN; kept in quarantine, never logged
    reason: str  # 'not a JSON object', '9 cells where the header has 10'; holds no value
    place: str  # 'events/2026-11-22.jsonl.gz line 14'


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Keys the source says are gone: key values as text, in the contract's key order."""

    keys: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file was read to its end (or, in snapshot mode, passed over for a newer one: `rows` 0). Yield it after its rows."""

    path: str  # below the connection's folder
    content_hash: bytes  # sha256 of the file's bytes as stored (compressed)
    bytes: int
    rows: int
    version: str | None = None  # what the file's listing will show as long as nobody writes it; None if that cannot be told


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """Content that was taken in before lies under this name."""

    path: str
    content_hash: bytes
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFields:
    """Declared fields that the source does not have.

    Report only what the format makes certain: a catalogue, a CSV header, a Parquet schema, an API that answers every
    selected field by name. A JSON path that this batch happened not to use is simply null. Rows may still be yielded
    (the fields as null): they are never published, but they count.
    """

    fields: frozenset[str]  # contract names
    place: str  # 'table public.customers', 'subscribers/2026-11-22.csv', 'queryAll'


@dataclass(frozen=True, slots=True)
class WholeObject:
    """Everything the object holds now was yielded by this read. Of several unread snapshot files only the newest is read."""


@dataclass(frozen=True, slots=True)
class Truncated:
    """The source emptied the object at this place of the stream. Rows that follow are there again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Names of deliveries whose rows were yielded: a later delivery of the same name is the same one, sent again."""

    message_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a stream is ahead of what was read of it. None where this kind of source cannot say."""

    behind_bytes: int | None = None
    behind_messages: int | None = None
    behind_seconds: float | None = None  # 0 when all was read, else the age of the newest change read
    retained_bytes: int | None = None  # log that the source keeps for this reader


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCounted:
    """Living rows that a source holds now.

    `in_flight`: of those, the ones that changed after the last read; all, where the source cannot tell.
    `gone_in_flight`: rows deleted there after the last read; None where the source cannot tell, 0 where it never tells of deletions.
    """

    held: int
    in_flight: int
    gone_in_flight: int | None = 0

    @classmethod
    def beside(cls, told: Mapping[tuple[str | None, ...], bool], *, held: int) -> RowsCounted:
        """Beside the keys told since the last read, each with whether it lives in the end."""
        living = sum(told.values())
        return cls(held=held, in_flight=living, gone_in_flight=len(told) - living)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesCounted:
    """Files that a source holds now. `in_flight`: of those not taken in, the ones that are unfinished or younger than the last read."""

    held: int
    taken_in: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPosition:
    """Where the next read begins, as JSON. `restarted` says why the stream could not go on from the position it was given."""

    position: Mapping[str, Any]
    lag: Lag
    restarted: str | None = None


Part = Rows | CopyBytes | Reject | Deleted | SourceFile | KnownFile | MissingFields | WholeObject | Truncated | Received | StreamPosition


def _no_file_is_known(_: bytes) -> bool:
    return False


def _no_name_is_known(_: str) -> tuple[str, bytes] | None:
    return None


def _no_message_is_known(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """One read of one object.

    `since`: inclusive lower bound of the cursor, the lookback already taken off; None reads everything. A timestamp comes
    as ISO 8601 in UTC ('2026-11-22T10:00:00.000000Z'), a date as '2026-11-22', a number as digits. File sets ignore it
    unless `full` is false and the format lets them: files are chosen by `is_known_file`.
    `full`: read everything again, known files included.
    `is_known_file`: whether a file of that content (sha256) was already taken in.
    `file_last_seen`: version and content of the file that lay under a name (path) the last time it was read, if that is known.
    For streams: `position` is where the last read that landed ended (None: begin at the beginning), `consumer` names this
    warehouse among the readers of the source, `is_known_message` says whether a delivery of that name was landed. After a
    `dry_run` nothing is acknowledged, and nothing may be left behind at the source.
    """

    object: SourceObject
    since: str | None = None
    full: bool = False
    is_known_file: Callable[[bytes], bool] = field(default=_no_file_is_known)
    file_last_seen: Callable[[str], tuple[str, bytes] | None] = field(default=_no_name_is_known)
    position: Mapping[str, Any] | None = None
    consumer: str = "customer360"
    is_known_message: Callable[[str], bool] = field(default=_no_message_is_known)
    dry_run: bool = False


class Reader(Protocol):
    """Reads the objects of one source system. One instance per load; made by `open_reader`; used by one thread."""

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """Yield the parts of one read. Raises SourceUnavailable or SourceRefused, at the call or between parts."""
        ...

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """Yield all keys the source holds now, in batches, as text in key order: for a full-key sweep.

        Raises SourceRefused where this kind of source cannot list its keys.
        """
        ...

    def acknowledge(self) -> None:
        """What `read` yielded is durable in landing. Streams move their position here; the others do nothing."""
        ...

    def close(self) -> None:
        """Give back connections. Called once, also after an error."""
        ...


class CountingReader(Reader, Protocol):
    """Reader of a source that can say how many rows it holds without sending them."""

    def count(self, request: ReadRequest) -> RowsCounted:
        """Count what the request's object holds now. Here its `since` is the last cursor value read: what is later is in flight.

        Raises SourceUnavailable or SourceRefused.
        """
        ...


class FilesCountingReader(Reader, Protocol):
    """Reader of a source that holds files."""

    def count_files(self, request: ReadRequest, *, read_at: datetime) -> FilesCounted:
        """Hold the files of the source beside those the request knows. `read_at`: when a load last began to read them.

        Raises SourceUnavailable or SourceRefused.
        """
        ...


class StreamReader(Reader, Protocol):
    """A reader of a stream."""

    def measure(self, request: ReadRequest) -> Lag:
        """How far the stream is ahead of `request.position` now, without reading it. Raises as `read` does."""
        ...


ReaderFactory = Callable[[SourceContract, str], Reader]
"""How a reader module is entered: a class `(contract, uri)`; the uri is the resolved connection."""
