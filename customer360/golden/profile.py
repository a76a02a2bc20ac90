"""One customer's golden record, as it is or as it was believed at a moment.

Reads marts alone, so the reader's role decides what is masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.rows import dict_row
from psycopg.types.datetime import TimestamptzLoader

from customer360.errors import UserError
from customer360.golden.customers import CustomerUnknown

Row = Mapping[str, Any]


class NotBuilt(UserError):
    """The marts are not there yet."""


class MomentError(UserError):
    """The text is no day or moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`asked`: the id that was asked for; `customer`: the row of marts.dim_customer it means now; `attributes`: rows of
    marts.dim_customer_attribute, winners alone or all candidates, by attribute and rank."""

    asked: UUID
    customer: Row
    attributes: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastProfile:
    """What was believed at `moment` (UTC): rows of marts.customer_as_of, the one that stands for the id first. Several where customers
    of then are one today, or were one. `valid_until_at` is None for a version that still stands."""

    asked: UUID
    moment: datetime
    versions: tuple[Row, ...]


def moment(text: str) -> datetime:
    """A day means its end (UTC); a moment itself, in UTC unless it says otherwise. Raises MomentError for anything else."""
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC) - timedelta(microseconds=1)
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(f"{text!r} is no day or moment; write 2026-01-31 or 2026-01-31T12:00") from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def read(connection: Connection[Any], customer_id: UUID, *, every_candidate: bool = False) -> Profile:
    """The golden record that the id, living or retired, means now. Raises CustomerUnknown when it means nobody in the marts."""
    _require(connection, "marts.dim_customer_attribute")
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """select * from marts.dim_customer where customer_id = coalesce(
                   (select customer_id from marts.bridge_customer_alias where retired_customer_id = %(id)s), %(id)s)""",
            {"id": customer_id},
        ).fetchone()
        if row is None:
            raise CustomerUnknown(f"the marts know no customer {customer_id}, living or merged into another; was it built since?")
        attributes = cursor.execute(
            """select * from marts.dim_customer_attribute where customer_id = %s and (is_winner or %s)
                order by attribute_group, attribute, rank, candidate_key""",
            [row["customer_id"], every_candidate],
        ).fetchall()
    return Profile(asked=customer_id, customer=row, attributes=tuple(attributes))


def read_as_of(connection: Connection[Any], customer_id: UUID, at: datetime) -> PastProfile:
    """What was believed at `at` of the id, living or retired. Raises CustomerUnknown when nobody held its records then."""
    _require(connection, "marts.dim_customer_history")
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.adapters.register_loader("timestamptz", _OpenEnded)
        versions = cursor.execute(
            "select * from marts.customer_as_of(%s, %s) order by is_main desc, shared_records desc, customer_id", [at, customer_id]
        ).fetchall()
    if not versions:
        raise CustomerUnknown(f"nothing was believed of customer {customer_id} at {at:%Y-%m-%d %H:%M:%S} UTC, by that id or another")
    return PastProfile(asked=customer_id, moment=at, versions=tuple(versions))


def _require(connection: Connection[Any], relation: str) -> None:
    row = connection.execute("select to_regclass(%s) is not null", [relation]).fetchone()
    if row is None or not row[0]:
        raise NotBuilt(f"{relation} is not there yet; `customer360 build` makes it")


class _OpenEnded(TimestamptzLoader):
    """The end of a version that still stands is infinity, which Python has no moment for: None."""

    def load(self, data: Buffer) -> datetime | None:  # type: ignore[override]  # the base class promises a moment
        return None if bytes(data) == b"infinity" else super().load(data)
