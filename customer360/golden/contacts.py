"""Reports that a mail address or phone number does not work: from then on it is invalid for everyone who gives it.

Bounces that the mail tool reports are known without one. The value is kept in standard form, so any spelling of it is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from customer360.errors import UserError
from customer360.golden.stated import standard_form

STATES: dict[str, tuple[str, ...]] = {"email": ("bounced", "wrong person"), "phone": ("disconnected", "wrong person")}


class ContactError(UserError):
    """The report cannot be written or withdrawn. The message holds no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReport:
    """A report; `value` is personal, `customers` counts who gives it now. Times are UTC."""

    report_id: UUID
    attribute: str
    value: str
    state: str
    reported_by: str
    reason: str | None
    reported_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    customers: int


def report(connection: Connection[Any], attribute: str, value: str, *, state: str, by: str, why: str | None = None) -> UUID:
    """Record that an address or number does not work; the last word on it counts. Returns the report's id; the caller commits.

    Raises ContactError for an attribute or state that cannot be reported, ValueUnusable for a value without a valid form.
    """
    if attribute not in STATES:
        raise ContactError(f"no {attribute!r} can be reported; use {' or '.join(STATES)}")
    if state not in STATES[attribute]:
        raise ContactError(f"{attribute} cannot be {state!r}; use {' or '.join(STATES[attribute])}")
    standard = standard_form(attribute, value)
    connection.execute(
        """update identity.contact_report set withdrawn_at = clock_timestamp(), withdrawn_by = %s
            where attribute = %s and value = %s and withdrawn_at is null""",
        [by, attribute, standard.value],
    )
    row = connection.execute(
        """insert into identity.contact_report (attribute, value, state, reported_by, reason)
           values (%s, %s, %s, %s, %s) returning report_id""",
        [attribute, standard.value, state, by, why],
    ).fetchone()
    if row is None:
        raise RuntimeError("the report was not written")
    report_id: UUID = row[0]
    return report_id


def withdraw(connection: Connection[Any], report_id: UUID, *, by: str) -> bool:
    """The address or number works after all; False if that was said before. The caller commits. Raises ContactError for an unknown id."""
    done = connection.execute(
        """update identity.contact_report set withdrawn_at = clock_timestamp(), withdrawn_by = %s
            where report_id = %s and withdrawn_at is null""",
        [by, report_id],
    )
    if done.rowcount == 0 and not connection.execute("select from identity.contact_report where report_id = %s", [report_id]).fetchall():
        raise ContactError(f"there is no report {report_id}; `customer360 contact list` shows them")
    return done.rowcount == 1


def listed(connection: Connection[Any], *, with_withdrawn: bool = False) -> list[ContactReport]:
    """Reports, newest first: standing ones, unless `with_withdrawn`."""
    with connection.cursor(row_factory=class_row(ContactReport)) as cursor:
        return cursor.execute(
            """select report_id, report.attribute, report.value, state, reported_by, reason, reported_at, withdrawn_at, withdrawn_by,
                      (select count(distinct membership.customer_id)
                         from identity.record_attribute as given
                         join identity.membership on membership.record_id = given.record_id and membership.valid_to is null
                        where given.attribute in ('email', 'phone')
                          and given.attribute = report.attribute and given.value = report.value) as customers
                 from identity.contact_report as report
                where %s or withdrawn_at is null
                order by reported_at desc, report_id desc""",
            [with_withdrawn],
        ).fetchall()
