"""Small contracts, built by hand so that readers are tested without the YAML reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from customer360.contracts.model import Deletes, Extract, Field, Kind, SourceContract, SourceObject


def declare(
    fields: Mapping[str, str],
    *,
    system: str = "mail",
    name: str = "events",
    source_name: str = "events",
    kind: Kind = "local",
    server: Mapping[str, Any] | None = None,
    cursor: str | None = None,
    snapshot: bool = False,
    logical_types: Mapping[str, str] | None = None,
    **extract: Any,
) -> SourceContract:
    """A contract with one object; `fields` maps contract names to source names, the first one is the key."""
    obj = SourceObject(
        system=system,
        name=name,
        source_name=source_name,
        description="",
        grain="one row per thing",
        fields=tuple(
            Field(
                name=field,
                source_name=source,
                logical_type=(logical_types or {}).get(field, "string"),
                sql_type="text",
                required=False,
                unique=False,
                classification="internal",
            )
            for field, source in fields.items()
        ),
        key=(next(iter(fields)),),
        extract=Extract(cursor=cursor, lookback=timedelta(0), deletes=Deletes(snapshot=snapshot), **extract),
    )
    return SourceContract(
        system=system,
        title=system,
        version="1.0.0",
        description="",
        owner="team",
        owner_address="team@example.com",
        kind=kind,
        connection=system,
        server=server or {},
        schedule="* * * * *",
        freshness=timedelta(hours=1),
        readers=(),
        objects=(obj,),
    )


@pytest.fixture
def declared() -> Callable[..., SourceContract]:
    return declare
