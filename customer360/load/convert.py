"""Convert: landed text becomes rows of the contract's types; what does not fit is set aside with every reason.

A value fits when PostgreSQL's own input function takes it (`pg_input_is_valid`) *and* it looks like a value that was written
down: PostgreSQL also reads 'now', 'infinity', 'NaN', '0x1F' and dates in any order of day and month, none of which is data.
"""

from __future__ import annotations

from typing import Literal

from psycopg import sql

from customer360.contracts.model import Field, SourceObject
from customer360.load import ledger, relations
from customer360.load.copying import DELETED_MARK, TRUNCATED_MARK
from customer360.load.killpoints import reach
from customer360.load.relations import Warehouse, WorkTables

_WHOLE = r"^\s*[+-]?[0-9]+\s*$"
_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_DATE = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"^\s*[0-9]{1,2}:"

Family = Literal["text", "whole", "number", "date", "time", "other"]
_FAMILIES: dict[str, Family] = {
    "text": "text",
    "smallint": "whole",
    "integer": "whole",
    "bigint": "whole",
    "numeric": "number",
    "real": "number",
    "double precision": "number",
    "date": "date",
    "timestamptz": "date",
    "time": "time",
}
_PATTERNS: dict[Family, str] = {"whole": _WHOLE, "number": _NUMBER, "date": _DATE, "time": _TIME}


def fits(field: Field, alias: str) -> sql.Composable | None:
    """SQL: whether the landed text is a value of the field's type, or null; None where any text is."""
    family = _FAMILIES.get(field.sql_type.partition("(")[0], "other")
    if family == "text":
        return None
    value = relations.column(alias, field.name)
    valid = sql.SQL("pg_input_is_valid({}, {})").format(value, sql.Literal(field.sql_type))
    pattern = _PATTERNS.get(family)
    if pattern is not None:
        valid = sql.SQL("({} ~ {} and {})").format(value, sql.Literal(pattern), valid)
    return sql.SQL("({} is null or {})").format(value, valid)


def convert(connection: Warehouse, obj: SourceObject, load: ledger.Load) -> None:
    """Fill the load's own tables from its landed text. In the caller's transaction; nothing to do for what landed typed."""
    form = load.work.get("form")
    landed_as_text = int(load.work.get("as_text") or 0) if form == "mixed" else load.counts.extracted
    if form == "typed" or (form == "mixed" and not landed_as_text):
        return
    # the regular rows of a mixed landing are in them already
    work = WorkTables(load.load_id) if form == "mixed" else relations.create_work_tables(connection, obj, load.load_id)
    table, names = relations.landing(obj), [f.name for f in obj.fields]
    checks = [check for f in obj.fields if (check := fits(f, "l")) is not None]
    extra_fits = sql.SQL("(l._extra is null or (left(l._extra, 1) = '{{' and pg_input_is_valid(l._extra, 'jsonb')))").format()
    fits_all = sql.SQL(" and ").join([extra_fits, *checks])
    mine = sql.SQL("l._load_id = {}").format(sql.Literal(load.load_id))
    values = relations.comma(_cast(f, "l") for f in obj.fields)
    columns = relations.comma(map(sql.Identifier, names))
    # The filter is applied to a row before its values are cast.
    converted = connection.execute(
        sql.SQL("insert into {} (_row_number, {}, _extra) select l._row_number, {}, l._extra::jsonb from {} l where {} and {}").format(
            work.rows, columns, values, table, mine, fits_all
        )
    ).rowcount
    if converted < landed_as_text:
        _set_aside(connection, obj, work, mine=mine, fits_all=fits_all)
    reach("converted")


def _cast(field: Field, alias: str) -> sql.Composable:
    value = relations.column(alias, field.name)
    if field.sql_type == "text":
        return value
    return sql.SQL("{}::{}").format(value, sql.SQL(field.sql_type))


