"""Figures from ledger, gate results, quarantine, raw and identity: counts and ages, never a value of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from customer360.contracts.model import SourceContract, SourceObject
from customer360.observe import freshness
from customer360.observe.quality.judge import Agreement, Day, Failing, ObjectFigures
from customer360.observe.quality.settings import Consistency, Measure, Settings, find_field, find_object, person_of

DAYS = 30  # shown
RECENT = timedelta(days=7)  # judged
_LOADS = "kind not in ('replay', 'backfill')"  # rows mended by hand say nothing of the source
Row = dict[str, Any]
Key = tuple[str, str]


def objects(connection: Connection[Any], contracts: Mapping[str, SourceContract], now: datetime) -> list[ObjectFigures]:
    """The figures of every declared object, as of `now` (UTC)."""
    days, open_rows, failing = _days(connection, now), _quarantine(connection, now), _failing(connection, now)
    unmet, refused, duplicates = _unmet(connection), _refused(connection, now), _duplicates(connection)
    unreconciled = _unreconciled(connection, now)
    ages = {(one.system, one.object): one for one in freshness.measure(connection, list(contracts.values()), now)}
    found = []
    for contract in contracts.values():
        for obj in contract.objects:
            key = (obj.system, obj.name)
            age = ages[key]
            states, oldest = open_rows.get(key, ({}, None))
            measures: dict[Measure, float] = {"refused_loads": refused.get(key, 0), "quarantine_rows": states.get("open", 0)}
            measures["quarantine_days"] = oldest or 0.0
            recent = [one for one in days.get(key, []) if one.day > (now - RECENT).date()]
            if rows := sum(one.rows for one in recent):
                measures["turned_away"] = sum(one.turned_away for one in recent) / rows
            if key in unmet:
                measures["unmet"] = unmet[key]
            if age.age is not None:
                measures["age"] = age.age / age.allowed
            if obj.entity is not None and obj.entity.of is None and key in duplicates:
                measures["duplicates"] = duplicates[key]
            if key in unreconciled:
                measures["unreconciled"] = unreconciled[key]
            found.append(
                ObjectFigures(
                    system=obj.system,
                    object=obj.name,
                    owner=contract.owner,
                    measures=measures,
                    days=days.get(key, []),
                    failing=failing.get(key, []),
                    quarantine=states,
                )
            )
    return found


def agreements(connection: Connection[Any], contracts: Mapping[str, SourceContract], settings: Settings) -> list[Agreement]:
    """Every consistency check's figures. What has no table in raw yet counts nothing."""
    return [_agreement(connection, contracts, check) for check in settings.consistency]


def _fetch(connection: Connection[Any], query: str, **values: Any) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def _days(connection: Connection[Any], now: datetime) -> dict[Key, list[Day]]:
    rows = _fetch(
        connection,
        f"""select system, object, (started_at at time zone 'UTC')::date as day, sum(extracted)::bigint as rows,
                   sum(quarantined)::bigint as turned_away, count(*) as loads, count(*) filter (where state = 'rejected') as refused
            from ops.load where {_LOADS} and state in ('published', 'rejected') and started_at > %(since)s and started_at <= %(now)s
            group by 1, 2, 3 order by 1, 2, 3""",
        since=now - timedelta(days=DAYS),
        now=now,
    )
    found: dict[Key, list[Day]] = {}
    for row in rows:
        found.setdefault((row.pop("system"), row.pop("object")), []).append(Day(**row))
    return found


def _refused(connection: Connection[Any], now: datetime) -> dict[Key, int]:
    """Refused loads since the object's last one that passed."""
    rows = _fetch(
        connection,
        f"""select system, object, count(*) as refused from ops.load l
            where {_LOADS} and state in ('rejected', 'held') and started_at > %(since)s and not exists (
                select from ops.load later where later.system = l.system and later.object = l.object
                  and later.state = 'published' and later.load_id > l.load_id and later.{_LOADS})
            group by 1, 2""",
        since=now - RECENT,
    )
    return {(row["system"], row["object"]): row["refused"] for row in rows}


def _quarantine(connection: Connection[Any], now: datetime) -> dict[Key, tuple[dict[str, int], float | None]]:
    """Rows by state, and the age of the oldest open one in days."""
    rows = _fetch(
        connection,
        "select system, object, state, rows, oldest_at as oldest from ops.quarantine_count",
    )
    found: dict[Key, tuple[dict[str, int], float | None]] = {}
    for row in rows:
        states, oldest = found.get((row["system"], row["object"]), ({}, None))
        if row["state"] == "open":
            oldest = max((now - row["oldest"]) / timedelta(days=1), 0.0)
        found[row["system"], row["object"]] = (states | {row["state"]: row["rows"]}, oldest)
    return found


def _unmet(connection: Connection[Any]) -> dict[Key, float]:
    """Share of the expectations that the object's last judged load did not meet."""
    rows = _fetch(
        connection,
        f"""select l.system, l.object, avg((not g.success)::int)::double precision as unmet
            from (select distinct on (system, object) load_id, system, object from ops.load o
                  where {_LOADS} and exists (select from ops.gate_result g where g.load_id = o.load_id)
                  order by system, object, load_id desc) l
            join ops.gate_result g using (load_id) group by 1, 2""",
    )
    return {(row["system"], row["object"]): row["unmet"] for row in rows}


