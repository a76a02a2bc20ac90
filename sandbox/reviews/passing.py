"""What happens at the review portal while time passes."""

from __future__ import annotations

from sandbox import documents
from sandbox.documents import Document
from sandbox.passage import Passage
from sandbox.reviews import records


def product_review(passage: Passage) -> None:
    """Somebody judges what they bought last; who never did signs up first."""
    person = passage.somebody()
    account = passage.account_of(person)
    row = passage.shop.execute(
        "select order_number, sku from orders join order_lines using (order_id) join products using (product_id) "
        "where customer_id = %s order by ordered_at desc, line_number limit 1",
        [account],
    ).fetchone() if account is not None else None  # fmt: skip
    if row is None:
        return
    at = passage.moment()
    known = passage.world.records_of(person.person_id, records.OBJECT)
    before = documents.get(passage.world.connection, records.REVIEWERS, known[0]) if known else None
    by = before or records.reviewer(person, passage.take_id("reviewer"), rng=passage.rng, at=at)
    if before is None:
        documents.add(passage.world.connection, [Document(records.REVIEWERS, by["id"], 0, by)])
        passage.note(*records.record(by, person))
    written = records.review(passage.take_id("review"), by, order_number=row[0], sku=row[1], rng=passage.rng, at=at)
    documents.add(passage.world.connection, [written])
    passage.reviewed.append(records.event("published", written.body))


def review_step(passage: Passage) -> None:
    """A review is edited; one in five is withdrawn instead."""
    number = passage.rng.randint(1, max(1, passage.next_ids["review"] - 1))
    found = documents.get(passage.world.connection, records.OBJECT, f"rv{number:07d}")
    if found is None or found["withdrawn"]:
        return
    at = passage.moment()
    kind = "withdrawn" if passage.rng.random() < 0.2 else "edited"
    values = {"withdrawn": True} if kind == "withdrawn" else records.second_thoughts(found, rng=passage.rng)
    body = records.changed(found, values, at=at)
    documents.change(passage.world.connection, Document(records.OBJECT, found["id"], 0, body))
    passage.reviewed.append(records.event(kind, body))
