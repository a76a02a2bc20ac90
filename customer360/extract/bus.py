"""What the message buses have in common: from a message to a part. Pure.

A message is a JSON object. Its headers are kept below `_headers` and its key as `_key`, where a contract may declare them
(`physicalName: _headers.trace_id`); headers that it does not declare go into the row's extra. A message without a value is a
tombstone: the record that its key names is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from customer360.contracts.model import SourceObject
from customer360.extract import json_documents
from customer360.extract.protocol import Deleted, Part, Reject, Row, Rows

MOST_MESSAGES = 200_000
"""Messages that one read takes; the next load goes on."""

MOST_SECONDS = 60.0
"""Seconds after which a read ends, however much is left."""

ROWS_PER_PART = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a topic or queue. `place` says where it stands, for whoever looks into quarantine."""

    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]
    place: str


class MessageRows:
    """Takes messages in their order and hands over parts: rows in batches, deletions and rejects between them."""

    def __init__(self, obj: SourceObject) -> None:
        self._object = obj
        self._make: Callable[[dict[str, object]], Row] = json_documents.row_maker(obj)
        self._keeps_key = any(f.source_name.split(".")[0] == "_key" for f in obj.fields)
        self._rows: list[Row] = []

    def take(self, message: Message) -> Iterator[Part]:
        """One message."""
        if message.value is None:
            yield from self.flush()
            yield self._tombstone(message)
            return
        try:
            document = json_documents.parse_object(message.value)
        except json_documents.NotADocument as error:
            yield from self.flush()
            yield _reject(message, message.value, str(error))
            return
        reason = json_documents.unstorable(document)
        if reason is not None:
            yield from self.flush()
            yield _reject(message, message.value, reason)
            return
        if message.headers:
            document["_headers"] = dict(message.headers)
        if self._keeps_key and message.key is not None:
            document["_key"] = message.key.decode(errors="backslashreplace").replace("\0", "\\x00")
        self._rows.append(self._make(document))
        if len(self._rows) >= ROWS_PER_PART:
            yield from self.flush()

    def flush(self) -> Iterator[Part]:
        """What was taken and not handed over yet."""
        if self._rows:
            yield Rows(rows=self._rows)
            self._rows = []

    def _tombstone(self, message: Message) -> Part:
        key = self._key(message.key)
        if key is None:
            names = ", ".join(self._object.key)
            return _reject(message, message.key or b"", f"a message without a value, whose key does not name the record ({names})")
        return Deleted(keys=[key])

    def _key(self, given: bytes | None) -> tuple[str, ...] | None:
        """The record's key from a message key: a JSON object, or where the key is one field its value, as JSON or as it stands."""
        if not given:
            return None
        fields = [self._object.field(name) for name in self._object.key]
        try:
            parsed = json_documents.parse(given)
        except json_documents.NotADocument:
            try:
                parsed = given.decode()
            except UnicodeDecodeError:
                return None
            if "\0" in parsed:
                return None
        if isinstance(parsed, dict):
            values: Sequence[object] = [parsed.get(field.source_name) for field in fields]
        elif len(fields) == 1:
            values = [parsed]
        else:
            return None
        texts = [json_documents.as_text(value) for value in values]
        return tuple(text for text in texts if text is not None) if None not in texts else None


def _reject(message: Message, raw: bytes, reason: str) -> Reject:
    return Reject(raw=raw.decode(errors="backslashreplace").replace("\0", "\\x00"), reason=reason, place=message.place)
