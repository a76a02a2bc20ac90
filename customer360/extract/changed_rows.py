"""From decoded changes of one table to the parts that landing takes. Pure; nothing of the database is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from customer360.contracts.model import SourceObject
from customer360.extract.pgoutput import UNCHANGED, Delete, Insert, Relation, Truncate, Tuple, Update
from customer360.extract.protocol import Deleted, MissingFields, Part, Reject, Row, Rows, SourceRefused, StreamPosition, Truncated

ROWS_PER_PART = 5_000
_BOOL, _BPCHAR = 16, 1042
_TRUTH = {b"t": "true", b"f": "false"}

Change = Insert | Update | Delete | Truncate


class _Layout:
    """Where the declared fields stand in the tuples of one relation message."""

    def __init__(self, obj: SourceObject, relation: Relation) -> None:
        places = {column.name: place for place, column in enumerate(relation.columns)}
        self.fields = [places.get(f.source_name) for f in obj.fields]
        self.key = [places.get(obj.field(name).source_name) for name in obj.key]
        self.missing = frozenset(f.name for f in obj.fields if f.source_name not in places)
        declared = {f.source_name for f in obj.fields}
        self.undeclared = sorted((column.name, place) for place, column in enumerate(relation.columns) if column.name not in declared)
        self.relation = relation

    def text(self, values: Tuple, place: int | None) -> str | None:
        """The value as the source casts it to text."""
        if place is None:
            return None
        value = values[place]
        if value is None or value is UNCHANGED:
            return None
        kind = self.relation.columns[place].type_oid
        if kind == _BOOL:
            return _TRUTH[value]
        return value.decode().rstrip(" ") if kind == _BPCHAR else value.decode()


class ChangedRows:
    """Takes the changes of one table in their order and hands over parts: rows in batches, deletions between them."""

    def __init__(self, obj: SourceObject, *, place: str) -> None:
        self._object = obj
        self._place = place
        self._layout: _Layout | None = None
        self._told: set[str] = set()
        self._rows: list[Row] = []
        self._gone: list[tuple[str, ...]] = []

    def describe(self, relation: Relation) -> Iterator[Part]:
        """The table looks like this from here on."""
        self._layout = _Layout(self._object, relation)
        missing = self._layout.missing - self._told
        if missing:
            self._told |= missing
            yield from self.flush()
            yield MissingFields(fields=frozenset(missing), place=self._place)

    def take(self, change: Change) -> Iterator[Part]:
        """One change. Raises SourceRefused where the source does not say enough to follow it."""
        layout = self._layout
        if layout is None:
            raise SourceRefused(f"{self._object.full_name}: the source sent a change before it described the table")
        if isinstance(change, Truncate):
            yield from self.flush()
            yield Truncated()
        elif isinstance(change, Insert):
            yield from self._row(layout, change.new)
        elif isinstance(change, Update):
            new = _completed(change)
            if change.old is not None and self._key(layout, change.old) != self._key(layout, new):
                yield from self._delete(layout, change.old)
            if UNCHANGED in new:
                raise SourceRefused(
                    f"{self._object.full_name}: a large value that an update did not touch was not sent; run at the source "
                    f"`alter table {self._place.removeprefix('table ')} replica identity full`, then load with --full-refresh"
                )
            yield from self._row(layout, new)
        else:
            yield from self._delete(layout, change.old)

    def flush(self) -> Iterator[Part]:
        """What was taken and not handed over yet."""
        if self._rows:
            yield Rows(rows=self._rows)
            self._rows = []
        if self._gone:
            yield Deleted(keys=self._gone)
            self._gone = []

    def _row(self, layout: _Layout, values: Tuple) -> Iterator[Part]:
        if self._gone:
            yield from self.flush()
        try:
            row = [layout.text(values, place) for place in layout.fields]
            extra = {name: text for name, place in layout.undeclared if (text := layout.text(values, place)) is not None}
        except UnicodeDecodeError:
            yield from self.flush()
            raw = " ".join(repr(value)[2:-1] for value in values if isinstance(value, bytes))
            yield Reject(raw=raw, reason="not UTF-8", place=self._place)
            return
        row.append(json.dumps(extra, ensure_ascii=False, sort_keys=True) if extra else None)
        self._rows.append(tuple(row))
        if len(self._rows) >= ROWS_PER_PART:
            yield from self.flush()

    def _delete(self, layout: _Layout, old: Tuple) -> Iterator[Part]:
        key = self._key(layout, old)
        if None in key:
            raise SourceRefused(
                f"{self._object.full_name}: a deletion does not name the key ({', '.join(self._object.key)}); run at the source "
                f"`alter table {self._place.removeprefix('table ')} replica identity full`, then load with --full-refresh"
            )
        if self._rows:
            yield from self.flush()
        self._gone.append(tuple(str(value) for value in key))
        if len(self._gone) >= ROWS_PER_PART:
            yield from self.flush()

    def _key(self, layout: _Layout, values: Tuple) -> tuple[str | None, ...]:
        return tuple(layout.text(values, place) for place in layout.key)


def _completed(change: Update) -> Tuple:
    """The new row; large values that were not sent come from the old one, where that is whole."""
    if change.old is None or not change.old_is_whole or UNCHANGED not in change.new:
        return change.new
    return tuple(old if new is UNCHANGED else new for old, new in zip(change.old, change.new, strict=True))


def keys_told(parts: Iterable[Part], obj: SourceObject) -> dict[tuple[str | None, ...], bool] | None:
    """Whether each key of which a read tells lives in the end. None where it does not tell of all: a truncate names no keys, and a
    read may end before the stream does."""
    places = [obj.place(name) for name in obj.key]
    living: dict[tuple[str | None, ...], bool] = {}
    is_all = False
    for part in parts:
        if isinstance(part, Rows):
            living.update((tuple(row[place] for place in places), True) for row in part.rows)
        elif isinstance(part, Deleted):
            living.update((key, False) for key in part.keys)
        elif isinstance(part, Truncated):
            return None
        elif isinstance(part, StreamPosition):
            is_all = part.lag.behind_seconds == 0
    return living if is_all else None
