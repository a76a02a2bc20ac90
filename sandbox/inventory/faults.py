"""Faults of the stock movements: what is sent while one is on is spoiled; switched off, the good messages are sent again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from customer360.platform.processes import ProcessBook
from sandbox import moments
from sandbox.faults import values
from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.inventory import bus, store
from sandbox.inventory.records import Message
from sandbox.layout import Layout
from sandbox.world import World

OBJECT = "movements"
_SENT_AGAIN = 300  # the newest messages, so that a fault shows at once


def spoiled(messages: Iterable[Message], faults: Mapping[str, ActiveFault]) -> list[Message]:
    """The messages as the faults that are on leave them."""
    made = [_spoiled(message, faults, number) for number, message in enumerate(messages)]
    if "out_of_order" in faults:
        made = [later for message in reversed(made) for later in (message, *_older(message))]
    if "duplicates" in faults:
        made = [again for message in made for again in (message, message)]
    return made


def begin(layout: Layout, world: World, active: ActiveFault, faults: Mapping[tuple[str, str], ActiveFault], *, at: int) -> None:
    """Let the fault show; `faults` holds it already. Raises FaultError where this platform has no broker."""
    if bus.program() is None:
        raise FaultError("inventory has no broker here (Linux on x86-64 alone has one), so nothing of it can be broken")
    if active.options.get("object") not in (None, OBJECT):
        raise FaultError(f"inventory has no object {active.options['object']!r}; objects: {OBJECT}")
    if active.fault == "broker_down":
        bus.stop(ProcessBook(layout.processes))
        return
    newest = world.connection.execute(
        "select warehouse, key, coalesce(good, value) from message where value is not null "
        "and key not in (select key from message where value is null) order by number desc limit ?",
        [_SENT_AGAIN],
    ).fetchall()
    again = [Message(at, warehouse, key, value) for warehouse, key, value in reversed(newest)]
    store.keep(world.connection, spoiled(again, {fault: f for (system, fault), f in faults.items() if system == "inventory"}))
    _publish(layout, world)


def end(layout: Layout, world: World, active: ActiveFault, still_on: Mapping[tuple[str, str], ActiveFault], *, at: int) -> None:
    """Send the good messages, once nothing spoils them any more."""
    if active.fault == "broker_down":
        bus.start(layout, ProcessBook(layout.processes))
        return
    if still_on:
        return
    mended = world.connection.execute(
        "select warehouse, key, good from message where good is not null and not is_mended order by number"
    ).fetchall()
    store.keep(world.connection, [Message(at, warehouse, key, good) for warehouse, key, good in mended])
    world.connection.execute("update message set is_mended = 1 where good is not null and not is_mended")
    _publish(layout, world)


def _publish(layout: Layout, world: World) -> None:
    if bus.is_up(layout):
        bus.publish(world)


def _spoiled(message: Message, faults: Mapping[str, ActiveFault], number: int) -> Message:
    if message.value is None:
        return message
    value = message.value
    body: dict[str, Any] = json.loads(value)
    wrong = values.spoiled(faults, OBJECT, body, number)
    if wrong != body:
        value = json.dumps(wrong)
    value = values.poisoned(faults, value, number)
    return message if value == message.value else replace(message, value=value, good=message.value)


def _older(message: Message) -> list[Message]:
    """What was recorded of the same movement a minute before: it must not win, however late it comes."""
    if message.value is None or message.good is not None:
        return []
    body = json.loads(message.value)
    recorded = moments.from_salesforce(body["recorded_at"].replace("Z", "+0000")) - moments.MINUTE
    occurred = moments.from_salesforce(body["occurred_at"].replace("Z", "+0000"))
    before = body | {
        "quantity": body["quantity"] + (1 if body["quantity"] > 0 else -1),
        "recorded_at": moments.iso(recorded),
        "occurred_at": moments.iso(min(occurred, recorded)),
    }
    return [replace(message, value=json.dumps(before))]
