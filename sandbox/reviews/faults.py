"""Faults of the review portal: what is sent while one is on is spoiled; switched off, what it should have said is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sandbox import documents
from sandbox.faults import values
from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.reviews import outbox, records
from sandbox.reviews.outbox import Delivery
from sandbox.world import World

OBJECT = "reviews"
_SENT_AGAIN = 300  # the newest, so that a fault shows at once


def spoiled(deliveries: Iterable[Delivery], faults: Mapping[str, ActiveFault]) -> list[Delivery]:
    """The deliveries of one event each as the faults that are on leave them."""
    return [_spoiled(delivery, faults, number) for number, delivery in enumerate(deliveries)]


def begin(world: World, active: ActiveFault, faults: Mapping[tuple[str, str], ActiveFault], *, at: int) -> None:
    """Let the fault show; `faults` holds it already."""
    if active.options.get("object") not in (None, OBJECT):
        raise FaultError(f"reviews has no object {active.options['object']!r}; objects: {OBJECT}")
    newest = documents.newest_first(world.connection, records.OBJECT, before=None, limit=_SENT_AGAIN)
    again = [_told(body, at=at) for _, _, body in newest]
    outbox.keep(world.connection, spoiled(again, {fault: f for (system, fault), f in faults.items() if system == "reviews"}))


def end(world: World, still_on: Mapping[tuple[str, str], ActiveFault], *, at: int) -> None:
    """Tell the reviews as they stand of which something wrong was told, once nothing spoils it any more."""
    if still_on:
        return
    ids = {json.loads(good)["review"]["id"]: None for good in outbox.take_spoiled(world.connection)}
    found = (documents.get(world.connection, records.OBJECT, id_) for id_ in ids)
    outbox.keep(world.connection, [_told(body, at=at) for body in found if body is not None])


def _spoiled(delivery: Delivery, faults: Mapping[str, ActiveFault], number: int) -> Delivery:
    event: dict[str, Any] = json.loads(delivery.body)
    wrong = {**event, "review": values.spoiled(faults, OBJECT, event["review"], number)}
    text = values.poisoned(faults, delivery.body if wrong == event else json.dumps(wrong, ensure_ascii=False), number)
    if text == delivery.body:
        return delivery
    return replace(delivery, id=f"{delivery.id}-x", body=text, good=delivery.body)


def _told(body: Mapping[str, Any], *, at: int) -> Delivery:
    return outbox.delivery(records.event("withdrawn" if body["withdrawn"] else "edited", body), at=at)
