"""What a source contract says, as frozen data. Built only by `customer360.contracts.reader`, which validates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

Kind = Literal["postgresql", "api", "local", "s3", "sftp", "kafka", "amqp", "webhook"]
"""How a system is read: a contract's servers[].type, of a custom one its protocol."""


Stream = Literal["changes", "messages", "webhook"]


SchemaPolicy = Literal["additive", "strict", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef:
    """A field of some object: `shop.customers.customer_id`."""

    system: str
    object: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared field of a source object: a column in landing (text) and raw (`sql_type`)."""

    name: str
    source_name: str  # column, or dotted path in a JSON document, at the source
    logical_type: str
    sql_type: str
    required: bool
    unique: bool
    classification: str  # 'internal', or 'personal.<what>': masked for analysts
    semantic_type: str | None = None  # what the field means for identity
    same_customer: FieldRef | None = None  # a declared link: holds that field's value for the same person
    references: FieldRef | None = None  # foreign key; checked as a warning
    verifies: str | None = None  # this boolean field says whether that field's value is verified
    epoch: Literal["seconds", "milliseconds"] | None = None  # the source writes this moment as a number since 1970
    description: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it is masked for analysts."""
        return self.classification.startswith("personal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Rows of this object describe a person or organisation that identity resolves.

    `key` names the fields whose values, joined with ':', make the record key (default: the primary key). With `of`,
    the rows only add attributes to records of that other object; `key` then names the fields that hold its key.
    `where` keeps the rows whose fields equal the given values.
    """

    kind: Literal["person", "organisation"]
    key: tuple[str, ...]
    of: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletes:
    """How a source shows that a row is gone: a flag field, a full-key sweep on a cron, or by being absent from a snapshot."""

    flag: str | None = None
    sweep: str | None = None
    snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The object's changes are followed through a replication slot of its own."""

    publication: str
    max_retained: int  # bytes of log the source may keep for us before somebody is told


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFeed:
    """Events by which an API tells what changed, where its lists do not say when a record did.

    Each event holds the whole record, at path `record`, as it was at the moment at path `changed_at`. `gone` maps a path in the
    event to the values that say the record was deleted. Events older than `reach` are no longer to be had. What a record was when
    it was listed it may have been since it was made, which the field `made_at` tells.
    """

    endpoint: Mapping[str, Any]
    record: str
    changed_at: str
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reach: timedelta | None = None
    newest_first: bool = False
    made_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How an API says how many records changed after `{since}`, without those that are deleted; none: from the beginning.

    Without an endpoint it cannot say, and its keys are listed to be counted.
    """

    endpoint: Mapping[str, Any] | None = None
    total: str = ""  # dotted path of the number in the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """How to read the object."""

    cursor: str | None
    lookback: timedelta
    deletes: Deletes
    endpoint: Mapping[str, Any] = field(default_factory=dict)  # api: dlt rest_api form; {fields} {object} {since} are filled in
    feed: ChangeFeed | None = None  # api: how changes are read once the endpoint was read whole
    count: Count | None = None  # api: how it is asked for the number of its records
    files: str | None = None  # glob below the connection's folder
    format: str | None = None  # csv, jsonl, parquet
    compression: str | None = None  # gzip, zstd
    encoding: str | None = None  # of text that is no UTF-8
    settle: timedelta = timedelta()  # a file younger than this may still be written
    marker: str | None = None  # a file is finished when this one lies beside it; {name} is its own name
    stream: Stream | None = None  # landing is the only place to read it again from
    changes: Changes | None = None
    schema: SchemaPolicy = "additive"  # what an undeclared field does: is told once, refuses the load, or is nothing to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceObject:
    """One table, endpoint or file set."""

    system: str
    name: str
    source_name: str
    description: str
    grain: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]  # primary key fields, in order
    extract: Extract
    entity: Entity | None = None
    readers: tuple[str, ...] = ()  # database roles that may read all its columns in raw, as the contract grants

    @property
    def full_name(self) -> str:
        """`shop.customers`"""
        return f"{self.system}.{self.name}"

    @property
    def table(self) -> str:
        """`shop__customers`, the table's name in landing, raw and raw_history."""
        return f"{self.system}__{self.name}"

    def field(self, name: str) -> Field:
        """The declared field of that name; KeyError if there is none."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.full_name} declares no field {name!r}")

    def place(self, name: str) -> int:
        """Where the field's value stands in a row, which has one per declared field, in their order; KeyError if there is none."""
        return self.fields.index(self.field(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContract:
    """One source system."""

    system: str
    title: str
    version: str
    description: str
    owner: str  # team name
    owner_address: str  # who is mailed
    kind: Kind
    connection: str  # resolved by customer360.warehouse.connections
    server: Mapping[str, Any]  # the servers[] entry, custom properties included
    schedule: str  # cron, UTC
    freshness: timedelta
    readers: tuple[str, ...]  # database roles that may read raw
    objects: tuple[SourceObject, ...]

    def object(self, name: str) -> SourceObject:
        """The declared object of that name; KeyError if there is none."""
        for candidate in self.objects:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.system} declares no object {name!r}")
