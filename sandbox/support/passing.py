"""What happens in support while time passes."""

from __future__ import annotations

from typing import Any

from sandbox import documents, moments
from sandbox.passage import Passage
from sandbox.population.people import Person
from sandbox.support import records


def ticket(passage: Passage) -> None:
    """Somebody asks for help; who never did becomes a user."""
    person, at = passage.somebody(), passage.moment()
    known = passage.world.records_of(person.person_id, "support.users")
    account = passage.account_of(person)
    if known:
        requester = int(known[0])
    else:
        made = records.user(person, passage.take_id("support_user"), shop_customer_id=account, rng=passage.rng, created=at)
        documents.add(passage.world.connection, [made])
        passage.note(f"support.users:{made.id}", person.person_id, person.household_id, person.locale.replace("_", "-"))
        requester = int(made.id)
    order = passage.shop.execute(
        "select order_number from orders where customer_id = %s order by ordered_at desc limit 1", [account]
    ).fetchone() if account is not None else None  # fmt: skip
    opened = records.ticket(
        passage.take_id("ticket"), requester, order_number=order[0] if order else None, rng=passage.rng, created=at, now=passage.now
    )
    documents.add(passage.world.connection, [opened])


def ticket_step(passage: Passage) -> None:
    """An open ticket is solved, and rated or not; a solved one is closed."""
    number = records.FIRST_TICKET + passage.rng.randrange(max(1, passage.next_ids["ticket"] - records.FIRST_TICKET))
    found = documents.get(passage.world.connection, "support.tickets", str(number))
    if found is None or found["status"] in ("closed", "deleted"):
        return
    at = passage.moment()
    values: dict[str, Any] = {"status": "closed"}
    if found["status"] != "solved":
        values = {
            "status": "solved",
            "assignee_id": found["assignee_id"] or records.FIRST_USER,
            "priority": found["priority"] or "normal",
            "satisfaction_rating": records.rating(passage.rng),
        }
    documents.change(passage.world.connection, records.changed(found, values, name="support.tickets", at=at))


def tell(passage: Passage, person: Person, values: dict[str, Any], *, at: int) -> None:
    """A user's details change."""
    for id_ in passage.world.records_of(person.person_id, "support.users")[:1]:
        found = documents.get(passage.world.connection, "support.users", id_)
        if found is not None:
            documents.change(passage.world.connection, records.changed(found, values, name="support.users", at=max(at, moments.SECOND)))
