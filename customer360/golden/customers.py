"""Which customer somebody means by an id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from customer360.errors import UserError


class CustomerUnknown(UserError):
    """No customer ever had the id, or nobody is left under it."""


def parse_id(text: str) -> UUID:
    """The id that somebody typed. Raises CustomerUnknown when it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise CustomerUnknown(f"{text!r} is no customer id; they look like 0197f3c2-6f1e-7cc3-9e1b-0c7f1f4a2b11") from None


def living(connection: Connection[Any], customer_id: UUID) -> UUID:
    """The living customer that the id means: itself, or whom it went into. Needs the right to read `identity`.

    Raises CustomerUnknown when the id was never given out, or nobody is left under it.
    """
    row = connection.execute(
        """select coalesce(case when customer.retired_at is null then customer.customer_id end, alias.customer_id)
             from identity.customer left join identity.alias on alias.alias_id = customer.customer_id
            where customer.customer_id = %s""",
        [customer_id],
    ).fetchone()
    if row is None:
        raise CustomerUnknown(f"there is no customer {customer_id}; `customer360 sql` finds ids in marts.dim_customer")
    if row[0] is None:
        raise CustomerUnknown(f"customer {customer_id} has retired and left no record, so no other customer stands for it")
    found: UUID = row[0]
    return found
