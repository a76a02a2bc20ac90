"""The database roles. Migration 0002 makes them and says what each may do; a login is granted with a password, never by default."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from psycopg import Connection, sql


class Role(StrEnum):
    """A database role; steps take theirs with SET ROLE."""

    LOADER = "c360_loader"  # landing, raw, history, quarantine, ledger
    TRANSFORMER = "c360_transformer"  # reads raw; writes identity, staging, intermediate, marts
    SERVICE = "c360_service"  # profiles out, webhooks in, activation
    ANALYST = "c360_analyst"  # marts alone, personal fields masked
    STEWARD = "c360_steward"  # marts and identity in clear, decisions
    PRIVACY = "c360_privacy"  # everything in clear, for access and erasure


def grant_login(connection: Connection[Any], role: Role, password: str) -> None:
    """Let `role` log in with `password` (kept as a SCRAM verifier). Run as the owner of the platform.

    The caller commits. Raises ValueError for an empty password.
    """
    if not password:
        raise ValueError(f"{role} needs a password to log in")
    verifier = connection.pgconn.encrypt_password(password.encode(), role.value.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(role.value), sql.Literal(verifier)))


def revoke_login(connection: Connection[Any], role: Role) -> None:
    """Take the login of `role` away again. The caller commits."""
    connection.execute(sql.SQL("alter role {} nologin password null").format(sql.Identifier(role.value)))
