"""dbt's sources.yml, written from the contracts: the tables of raw with their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from customer360.contracts.model import Field, SourceContract, SourceObject

_HEADING = "# Written by `customer360 contracts sources` from contracts/; do not edit.\n"

# What the platform adds to every row of raw.
_PLATFORM_COLUMNS = (
    ("_extra", "jsonb", "Fields the source sent and the contract does not declare; personal."),
    ("_load_id", "bigint", "The load that last touched the row."),
    ("_row_hash", "bytea", "Over the typed values of all fields."),
    ("_is_deleted", "boolean", "The source no longer has the row; the values are the last ones known."),
    ("_deleted_at", "timestamptz", "When we learned that it is gone."),
    ("_first_seen_at", "timestamptz", "When the row was first published."),
    ("_published_at", "timestamptz", "When the row was last published."),
)


def render(contracts: Mapping[str, SourceContract]) -> str:
    """The whole file; the same contracts give the same text. No tests stand here: what raw holds has been through the gate."""
    content = {"version": 2, "sources": [_source(contract) for contract in contracts.values()]}
    return _HEADING + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=140)


def _source(contract: SourceContract) -> dict[str, Any]:
    return {
        "name": contract.system,
        "schema": "raw",
        "description": f"{contract.title}. {contract.description}",
        "config": {"meta": {"owner": contract.owner, "owner_address": contract.owner_address, "schedule": contract.schedule}},
        "tables": [_table(obj) for obj in contract.objects],
    }


def _table(obj: SourceObject) -> dict[str, Any]:
    return {
        "name": obj.name,
        "identifier": obj.table,
        "description": f"{obj.description} Grain: {obj.grain}.".strip(),
        "config": {"meta": {"key": list(obj.key)}},
        "columns": [
            *(_column(field) for field in obj.fields),
            *({"name": name, "data_type": data_type, "description": text} for name, data_type, text in _PLATFORM_COLUMNS),
        ],
    }


def _column(field: Field) -> dict[str, Any]:
    column: dict[str, Any] = {"name": field.name, "data_type": field.sql_type}
    if field.description:
        column["description"] = field.description
    meta = {"classification": field.classification}
    if field.semantic_type:
        meta["semantic_type"] = field.semantic_type
    return column | {"config": {"meta": meta, "tags": ["personal"] if field.is_personal else []}}