def _failing(connection: Connection[Any], now: datetime) -> dict[Key, list[Failing]]:
    rows = _fetch(
        connection,
        f"""select system, object, expectation, min(severity) as severity, count(*) as loads,
                   (array_agg(failed_rows order by load_id desc))[1] as failed_rows
            from ops.gate_result join ops.load using (load_id)
            where not success and started_at > %(since)s and {_LOADS}
            group by 1, 2, 3 order by 1, 2, min(severity), count(*) desc, 3""",
        since=now - RECENT,
    )
    found: dict[Key, list[Failing]] = {}
    for row in rows:
        found.setdefault((row.pop("system"), row.pop("object")), []).append(Failing(**row))
    return found


def _duplicates(connection: Connection[Any]) -> dict[Key, float]:
    """Share of an object's records whose customer holds another record of that object."""
    rows = _fetch(
        connection,
        """select system, object, (sum(records) filter (where records > 1))::double precision / sum(records) as share
           from (select r.system, r.object, m.customer_id, count(*) as records
                 from identity.record r join identity.membership m on m.record_id = r.record_id and m.valid_to is null
                 where not r.is_deleted group by 1, 2, 3) held
           group by 1, 2""",
    )
    return {(row["system"], row["object"]): row["share"] or 0.0 for row in rows}


def _unreconciled(connection: Connection[Any], now: datetime) -> dict[Key, float]:
    """Rows missing in raw or surplus there, as a share of the source's, by each object's last count."""
    rows = _fetch(
        connection,
        """select distinct on (system, object) system, object, (missing + surplus)::double precision / greatest(source_rows, 1) as share
           from ops.reconciliation where at > %(since)s order by system, object, at desc""",
        since=now - RECENT,
    )
    return {(row["system"], row["object"]): row["share"] for row in rows}


# --------------------------------------------------------------------------------------------- consistency
def _agreement(connection: Connection[Any], contracts: Mapping[str, SourceContract], check: Consistency) -> Agreement:
    query = _keys(contracts, check) if check.keys else _customers(contracts, check)
    needed = [name for name in _tables(contracts, check) if not _is_there(connection, name)]
    if needed:
        return Agreement(check=check, whole=0, found=0)
    row = connection.execute(query).fetchone()
    return Agreement(check=check, whole=int(row[0]) if row else 0, found=int(row[1]) if row else 0)


def _tables(contracts: Mapping[str, SourceContract], check: Consistency) -> Sequence[str]:
    if check.keys:
        return [find_field(contracts, name, place=check.name)[0].table for name in (check.keys.left, check.keys.right)]
    return [find_field(contracts, check.customers.left, place=check.name)[0].table] if check.customers else []


def _is_there(connection: Connection[Any], table: str) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", [f"raw.{table}"]).fetchone()
    return bool(row and row[0])


def _keys(contracts: Mapping[str, SourceContract], check: Consistency) -> sql.Composed:
    assert check.keys is not None  # noqa: S101  # the caller has looked
    left, left_field = find_field(contracts, check.keys.left, place=check.name)
    right, right_field = find_field(contracts, check.keys.right, place=check.name)
    return sql.SQL(
        """select count(*), count(r.key)
           from (select {left_field}::text as key from {left} where not _is_deleted and {left_field} is not null) l
           left join (select distinct {right_field}::text as key from {right} where not _is_deleted) r using (key)"""
    ).format(left=_raw(left), left_field=sql.Identifier(left_field), right=_raw(right), right_field=sql.Identifier(right_field))


def _customers(contracts: Mapping[str, SourceContract], check: Consistency) -> sql.Composed:
    assert check.customers is not None  # noqa: S101  # the caller has looked
    left, field, person = person_of(contracts, check.customers.left, place=check.name)
    right = find_object(contracts, check.customers.right, place=check.name)
    return sql.SQL(
        """with behind as (
               select distinct m.customer_id from (
                   select distinct {prefix} || {field}::text as record_id from {left} where not _is_deleted and {field} is not null) l
               join identity.membership m on m.record_id = l.record_id and m.valid_to is null),
           known as (
               select distinct m.customer_id from identity.record r
               join identity.membership m on m.record_id = r.record_id and m.valid_to is null
               where r.system = {system} and r.object = {object} and not r.is_deleted)
           select count(*), count(known.customer_id) from behind left join known using (customer_id)"""
    ).format(
        prefix=sql.Literal(f"{person.full_name}:"),
        field=sql.Identifier(field),
        left=_raw(left),
        system=sql.Literal(right.system),
        object=sql.Literal(right.name),
    )


def _raw(obj: SourceObject) -> sql.Identifier:
    return sql.Identifier("raw", obj.table)


def earlier_shares(kept: Sequence[tuple[date, Mapping[str, float]]]) -> dict[str, list[tuple[date, float]]]:
    """Agreement shares of kept reports, by check, oldest first."""
    found: dict[str, list[tuple[date, float]]] = {}
    for day, shares in sorted(kept, key=lambda one: one[0]):
        for name, share in shares.items():
            found.setdefault(name, []).append((day, share))
    return found
