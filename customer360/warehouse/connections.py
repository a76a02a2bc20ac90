"""The one place where a connection's name becomes an address, and the one way to connect to PostgreSQL."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from customer360.errors import UserError
from customer360.platform import home
from customer360.warehouse.roles import Role

Resolver = Callable[[str], str | None]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_resolvers: list[Resolver] = []


class ConnectionNotConfigured(UserError):
    """No address is known for a connection."""


def register_resolver(resolver: Resolver) -> None:
    """Ask `resolver(name)` before anything else; it returns a URI, or None when it does not know the name."""
    if resolver not in _resolvers:
        _resolvers.append(resolver)


def environment_variable(name: str) -> str:
    """`C360_CONN_<NAME>`, where the address of connection `name` may be set."""
    return f"C360_CONN_{name.upper()}"


def uri(name: str) -> str:
    """The URI of connection `name`: from a registered resolver, `C360_CONN_<NAME>`, or `$C360_HOME/connections.json`, in this order.

    `postgresql://user:password@host:port/database`, `http://client_id:client_secret@host:port`, or any fsspec URL.
    Raises ConnectionNotConfigured.
    """
    if not _NAME.fullmatch(name):
        raise ConnectionNotConfigured(f"{name!r} cannot name a connection; use small letters, digits and _")
    for resolver in _resolvers:
        found = resolver(name)
        if found:
            return found
    variable = environment_variable(name)
    found = os.environ.get(variable) or home.read_connections().get(name)
    if not found:
        raise ConnectionNotConfigured(
            f"connection {name!r} is not configured; set {variable} to its URI, or start the platform with `customer360 up`"
        )
    return found


def connect(name: str = "warehouse", *, role: Role | None = None, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to a PostgreSQL connection, session time zone UTC, as `role` when given.

    The role holds for the whole session, rollbacks included. Raises ConnectionNotConfigured, psycopg.OperationalError.
    """
    return psycopg.connect(**arguments(name, role=role), autocommit=autocommit)


def arguments(name: str = "warehouse", *, role: Role | None = None) -> dict[str, Any]:
    """What psycopg is to be called with to connect so. Raises ConnectionNotConfigured."""
    address = uri(name)
    try:
        given = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        # the library's message repeats the address, password and all
        raise ConnectionNotConfigured(
            f"connection {name!r} is no PostgreSQL address; write postgresql://user:password@host:port/database"
        ) from None
    options = [str(given.get("options") or ""), "-c timezone=UTC"]
    if role is not None:
        options.append(f"-c role={role.value}")
    return {
        "conninfo": address,
        "options": " ".join(options).strip(),
        "connect_timeout": int(given.get("connect_timeout") or 10),
        "application_name": str(given.get("application_name") or "customer360"),
    }
