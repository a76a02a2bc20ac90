"""Let time pass: so many changes happen to the population, and the systems that learn of them show it.

A change is one thing that happens (an order, a move, a correction); its cost does not depend on how many customers there are,
but for the subscriber list, which the mail tool exports whole. All change times lie between the last advance and now, a few
just before (committed late), none in the future. The same world, seed and moment give the same changes. An advance that is killed has
not happened, or the next call completes it (see `settling`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import numpy as np

from customer360.errors import UserError
from customer360.platform import home
from sandbox import changes, documents, moments, services, settling
from sandbox.build import exists
from sandbox.email import campaigns, export
from sandbox.faults import registry
from sandbox.faults import shop as shop_faults
from sandbox.faults.files import Exporter
from sandbox.faults.registry import ActiveFault
from sandbox.inventory import bus, store
from sandbox.inventory import faults as inventory_faults
from sandbox.inventory import passing as inventory
from sandbox.layout import Layout
from sandbox.passage import Passage, open_passage
from sandbox.reviews import faults as review_faults
from sandbox.reviews import outbox
from sandbox.shop import database
from sandbox.shop.shopping import season
from sandbox.web import events as web_events
from sandbox.world import World

# Of every thousand customers, so many things happen in an hour of an ordinary day.
_PER_HOUR = 1.5


@dataclass(frozen=True, slots=True)
class Advanced:
    """What happened: number of changes by kind, new records, events and files written."""

    changes: dict[str, int]
    new_records: int
    events: int
    engagement: int
    files: list[str]
    now: datetime


def advance(
    *, hours: float | None = None, changes_wanted: int | None = None, seed: int | None = None, now: datetime | None = None
) -> Advanced:
    """Let `hours` pass (default 1), or `changes_wanted` changes happen. `seed` replaces the world's own sequence of chance.

    Raises UserError when there is no sandbox or the numbers make no sense.
    """
    layout = Layout(home.home())
    if not exists(layout):
        raise UserError("there is no sandbox to advance; make one with `customer360 sandbox start`")
    settling.settle(layout)
    if changes_wanted is not None and not 1 <= changes_wanted <= 1_000_000:
        raise UserError(f"{changes_wanted} changes: give 1 to 1,000,000")
    if hours is not None and not 0 < hours <= 24 * 366:
        raise UserError(f"{hours} hours: give more than 0 and at most a year")
    with World(layout.world) as world, database.owner(layout) as shop:
        with world.transaction():
            meta = world.read_meta()
            low = int(meta["now"])
            at = max(moments.to_micros(now or datetime.now(UTC)), low + moments.SECOND)
            wanted = changes_wanted or max(1, round((hours or 1.0) * meta["customers"] / 1000 * _PER_HOUR * season(at)))
            rng = Random(f"{meta['seed']}-advance-{meta['advances'] if seed is None else f'by-{seed}'}")
            faults = registry.active(world)
            intent = settling.begin(layout, shop)
            told = settling.Recorder(shop, intent)
            with shop_faults.lifted(told, {name: f for (system, name), f in faults.items() if system == "shop"}):
                passage = open_passage(world, told, rng=rng, low=low, now=at, meta=meta)
                kinds = Counter(_happen(passage) for _ in range(wanted))
                _mailing(passage, recipients=max(2, wanted // 3))
            files, events = _write_files(layout, passage, Exporter(layout, faults, put=intent.put))
            _tell_stock(passage, {name: f for (system, name), f in faults.items() if system == "inventory"})
            _tell_reviews(passage, {name: f for (system, name), f in faults.items() if system == "reviews"})
            documents.add(world.connection, sorted(passage.billing_events, key=lambda event: event.changed))
            passage.world.save_records(passage.records.values())
            passage.world.take_mailboxes(passage.population.addresses_given)
            _remember(passage, wanted)
            intent.records = list(passage.records.values())
            settling.keep(world, intent)
        settling.tell_shop(shop)
        settling.finish(layout, world, intent)
        if bus.is_up(layout):
            bus.publish(world)
    return Advanced(dict(kinds.most_common()), len(passage.records), events, len(passage.engagement), files, moments.to_datetime(at))


def _happen(passage: Passage) -> str:
    change = passage.rng.choices(list(changes.FREQUENCIES), list(changes.FREQUENCIES.values()))[0]
    change(passage)
    return change.__name__


def _mailing(passage: Passage, *, recipients: int) -> None:
    """A small campaign goes out, to recipients drawn by chance."""
    size = passage.next_ids["subscriber"] - 1
    chosen = sorted({passage.rng.randint(1, size) for _ in range(recipients)})
    number = passage.take_id("campaign")
    rows = passage.world.connection.execute(
        "select subscriber_id, status from subscriber where row_number in (select value from json_each(?)) "
        "and status in ('subscribed', 'bounced') order by row_number",
        [json.dumps(chosen)],
    ).fetchall()
    chance = np.random.default_rng(passage.rng.getrandbits(63))
    sent = max(passage.low, passage.now - 40 * moments.MINUTE)
    every = campaigns.reactions(np.array([row[1] == "bounced" for row in rows], bool), rng=chance, sent=sent, now=passage.now)
    name = campaigns.CAMPAIGNS[number % len(campaigns.CAMPAIGNS)]
    for (subscriber_id, _), events in zip(rows, every, strict=True):
        passage.engagement += [
            (at, subscriber_id, campaigns.campaign_id(number), name, kind, url, bounce) for at, kind, url, bounce in events
        ]
        if any(kind == "unsubscribed" for _, kind, _, _ in events):
            passage.change_subscriber(subscriber_id, {"status": "unsubscribed"}, at=passage.now)


def _tell_stock(passage: Passage, faults: Mapping[str, ActiveFault]) -> None:
    """The movements are to be published; what lies where is noted."""
    connection = passage.world.connection
    store.keep(connection, inventory_faults.spoiled(inventory.told(passage), faults))
    store.keep_levels(connection, passage.stock)


def _tell_reviews(passage: Passage, faults: Mapping[str, ActiveFault]) -> None:
    """What happened at the review portal is to be delivered, one by one."""
    in_order = sorted(passage.reviewed, key=lambda event: str(event["occurred_at"]))
    told = [outbox.delivery(event, at=passage.now) for event in in_order]
    outbox.keep(passage.world.connection, review_faults.spoiled(told, faults))


def _remember(passage: Passage, wanted: int) -> None:
    population, meta = passage.population, passage.meta
    following = {name: passage.next_ids[name] for name in meta["next"]}
    following |= {
        "person": population.next_person,
        "household": population.next_household,
        "engagement": following["engagement"] + len(passage.engagement),
    }
    passage.world.write_meta({
        "now": passage.now, "changes": meta["changes"] + wanted, "advances": meta["advances"] + 1, "next": following,
        "phones": population.phones.counters, "last_person": population.next_person - 1,
    })  # fmt: skip


def _write_files(layout: Layout, passage: Passage, exporter: Exporter) -> tuple[list[str], int]:
    """What collector and mail tool put out for this advance; returns the names, and the number of event lines."""
    rng, at = passage.rng, passage.now
    received, on_the_way = web_events.split(passage.events, now=at)
    arrived = passage.world.connection.execute(
        "select number, line from in_transit order by number limit ?", [max(2, len(received) // 20)]
    ).fetchall()
    received += [web_events.arrived(line, at - i) for i, (_, line) in enumerate(arrived)]
    passage.world.connection.executemany("delete from in_transit where number = ?", [(number,) for number, _ in arrived])
    passage.world.connection.executemany("insert into in_transit (line) values (?)", [(line,) for line in on_the_way])
    received.sort()
    passage.note_identified(web_events.identified(received))
    files = []
    # Two collectors write side by side, so the times of two files overlap, and within a file order is not time.
    shares = [received[::2], received[1::2]] if len(received) > 60 else [received]
    for part, share in enumerate(share for share in shares if share):
        rng.shuffle(share)
        files += exporter.web([line for _, line in share], at=at, part=part)
    earlier = sorted((layout.web / "events").glob("*Z-000?.jsonl.gz"))[-6:-2]
    if rng.random() < 0.2 and earlier:
        before = rng.choice(earlier)
        files.append(exporter.put(before.parent, before.name.replace(".jsonl.gz", "-again.jsonl.gz"), before.read_bytes()))  # re-sent
    if passage.engagement:
        rows = campaigns.with_ids(sorted(passage.engagement), passage.meta["next"]["engagement"])
        files.append(exporter.engagement(export.csv_bytes(export.ENGAGEMENT_FIELDS, rows), at=at))
    if passage.list_changed:
        files.append(exporter.subscribers(export.snapshot(passage.world), at=at))
    files += exporter.files("marketing", services.marketing_files(passage.marketing, at=at))
    files += exporter.files("surveys", services.survey_files(passage.surveys, at=at))
    return [path.name for path in files], len(received)