def _set_aside(connection: Warehouse, obj: SourceObject, work: WorkTables, *, mine: sql.Composable, fits_all: sql.Composable) -> None:
    table = relations.landing(obj)
    keys_fit = [check for name in obj.key if (check := fits(obj.field(name), "l")) is not None]
    is_deletion = sql.SQL("l._extra = {}").format(sql.Literal(DELETED_MARK))
    is_truncation = sql.SQL("l._extra is not distinct from {}").format(sql.Literal(TRUNCATED_MARK))
    usable_key = sql.SQL(" and ").join([sql.SQL("not ({})").format(relations.key_is_null(obj, "l")), *keys_fit])
    connection.execute(
        sql.SQL("insert into {} (_row_number, {}) select l._row_number, {} from {} l where {} and (({} and {}) or {})").format(
            work.gone,
            relations.comma(map(sql.Identifier, obj.key)),
            relations.comma(_cast(obj.field(name), "l") for name in obj.key),
            table,
            mine,
            is_deletion,
            usable_key,
            is_truncation,  # a key of nulls: every key there is
        )
    )
    faults = [
        sql.SQL("({}, {}, {})").format(sql.Literal(f.name), sql.Literal(f"is no {f.sql_type}"), check)
        for f in obj.fields
        if (check := fits(f, "l")) is not None
    ]
    faults.append(
        sql.SQL("('_extra', 'the undeclared fields are no JSON object that can be stored', {})").format(
            sql.SQL("l._extra is null or left(l._extra, 1) in ('[', '\"') or pg_input_is_valid(l._extra, 'jsonb')")
        )
    )
    reasons = sql.SQL(
        """(select jsonb_agg(jsonb_build_object('expectation', 'type(' || v.field || ')', 'column', v.field, 'reason', v.reason))
            from (values {}) v(field, reason, fits) where not v.fits)"""
    ).format(relations.comma(faults))
    reject = sql.SQL(
        """jsonb_build_array(jsonb_build_object('expectation', 'readable', 'column', null,
                                                'reason', l._extra::jsonb ->> 2, 'place', l._extra::jsonb ->> 3))"""
    )
    is_reject = sql.SQL("left(l._extra, 1) = '['")
    connection.execute(
        sql.SQL(
            """insert into {bad} (_row_number, record_key, row_hash, payload, reasons)
               select l._row_number, {key},
                      case when {is_reject} then sha256(convert_to(l._extra::jsonb ->> 1, 'UTF8')) else {hash} end,
                      case when {is_reject} then jsonb_build_object('_raw', l._extra::jsonb ->> 1, '_place', l._extra::jsonb ->> 3)
                           else {payload} end,
                      case when {is_reject} then {reject} else coalesce({reasons}, {no_key}) end
               from {table} l where {mine} and not coalesce({fits_all}, false) and not coalesce({is_deletion} and {usable_key}, false)
                 and not {is_truncation}"""
        ).format(
            bad=work.bad,
            key=relations.record_key(obj, "l"),
            is_reject=is_reject,
            hash=relations.landed_hash(obj, "l"),
            payload=_landed_payload(obj),
            reject=reject,
            reasons=reasons,
            no_key=sql.Literal('[{"expectation": "readable", "column": null, "reason": "a deletion without a usable key"}]'),
            table=table,
            mine=mine,
            fits_all=fits_all,
            is_deletion=is_deletion,
            is_truncation=is_truncation,
            usable_key=usable_key,
        )
    )


def _landed_payload(obj: SourceObject) -> sql.Composable:
    """The landed text as JSON; undeclared fields that are no valid JSON are kept as a string."""
    values = [relations.column("l", f.name) for f in obj.fields]
    extra = sql.SQL("case when pg_input_is_valid(l._extra, 'jsonb') then l._extra::jsonb else to_jsonb(l._extra) end as _extra")
    return sql.SQL("(select to_jsonb(x) from (select {}) x)").format(relations.comma([*values, extra]))
