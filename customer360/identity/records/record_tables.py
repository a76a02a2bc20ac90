"""Writes identity.record, record_attribute and record_link: what changed in the sources, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from psycopg import Connection

from customer360.identity.evidence.blocks import Blocker, wide_frame
from customer360.identity.records.extraction import ExtractedRecord
from customer360.identity.settings import Settings

_BATCH = 5_000


@dataclass(slots=True)
class RecordChanges:
    """What a run changed among the records, and every identifier and link value that a changed record holds or held."""

    inserted: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    seen: int = 0
    identifiers: set[tuple[str, str]] = field(default_factory=set)  # (attribute, standardised value)
    links: set[tuple[str, str]] = field(default_factory=set)  # (target, value)

    @property
    def changed(self) -> set[str]:
        """Every record that came, changed or went."""
        return self.inserted | self.updated | self.deleted


class RecordWriter:
    """Brings identity's records up to date, batch by batch, inside the caller's transaction."""

    def __init__(self, connection: Connection[Any], *, settings: Settings, blocker: Blocker, rewrite: bool, note_values: bool) -> None:
        """`rewrite`: write every record again, changed or not (the model's blocking rules are others than last time).
        `note_values`: keep the identifier and link values of changed records (a full run decides on all values anyway)."""
        self._connection = connection
        self._identifiers = frozenset(settings.identifiers)
        self._blocker = blocker
        self._rewrite = rewrite
        self._note_values = note_values
        self.changes = RecordChanges()

    def write(self, extracted: Iterable[ExtractedRecord]) -> set[str]:
        """Write records that differ from what is known of them. Returns the ids of all that came in."""
        present: set[str] = set()
        for batch in _batches(extracted):
            present.update(record.record_id for record in batch)
            self.changes.seen += len(batch)
            changed = batch if self._rewrite else [record for record in batch if record.content.digest != record.known_digest]
            if changed:
                self._write_batch(changed)
        return present

    def delete(self, record_ids: Sequence[str]) -> None:
        """Records whose source no longer shows them. Their values go; the source's tombstone keeps what they were."""
        for start in range(0, len(record_ids), _BATCH):
            batch = list(record_ids[start : start + _BATCH])
            rows = self._connection.execute(
                "select record_id from identity.record where record_id = any(%s) and not is_deleted", [batch]
            ).fetchall()
            living = [record_id for (record_id,) in rows]
            self._forget(living)
            self._connection.execute(
                """update identity.record
                      set is_deleted = true, changed_at = now(), standard = '{}', block_keys = '{}', attribute_hash = '\\x'
                    where record_id = any(%s)""",
                [living],
            )
            self.changes.deleted.update(living)

    def _write_batch(self, batch: Sequence[ExtractedRecord]) -> None:
        known = dict(
            self._connection.execute(
                "select record_id, is_deleted from identity.record where record_id = any(%s)", [[record.record_id for record in batch]]
            ).fetchall()
        )
        self._forget(list(known))
        keys = self._blocker.keys(wide_frame([(record.record_id, record.content.standard) for record in batch]))
        at = _transaction_time(self._connection)
        fresh = [record for record in batch if record.record_id not in known]
        with self._connection.cursor() as cursor:
            with cursor.copy(
                """copy identity.record
                       (record_id, system, object, kind, first_seen_at, changed_at, attribute_hash, standard, block_keys) from stdin"""
            ) as copy:
                copy.set_types(["text", "text", "text", "text", "text", "text", "bytea", "text", "int8[]"])
                for record in fresh:
                    copy.write_row(_record_row(record, keys[record.record_id], at))
            cursor.executemany(
                """update identity.record set is_deleted = false, attribute_hash = %s, standard = %s, block_keys = %s, kind = %s,
                          changed_at = case when is_deleted or attribute_hash <> %s then now() else changed_at end
                    where record_id = %s""",
                [
                    (
                        record.content.digest,
                        json.dumps(record.content.standard),
                        keys[record.record_id],
                        record.source.owner.entity.kind,
                        record.content.digest,
                        record.record_id,
                    )
                    for record in batch
                    if record.record_id in known
                ],
            )
            with cursor.copy(
                """copy identity.record_attribute
                   (record_id, attribute, ordinal, unit, field, raw_value, value, is_verified, observed_since, flags) from stdin"""
            ) as copy:
                copy.set_types(["text", "text", "int2", "text", "text", "text", "text", "bool", "text", "text[]"])
                for record in batch:
                    for one in record.content.attributes:
                        copy.write_row((record.record_id, *one))
            with cursor.copy("copy identity.record_link (record_id, target, field, value, is_anchor) from stdin") as copy:
                for record in batch:
                    for link in record.content.links:
                        copy.write_row((record.record_id, *link))
        self._note(batch, known)

    def _note(self, batch: Sequence[ExtractedRecord], known: dict[str, bool]) -> None:
        for record in batch:
            if record.content.digest != record.known_digest:
                was_living = known.get(record.record_id) is False
                (self.changes.updated if was_living else self.changes.inserted).add(record.record_id)
            if not self._note_values:
                continue
            for one in record.content.attributes:
                if one.attribute in self._identifiers and one.value is not None:
                    self.changes.identifiers.add((one.attribute, one.value))
            self.changes.links.update((link.target, link.value) for link in record.content.links)

    def _forget(self, record_ids: list[str]) -> None:
        """Take the records' values out, and remember which identifiers and links they held."""
        if not record_ids:
            return
        rows = self._connection.execute(
            "delete from identity.record_attribute where record_id = any(%s) returning attribute, value", [record_ids]
        )
        links = self._connection.execute("delete from identity.record_link where record_id = any(%s) returning target, value", [record_ids])
        if self._note_values:
            self.changes.identifiers.update(
                (attribute, value) for attribute, value in rows if attribute in self._identifiers and value is not None
            )
            self.changes.links.update((target, value) for target, value in links)


def _record_row(record: ExtractedRecord, keys: list[int], at: str) -> tuple[Any, ...]:
    owner = record.source.owner
    return (
        record.record_id,
        owner.object.system,
        owner.object.name,
        owner.entity.kind,
        record.first_seen_at,
        at,
        record.content.digest,
        json.dumps(record.content.standard),
        keys,
    )


def _transaction_time(connection: Connection[Any]) -> str:
    row = connection.execute("select now()::text").fetchone()
    if row is None:
        raise RuntimeError("the database has no clock")
    return str(row[0])


def _batches(extracted: Iterable[ExtractedRecord]) -> Iterator[list[ExtractedRecord]]:
    iterator = iter(extracted)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
