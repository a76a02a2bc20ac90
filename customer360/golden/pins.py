"""Pins: a steward says what a customer's golden value is, or that there is none. Whoever set one, and why, stays on record.

A pin speaks of a whole group (an address, a name), which is never put together from pieces. One whose value came from a record goes
where that record goes; any other stays with the customer, or with whom its id means after a merge (`identity.standing_pin`). Nothing
here touches the golden record: the next build, live or nightly, sees that the pins are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from customer360.errors import UserError
from customer360.golden.customers import living
from customer360.golden.rules import GoldenRules
from customer360.golden.stated import standard_form


class PinError(UserError):
    """The pin cannot be set or removed. The message holds no value."""


class PinnedValue(NamedTuple):
    """A pinned value as it was written, and in standard form."""

    attribute: str
    raw: str
    standard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A pin as it stands. `customer_id`: for whom it holds now; None while its customer has neither record nor successor.
    `record_id`: the record whose value it is. `values` is empty where the pin says that there is no value. Times are UTC."""

    pin_id: UUID
    customer_id: UUID | None
    set_on_customer_id: UUID
    attribute_group: str
    record_id: str | None
    pinned_values: Sequence[Mapping[str, str]]
    pinned_by: str
    reason: str
    pinned_at: datetime
    overruled_by: UUID | None  # a newer pin on the same customer and group: a merge brought two together
    removed_at: datetime | None
    removed_by: str | None
    removed_because: str | None

    @property
    def values(self) -> tuple[PinnedValue, ...]:
        """What is pinned. Personal."""
        return tuple(PinnedValue(**value) for value in self.pinned_values)


def pin_values(
    connection: Connection[Any], rules: GoldenRules, customer_id: UUID, group: str, values: Mapping[str, str], *, by: str, why: str
) -> UUID:
    """Pin values, attribute by attribute, as the group's golden ones; the caller commits. Returns the pin's id.

    `customer_id` may be a retired id: whom it means now gets the pin. The parts that a line (a full name, an address) splits into are
    pinned with it. A pin that stood on the customer for this group is removed. Raises PinError for an attribute that is not of the
    group, ValueUnusable for a value without a valid form, CustomerUnknown for an id that means nobody.
    """
    attributes = _attributes(rules, group)
    found: dict[str, PinnedValue] = {}
    for attribute, raw in values.items():
        if attribute not in attributes:
            raise PinError(f"{attribute!r} is no attribute of {group}; it has {', '.join(attributes)}")
        standard = standard_form(attribute, raw)
        found |= {name: PinnedValue(name, part, part) for name, part in standard.parts.items() if name in attributes and name not in values}
        found[attribute] = PinnedValue(attribute, raw.strip(), standard.value or "")
    if not found:
        raise PinError(f"nothing is given to pin for {group}")
    return _insert(connection, customer_id, group, list(found.values()), record_id=None, by=by, why=why)


def pin_record(
    connection: Connection[Any],
    rules: GoldenRules,
    customer_id: UUID,
    group: str,
    record_id: str,
    *,
    unit: str | None = None,
    by: str,
    why: str,
) -> UUID:
    """Pin what one record says of the group, as it says it now; the caller commits. Returns the pin's id.

    `unit` picks one of several (an address row, or the number of a second mail address). The pin goes where the record goes. Raises
    PinError when the record is not the customer's, or says nothing valid about the group, or several things and no unit is given.
    """
    attributes = _attributes(rules, group)
    wanted = living(connection, customer_id)
    held = connection.execute(
        "select customer_id from identity.membership where record_id = %s and valid_to is null", [record_id]
    ).fetchone()
    if held is None or held[0] != wanted:
        raise PinError(f"{record_id} is no record of customer {wanted}; marts.bridge_customer_record lists them")
    rows = connection.execute(
        """select coalesce(nullif(unit, ''), ordinal::text), attribute, raw_value, value from identity.record_attribute
            where record_id = %s and attribute = any(%s) and value is not null order by 1, 2, ordinal""",
        [record_id, list(attributes)],
    ).fetchall()
    units: dict[str, dict[str, PinnedValue]] = {}
    for found_unit, attribute, raw, standard in rows:
        units.setdefault(found_unit, {}).setdefault(attribute, PinnedValue(attribute, raw, standard))
    if not units:
        raise PinError(f"{record_id} says nothing valid about {group}")
    if unit is None and len(units) > 1:
        raise PinError(f"{record_id} says {len(units)} things about {group}; choose one with --unit: {', '.join(sorted(units))}")
    chosen = units.get(unit) if unit is not None else next(iter(units.values()))
    if chosen is None:
        raise PinError(f"{record_id} has no {group} {unit!r}; it has {', '.join(sorted(units))}")
    return _insert(connection, wanted, group, list(chosen.values()), record_id=record_id, by=by, why=why)


