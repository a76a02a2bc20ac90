"""Users and tickets of support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from sandbox import moments
from sandbox.documents import Document
from sandbox.population.appearance import SUPPORT, appear, full_name
from sandbox.population.people import Person
from sandbox.truth import Record

AGENTS = 12
FIRST_USER, FIRST_TICKET = 7_000_001, 30_001
_AGENT_NAMES = ("Robin Vale", "Kim Osei", "Alex Brandt", "Sasha Ilic", "Noor Haddad", "Jo Lindqvist", "Chris Amaro", "Sam Okafor",
                "Toni Weiss", "Lee Park", "Dana Costa", "Max Fischer")  # fmt: skip
SUBJECTS = {
    "delivery": ("Where is my parcel?", "The tracking page has not moved for days."),
    "return": ("How do I send this back?", "It does not fit and I would like to return it."),
    "damaged": ("Arrived broken", "The box was crushed when it came."),
    "billing": ("Question about my invoice", "I was charged twice, I think."),
    "account": ("Cannot log in", "The link in your mail does not work."),
    "product": ("Is this washable?", "I could not find it on the product page."),
}


def agents(*, created: int) -> list[Document]:
    """Those who answer; no customers."""
    return [
        _user(FIRST_USER + i, name=name, email=f"{name.split()[0].lower()}@help.example", phone=None, role="admin" if i == 0 else "agent",
              external_id=None, verified=True, locale="en-GB", created=created, updated=created)
        for i, name in enumerate(_AGENT_NAMES)
    ]  # fmt: skip


def user(person: Person, number: int, *, shop_customer_id: int | None, rng: Random, created: int) -> Document:
    """A person as the first mail or chat made them."""
    shown = appear(person, SUPPORT, rng=rng, day=moments.day_of(created))
    return _user(
        number, name=full_name(shown) if rng.random() < 0.9 else (shown.first or shown.last), email=shown.email, phone=shown.mobile,
        role="end-user", external_id=str(shop_customer_id) if shop_customer_id is not None and rng.random() < 0.5 else None,
        verified=shown.email is not None and rng.random() < 0.7, locale=person.locale.replace("_", "-"), created=created, updated=created,
    )  # fmt: skip


def _user(number: int, *, name: str, email: str | None, phone: str | None, role: str, external_id: str | None, verified: bool, locale: str,
          created: int, updated: int) -> Document:  # fmt: skip
    body = {
        "id": number, "name": name, "email": email, "phone": phone, "role": role, "external_id": external_id, "verified": verified,
        "active": True, "suspended": False, "locale": locale, "time_zone": "Berlin", "tags": [],
        "created_at": _iso(created), "updated_at": _iso(updated),
    }  # fmt: skip
    return Document("support.users", str(number), updated // moments.SECOND, body)


def ticket(number: int, requester: int, *, order_number: str | None, rng: Random, created: int, now: int) -> Document:
    """A ticket opened at `created` as it stands now: the older, the more likely solved, closed and rated."""
    topic = rng.choice(list(SUBJECTS))
    subject, text = SUBJECTS[topic]
    age = now - created
    status = (
        rng.choice(("new", "open", "pending"))
        if age < 2 * moments.DAY
        else rng.choices(("open", "pending", "hold", "solved"), (8, 6, 2, 84))[0]
    )
    updated = min(now, created + int(rng.random() * min(age, 5 * moments.DAY)))
    if status == "solved" and age > 30 * moments.DAY:
        status = "closed"
    body = {
        "id": number, "subject": subject, "description": text, "status": status, "type": "question" if topic == "product" else "problem",
        "priority": rng.choice(("low", "normal", "normal", "high", "urgent")) if status != "new" else None,
        "via": {"channel": rng.choice(("email", "web", "chat", "voice"))}, "requester_id": requester,
        "assignee_id": FIRST_USER + rng.randrange(AGENTS) if status != "new" else None, "external_id": order_number,
        "tags": [topic], "satisfaction_rating": rating(rng) if status in ("solved", "closed") else {"score": "unoffered"},
        "created_at": _iso(created), "updated_at": _iso(updated), "generated_timestamp": updated // moments.SECOND,
    }  # fmt: skip
    return Document("support.tickets", str(number), updated // moments.SECOND, body)


def rating(rng: Random) -> dict[str, Any]:
    """What a customer said of a solved ticket, if anything."""
    score = rng.choices(("good", "bad", "offered"), (38, 9, 53))[0]
    if score == "bad":
        return {"score": score, "reason": rng.choice(("The issue took too long to resolve", "The issue was not resolved"))}
    return {"score": score}


def changed(body: Mapping[str, Any], values: Mapping[str, Any], *, name: str, at: int) -> Document:
    """A user or ticket with other values; its change time never goes back."""
    stamps: dict[str, Any] = {"updated_at": max(str(body["updated_at"]), _iso(at))}
    if name == "support.tickets":
        stamps["generated_timestamp"] = max(int(body["generated_timestamp"]), at // moments.SECOND)
    return Document(name, str(body["id"]), at // moments.SECOND, {**body, **values, **stamps})


def history(
    persons: Sequence[Person], accounts: Mapping[int, int], last_orders: Mapping[int, str], *, rng: Random, now: int
) -> tuple[list[Document], list[Record]]:
    """Users and tickets up to now. `accounts`: person → shop account; `last_orders`: shop account → order number."""
    users = agents(created=now - 1000 * moments.DAY)
    tickets: list[Document] = []
    records: list[Record] = []
    number = FIRST_TICKET
    for person in persons:
        if rng.random() >= 0.13:
            continue
        created = now - int(rng.random() * 600 * moments.DAY) - moments.HOUR
        account = accounts.get(person.person_id)
        made = user(person, FIRST_USER + len(users), shop_customer_id=account, rng=rng, created=created)
        users.append(made)
        records.append((f"support.users:{made.id}", person.person_id, person.household_id, person.locale.replace("_", "-")))
        for _ in range(rng.choices((1, 2, 3), (75, 18, 7))[0]):
            order = last_orders.get(account) if account is not None and rng.random() < 0.4 else None
            at = moments.between(rng, created, now)
            tickets.append(ticket(number, int(made.id), order_number=order, rng=rng, created=at, now=now))
            number += 1
    return users + sorted(tickets, key=lambda t: t.changed), records


def _iso(micros: int) -> str:
    return moments.to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%SZ")
