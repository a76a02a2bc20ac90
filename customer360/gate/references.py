"""References of a load's rows to other objects, counted once for each. Missing parents are told, never refused.

A parent counts as there when raw holds it, deleted or not, or this load brings it. Objects load independently of each other, so a parent
that comes a little later is normal: the limits are a suite's `meta.references`. Where raw has no row of the other object yet, nothing is
counted.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from customer360.contracts.model import Field, FieldRef, SourceObject
from customer360.gate.limits import ReferenceLimits
from customer360.gate.verdict import Result


def check(connection: Connection[Any], obj: SourceObject, table: sql.Composable, limits: ReferenceLimits) -> list[Result]:
    """A result per foreign key of the object. `table`: the load's typed rows."""
    results = []
    for f in obj.fields:
        if f.references is not None and _has_rows(connection, f.references):
            results.append(_check(connection, obj, f, f.references, table, limits))
    return results


def _has_rows(connection: Connection[Any], target: FieldRef) -> bool:
    name = f"{target.system}__{target.object}"
    known = connection.execute("select to_regclass(%s)", [f"raw.{name}"]).fetchone()
    if not known or known[0] is None:
        return False
    row = connection.execute(sql.SQL("select exists (select from {})").format(sql.Identifier("raw", name))).fetchone()
    return bool(row and row[0])


def _check(
    connection: Connection[Any], obj: SourceObject, f: Field, target: FieldRef, table: sql.Composable, limits: ReferenceLimits
) -> Result:
    cursor = obj.extract.cursor
    is_old: sql.Composable = sql.SQL("false")
    if cursor is not None and obj.field(cursor).logical_type in ("timestamp", "date"):
        is_old = sql.SQL("t.{} < now() - make_interval(secs => {})").format(sql.Identifier(cursor), sql.Literal(limits.grace_hours * 3600))
    parent = sql.SQL("exists (select from {} p where p.{} = t.{})")
    field, key = sql.Identifier(f.name), sql.Identifier(target.field)
    is_there: sql.Composable = parent.format(sql.Identifier("raw", f"{target.system}__{target.object}"), key, field)
    if (target.system, target.object) == (obj.system, obj.name):
        is_there = sql.SQL("({} or {})").format(is_there, parent.format(table, key, field))
    row = connection.execute(
        sql.SQL(
            "select count(*), count(*) filter (where not is_there), count(*) filter (where not is_there and is_old)"
            " from (select {} as is_there, {} as is_old from {} t where t.{} is not null) x"
        ).format(is_there, is_old, table, field)
    ).fetchone()
    rows, missing, old = (int(n) for n in row) if row else (0, 0, 0)
    allowed = limits.allowed(rows)
    reason = limits.reason or f"Should name a row of {target.system}.{target.object} that was loaded."
    return Result(
        expectation=f"references({f.name})",
        severity=limits.severity,
        level="row",
        success=not old and missing <= allowed,
        reason=f"{reason} (owner: {limits.owner})" if limits.owner else reason,
        observed=f"{missing} of {rows}" + (f", {old} of them older than {limits.grace_hours:g} h" if old else ""),
        allowed=f"at most {allowed}, none older than {limits.grace_hours:g} h",
        failed_rows=missing,
        checked_rows=rows,
    )
