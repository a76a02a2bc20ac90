"""What sources send beyond their contracts, as changes of the contracts ready to commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from customer360.contracts import proposal, reader
from customer360.contracts.document import read
from customer360.contracts.model import SourceObject
from customer360.contracts.proposal import NewField
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

_LOOKED_AT = 20_000  # rows of raw, the newest loads first
_READABLE = {"boolean": "boolean", "integer": "bigint", "number": "numeric", "date": "date", "timestamp": "timestamptz"}
# PostgreSQL reads more as these than a source means: 't' as a boolean, 'now' and '2026' as a moment.
_LOOKS_LIKE = {
    "boolean": "^(true|false)$",
    "integer": "^-?(0|[1-9][0-9]{0,17})$",
    "number": "^-?[0-9]+(\\.[0-9]+)?$",
    "date": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "timestamp": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*(Z|[+-][0-9]{2}:?[0-9]{2})$",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One contract's proposed change. `fields`: object → new fields."""

    path: Path
    before: str
    after: str
    fields: dict[str, list[NewField]]

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        return proposal.diff(self.before, self.after, file=_shown(self.path))


def propose(system: str, object_name: str | None = None) -> Drift | None:
    """The contract of `system` with its undeclared fields declared; None where there is none. Raises UnknownSource, ProposalError."""
    contract = reader.load_contracts()[system]
    path = contract_file(system)
    before = path.read_text(encoding="utf-8")
    after, fields = before, {}
    with connections.connect(role=Role.LOADER) as connection:
        for obj in contract.objects:
            if object_name in (None, obj.name) and (found := _new_fields(connection, obj)):
                fields[obj.name] = found
                after = proposal.propose(after, file=_shown(path), object_name=obj.name, fields=found)
    return Drift(path=path, before=before, after=after, fields=fields) if fields else None


def contract_file(system: str) -> Path:
    """The file that declares the system."""
    for path in reader.contract_files():
        if read(path, shown_as=path.name).data.get("id") == system or reader.load_contract(path).system == system:
            return path
    raise LookupError(system)


def write(drift: Drift) -> None:
    """Put the change into the contract's file, whole or not at all."""
    home.write_page(drift.path, drift.after.encode())


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(home.repo()))
    except ValueError:
        return path.name


def _new_fields(connection: Connection[Any], obj: SourceObject) -> list[NewField]:
    declared = {field.source_name for field in obj.fields}
    rows = connection.execute(
        "select field, kinds from ops.undeclared_field where system = %s and object = %s order by first_seen_at, field",
        [obj.system, obj.name],
    ).fetchall()
    return [
        NewField(source_name=str(name), logical_type=proposal.logical_type(kinds, _fits(connection, obj, str(name))))
        for name, kinds in rows
        if name not in declared
    ]


def _fits(connection: Connection[Any], obj: SourceObject, field: str) -> list[str]:
    """Types as which every value of the field that raw holds can be read. Values stay in the database."""
    if not (connection.execute("select to_regclass(%s) is not null", [f"raw.{obj.table}"]).fetchone() or (False,))[0]:
        return []
    tests = sql.SQL(", ").join(
        sql.SQL("bool_and(value ~ {} and pg_input_is_valid(value, {}))").format(sql.Literal(_LOOKS_LIKE[wanted]), sql.Literal(kind))
        for wanted, kind in _READABLE.items()
    )
    row = connection.execute(
        sql.SQL(
            """select {tests} from (
                   select _extra ->> {field} as value from {raw} where _extra ->> {field} is not null
                   order by _load_id desc limit {most}) v"""
        ).format(tests=tests, raw=sql.Identifier("raw", obj.table), field=sql.Literal(field), most=sql.Literal(_LOOKED_AT))
    ).fetchone()
    return [wanted for wanted, is_one in zip(_READABLE, row or (), strict=False) if is_one]
