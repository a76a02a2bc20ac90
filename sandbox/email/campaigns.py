"""Campaigns of the last months and what recipients did, as arrays: sent, delivered or bounced, opened, clicked, unsubscribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox import moments
from sandbox.email.subscribers import SubscriberDraft
from sandbox.moments import DAY, HOUR, MINUTE, SECOND

CAMPAIGNS = (
    'Autumn news – "everything, that counts"',
    "Black Week, first look",
    "Zurück in den Garten",
    "Loyalty: double points",
    "Prêt pour l'hiver ?",
    "新着アイテム",
    "Новинки сезона",
    "Your size is back",
)
LINKS = (
    "https://shop.example/sale?utm_source=newsletter&utm_medium=email",
    "https://shop.example/new?utm_source=newsletter",
    "https://shop.example/p/1001",
)


@dataclass(frozen=True, slots=True)
class Mailing:
    """One campaign's sending and its engagement rows (in ENGAGEMENT_FIELDS order, event ids still missing), by moment."""

    sent_at: int
    rows: list[tuple[int, str, str, str, str, str, str]]  # occurred, subscriber, campaign id, name, type, url, bounce type


def campaign_id(number: int) -> str:
    """'cmp_00007'."""
    return f"cmp_{number:05d}"


def history(subscribers: Sequence[SubscriberDraft], *, rng: np.random.Generator, now: int) -> list[Mailing]:
    """One mailing a fortnight or so, to half of those then on the list; nothing happens after `now`."""
    joined = np.array([s.subscribed for s in subscribers], np.int64)
    left = np.array([s.updated if s.status != "subscribed" else now + DAY for s in subscribers], np.int64)
    bad = np.array([s.status == "bounced" for s in subscribers])
    mailings = []
    for number, name in enumerate(CAMPAIGNS):
        sent = (now - (len(CAMPAIGNS) - number) * 13 * DAY) // HOUR * HOUR + 9 * MINUTE
        on_list = np.flatnonzero((joined < sent) & (left > sent) & (rng.random(len(subscribers)) < 0.5))
        rows = []
        for index, events in zip(on_list.tolist(), reactions(bad[on_list], rng=rng, sent=sent, now=now), strict=True):
            who = subscribers[index].subscriber_id
            rows += [(at, who, campaign_id(number), name, kind, url, bounce) for at, kind, url, bounce in events]
        rows.sort()
        mailings.append(Mailing(sent, rows))
    return mailings


def reactions(bad: npt.NDArray[np.bool_], *, rng: np.random.Generator, sent: int, now: int) -> list[list[tuple[int, str, str, str]]]:
    """For each recipient what happened to the mail: (moment, type, url, bounce type). `bad` marks addresses that bounce."""
    number = len(bad)
    at = sent + rng.integers(0, 20 * MINUTE // SECOND, number) * SECOND
    delivered = at + rng.integers(1, 120, number) * SECOND
    opened = delivered + (rng.exponential(9, number) * HOUR).astype(np.int64)
    clicked = opened + rng.integers(5, 400, number) * SECOND
    chance, link = rng.random(number), rng.integers(0, len(LINKS), number)
    every = []
    for sent_at, arrives, opens, clicks, luck, is_bad, url in zip(
        at.tolist(), delivered.tolist(), opened.tolist(), clicked.tolist(), chance.tolist(), bad.tolist(), link.tolist(), strict=True
    ):
        events = [(sent_at, "sent", "", "")]
        if is_bad:
            events.append((arrives, "bounced", "", "hard"))
        elif luck > 0.985:
            events.append((arrives, "bounced", "", "soft"))
        else:
            events.append((arrives, "delivered", "", ""))
            if luck < 0.34:
                events.append((opens, "opened", "", ""))
            if luck < 0.07:
                events.append((clicks, "clicked", LINKS[url], ""))
            if 0.02 < luck < 0.024:
                events.append((clicks + MINUTE, "unsubscribed", "", ""))
        every.append([event for event in events if event[0] <= now])
    return every


def with_ids(rows: Sequence[tuple[int, str, str, str, str, str, str]], first: int) -> list[tuple[str, ...]]:
    """Rows as exported: an event id in front (numbered from `first`), the moment as text at the end."""
    return [
        (f"ev_{number:010d}", who, campaign, name, kind, url, bounce, moments.iso(at))
        for number, (at, who, campaign, name, kind, url, bounce) in enumerate(rows, first)
    ]
