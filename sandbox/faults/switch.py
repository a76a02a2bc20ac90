"""Switch faults on and off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox import moments
from sandbox.faults import crm, files, registry, shop
from sandbox.faults.registry import ActiveFault, FaultError
from sandbox.inventory import faults as inventory
from sandbox.layout import Layout
from sandbox.reviews import faults as reviews
from sandbox.world import World


def switch_on(layout: Layout, system: str, fault: str, given: Mapping[str, Any], *, now: datetime | None = None) -> ActiveFault:
    """Put a fault into effect until it is switched off. Raises FaultError for unknown faults, options, objects and fields."""
    options = registry.checked_options(system, fault, given)
    at = moments.to_micros(now or datetime.now(UTC))
    with World(layout.world) as world:
        on = registry.active(world)
        if (system, fault) in on:
            raise FaultError(f"{fault} of {system} is on already; switch it off first: customer360 sandbox fault off {system} {fault}")
        if system == "shop":
            state = shop.begin(layout, world, fault, options)
            return registry.record(world, system, fault, options, state)
        if system == "crm":
            state = crm.begin(world, fault, options, now=at)
            return registry.record(world, system, fault, options, state)
        if system in ("billing", "support"):
            _check_object(system, options)
            return registry.record(world, system, fault, options, {})
        active = ActiveFault(system, fault, options, {}, "")
        if system == "inventory":
            inventory.begin(layout, world, active, {**on, (system, fault): active}, at=at)
            return registry.record(world, system, fault, options, {})
        if system == "reviews":
            with world.transaction():  # the courier sees both or neither
                reviews.begin(world, active, {**on, (system, fault): active}, at=at)
                return registry.record(world, system, fault, options, {})
        # A world may have been advanced past the clock: its newest file must still be the one this fault sends.
        at = max(at, int(world.read_meta()["now"]) + moments.MILLISECOND)
        files.begin(layout, world, active, {**on, (system, fault): active}, at=at)
        return replace(registry.record(world, system, fault, options, {}))


def _check_object(system: str, options: Mapping[str, Any]) -> None:
    objects = {"billing": ("customers", "invoices", "charges"), "support": ("users", "tickets")}[system]
    if options.get("object") not in (None, *objects):
        raise FaultError(f"{system} has no object {options['object']!r}; objects: {', '.join(objects)}")


def switch_off(layout: Layout, system: str, fault: str | None = None, *, now: datetime | None = None) -> list[ActiveFault]:
    """End a fault of a system (all of its faults without a name); returns those that were on."""
    if fault is not None:
        registry.known(system, fault)
    elif system not in registry.FAULTS:
        raise FaultError(f"there is no system {system!r}; systems: {', '.join(registry.FAULTS)}")
    at = moments.to_micros(now or datetime.now(UTC))
    ended = []
    with World(layout.world) as world:
        for active in [f for f in registry.active(world, system).values() if fault in (None, f.fault)]:
            registry.forget(world, system, active.fault)
            if system == "shop":
                shop.end(layout, active)
            elif system == "crm":
                crm.end(world, active, now=at)
            elif system == "inventory":
                inventory.end(layout, world, active, registry.active(world, system), at=at)
            elif system == "reviews":
                reviews.end(world, registry.active(world, system), at=at)
            elif system not in ("billing", "support"):
                files.end(layout, active, registry.active(world))
            ended.append(active)
    return ended