def pin_nothing(connection: Connection[Any], rules: GoldenRules, customer_id: UUID, group: str, *, by: str, why: str) -> UUID:
    """Pin that the customer has no such value, whatever the sources say; the caller commits. Returns the pin's id."""
    _attributes(rules, group)
    return _insert(connection, customer_id, group, [], record_id=None, by=by, why=why)


def remove(connection: Connection[Any], pin_id: UUID, *, by: str, why: str) -> bool:
    """Take a pin back; the rules decide again from the next build on. False if it was removed before. The caller commits.

    Raises PinError when there is no such pin.
    """
    removed = connection.execute(
        """update identity.pin set removed_at = clock_timestamp(), removed_by = %s, removed_because = %s
            where pin_id = %s and removed_at is null""",
        [by, why, pin_id],
    )
    if removed.rowcount == 0 and not connection.execute("select from identity.pin where pin_id = %s", [pin_id]).fetchall():
        raise PinError(f"there is no pin {pin_id}; `customer360 pin list` shows them")
    return removed.rowcount == 1


_LISTED = """
    with placed as (
        select standing.*,
               -- the oldest of several is overruled by the newest, and so is any between
               case when customer_id is not null then first_value(pin_id) over (
                   partition by customer_id, attribute_group order by pinned_at desc, pin_id desc
               ) end as holding_pin_id
          from identity.standing_pin as standing
    )
    select pin.pin_id, placed.customer_id, pin.customer_id as set_on_customer_id, pin.attribute_group, pin.record_id, pin.pinned_values,
           pin.pinned_by, pin.reason, pin.pinned_at, nullif(placed.holding_pin_id, pin.pin_id) as overruled_by,
           pin.removed_at, pin.removed_by, pin.removed_because
      from identity.pin left join placed using (pin_id)
"""


def listed(
    connection: Connection[Any], *, customer_id: UUID | None = None, with_removed: bool = False, conflicts_only: bool = False
) -> list[Pin]:
    """Pins, newest first: standing ones, unless `with_removed`. `customer_id`: those that hold for it or were set on it.
    `conflicts_only`: those that a newer one overrules since a merge."""
    with connection.cursor(row_factory=class_row(Pin)) as cursor:
        return cursor.execute(
            _LISTED
            + """
             where (%(with_removed)s or pin.removed_at is null)
               and (%(customer)s::uuid is null or %(customer)s in (placed.customer_id, pin.customer_id))
               and (not %(conflicts)s or placed.holding_pin_id <> pin.pin_id)
             order by pin.pinned_at desc, pin.pin_id desc""",
            {"with_removed": with_removed, "customer": customer_id, "conflicts": conflicts_only},
        ).fetchall()


def _attributes(rules: GoldenRules, group: str) -> tuple[str, ...]:
    if group not in rules.groups:
        raise PinError(f"nothing called {group!r} can be pinned; there are {', '.join(sorted(rules.groups))}")
    if "pinned" not in rules.strategies[group]:
        raise PinError(f"pins have no say in {group}; give it the strategy `pinned` in dbt_project/seeds/survivorship_rules.csv")
    return rules.groups[group]


def _insert(
    connection: Connection[Any], customer_id: UUID, group: str, values: Sequence[PinnedValue], *, record_id: str | None, by: str, why: str
) -> UUID:
    if not by.strip() or not why.strip():
        raise PinError("a pin says who set it and why")
    customer = living(connection, customer_id)
    row = connection.execute(
        """insert into identity.pin (customer_id, attribute_group, record_id, pinned_values, pinned_by, reason)
           values (%s, %s, %s, %s, %s, %s) returning pin_id""",
        [customer, group, record_id, Jsonb([value._asdict() for value in values]), by.strip(), why.strip()],
    ).fetchone()
    if row is None:
        raise RuntimeError("the pin was not written")
    pin_id: UUID = row[0]
    connection.execute(
        """update identity.pin set removed_at = clock_timestamp(), removed_by = %(by)s, removed_because = %(because)s
            where pin_id in (select pin_id from identity.standing_pin
                              where customer_id = %(customer)s and attribute_group = %(group)s and pin_id <> %(pin)s)""",
        {"by": by.strip(), "because": f"replaced by {pin_id}", "customer": customer, "group": group, "pin": pin_id},
    )
    return pin_id
