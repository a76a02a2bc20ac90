"""Reviews and reviewers, and what the portal says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pyarrow as pa

from sandbox import moments
from sandbox.documents import Document
from sandbox.population.appearance import REVIEWS, appear, full_name
from sandbox.population.people import Person
from sandbox.truth import Record

OBJECT, REVIEWERS = "reviews.reviews", "reviews.reviewers"
PER_DELIVERY = 50  # of the history; what happens later is told one by one
_SHARE = 0.1
_OPINIONS = {
    1: (("Broke after a week", "It simply came apart."), ("Never again", "Nothing like the picture.")),
    2: (("Disappointed", "Smaller than I thought."), ("Meh", "It works, but smells of plastic.")),
    3: (("It is all right", "Does what it should, no more."), ("Average", "")),
    4: (("Good", "Would buy it again."), ("Nearly perfect", "Only the colour is a little off.")),
    5: (("Love it", "Exactly what I was looking for."), ("Perfect", "Came quickly, too."), ("Great", "")),
}


def reviewer(person: Person, number: int, *, rng: Random, at: int) -> dict[str, Any]:
    """A person as they signed up at the portal."""
    shown = appear(person, REVIEWS, rng=rng, day=moments.day_of(at))
    return {"id": f"u{number:07d}", "name": full_name(shown), "email": shown.email}


def review(number: int, by: Mapping[str, Any], *, order_number: str, sku: str, rng: Random, at: int) -> Document:
    """A review of one article of an order."""
    rating = rng.choices((1, 2, 3, 4, 5), (6, 6, 12, 28, 48))[0]
    title, text = rng.choice(_OPINIONS[rating])
    body = {
        "id": f"rv{number:07d}", "rating": rating, "title": title, "text": text, "order_number": order_number, "sku": sku,
        "withdrawn": False, "created_at": moments.iso(at), "updated_at": moments.iso(at), "reviewer": dict(by),
    }  # fmt: skip
    return Document(OBJECT, str(body["id"]), at // moments.SECOND, body)


def event(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the portal sends: `published`, `edited` or `withdrawn`, each with the whole review."""
    return {"event": f"review.{kind}", "occurred_at": body["updated_at"], "review": dict(body)}


def changed(body: Mapping[str, Any], values: Mapping[str, Any], *, at: int) -> dict[str, Any]:
    """The review with other values; its time of change never goes back."""
    return {**body, **values, "updated_at": max(str(body["updated_at"]), moments.iso(at))}


def second_thoughts(body: Mapping[str, Any], *, rng: Random) -> dict[str, Any]:
    """What the writer says after a while."""
    rating = min(5, max(1, int(body["rating"]) + rng.choice((-1, 1, 2))))
    return {"rating": rating, "text": f"Edit, some time later: {rng.choice(_OPINIONS[rating])[0].lower()}."}


def history(
    persons: Sequence[Person],
    accounts: Mapping[int, int],
    shop: Mapping[str, pa.Table],
    skus: Mapping[int, str],
    *,
    rng: Random,
    now: int,
) -> tuple[list[Document], list[Record]]:
    """Reviewers and, oldest first, reviews up to now. `accounts`: person → shop account; `shop`: its tables; `skus`: by product."""
    orders = shop["orders"].select(["customer_id", "order_id", "order_number", "ordered_at"]).to_pylist()
    last = {row["customer_id"]: row for row in orders}
    bought = {row["order_id"]: row["product_id"] for row in shop["order_lines"].select(["order_id", "product_id"]).to_pylist()}
    signed_up: list[Document] = []
    written: list[Document] = []
    records: list[Record] = []
    for person in persons:
        order = last.get(accounts.get(person.person_id, 0))
        if order is None or rng.random() >= _SHARE:
            continue
        low = moments.to_micros(order["ordered_at"]) + 3 * moments.DAY
        if low >= now:
            continue
        at = moments.between(rng, low, min(now, low + 60 * moments.DAY))
        by = reviewer(person, len(records) + 1, rng=rng, at=at)
        sku = skus[bought[order["order_id"]]]
        written.append(review(len(written) + 1, by, order_number=order["order_number"], sku=sku, rng=rng, at=at))
        signed_up.append(Document(REVIEWERS, by["id"], 0, by))
        records.append(record(by, person))
    return signed_up + sorted(written, key=lambda document: document.changed), records


def record(by: Mapping[str, Any], person: Person) -> Record:
    """Whom a reviewer shows."""
    return (f"{OBJECT}:{by['id']}", person.person_id, person.household_id, person.locale.replace("_", "-"))


def deliveries(documents: Sequence[Document]) -> Iterator[list[dict[str, Any]]]:
    """The history as the portal tells it to a new listener: some reviews at a time."""
    written = [document for document in documents if document.object == OBJECT]
    for start in range(0, len(written), PER_DELIVERY):
        yield [event("published", d.body) for d in written[start : start + PER_DELIVERY]]
