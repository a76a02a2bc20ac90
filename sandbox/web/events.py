"""What visitors do, as calls of the Segment specification (https://segment.com/docs/connections/spec/): identify, page, track.

A visitor is a browser with an anonymous id; logging in names the shop account. Some households share one browser, so one
anonymous id has several users. Apps that were offline send hours later: `timestamp` is when it happened, `receivedAt` when the
collector got it. A few messages arrive twice under one messageId.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from sandbox import moments
from sandbox.moments import HOUR, MINUTE, SECOND

Event = tuple[int, str]  # received at (microseconds), the JSON line

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "ShopApp/4.2 (Android 16)",
    "ShopApp/4.2 (iOS 19.1)",
)
_CAMPAIGNS = (
    ("google", "cpc", "brand-search"),
    ("newsletter", "email", "autumn-news"),
    ("facebook", "social", "retargeting"),
    ("partner", "affiliate", "blog"),
)
_REFERRERS = ("https://search.example/", "https://news.example/deals", "https://social.example/", "")
_PAGES = ("/", "/sale", "/new", "/c/outdoor", "/c/clothing", "/c/home", "/help", "/about")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is in front of the browser. `user_id` is the shop's customer_id once logged in."""

    anonymous_id: str
    user_id: int | None
    locale: str
    email: str | None = None
    first: str | None = None
    last: str | None = None


def _uuid(text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"


def anonymous_id(seed: int, *, customer_id: int, household_id: int | None) -> str:
    """The anonymous id of an account's browser. In one household in twenty everybody uses the same browser."""
    if (
        household_id is not None
        and int.from_bytes(hashlib.blake2b(f"{seed}-share-{household_id}".encode(), digest_size=2).digest()) % 20 == 0
    ):
        return _uuid(f"{seed}-household-{household_id}")
    return _uuid(f"{seed}-customer-{customer_id}")


def unknown_visitor(rng: Random, locale: str) -> Visitor:
    """Somebody who never logs in."""
    return Visitor(_uuid(f"{rng.getrandbits(96)}"), None, locale)


@dataclass(slots=True)
class _Session:
    visitor: Visitor
    rng: Random
    at: int
    context: str
    offline: int  # microseconds between event and receipt, beyond the usual second

    def emit(self, kind: str, body: str, *, user: bool = True) -> list[Event]:
        rng = self.rng
        received = self.at + self.offline + rng.randrange(200_000, 3 * SECOND)
        user_id = f'"{self.visitor.user_id}"' if user and self.visitor.user_id is not None else "null"
        happened = moments.iso(self.at)
        line = (
            f'{{"messageId":"ajs-{rng.getrandbits(64):016x}","type":"{kind}","anonymousId":"{self.visitor.anonymous_id}","userId":{user_id},{body},'
            f'"context":{self.context},"originalTimestamp":"{happened}","timestamp":"{happened}",'
            f'"sentAt":"{moments.iso(received - 150_000)}",'
            f'"receivedAt":"{moments.iso(received)}","version":2}}'
        )
        self.at += rng.randrange(3 * SECOND, 90 * SECOND)
        return [(received, line), arrived(line, received + 400_000)] if rng.random() < 0.004 else [(received, line)]

    def page(self, path: str, referrer: str = "", *, user: bool = True) -> list[Event]:
        body = f'"name":{json.dumps(path.strip("/") or "home")},"properties":{{"path":"{path}","referrer":"{referrer}","url":"https://shop.example{path}"}}'
        return self.emit("page", body, user=user)

    def track(self, event: str, properties: str, *, user: bool = True) -> list[Event]:
        return self.emit("track", f'"event":"{event}","properties":{{{properties}}}', user=user)

    def identify(self) -> list[Event]:
        visitor, traits = self.visitor, {"email": self.visitor.email}
        if self.rng.random() < 0.6:
            traits |= {"firstName": visitor.first, "lastName": visitor.last}
        return self.emit("identify", f'"traits":{json.dumps({k: v for k, v in traits.items() if v}, ensure_ascii=False)}')


def session(visitor: Visitor, *, rng: Random, at: int, products: Sequence[int], order: tuple[int, float] | None = None,
            logs_in: bool = False) -> list[Event]:  # fmt: skip
    """One visit beginning at `at`: pages, products looked at, perhaps an order (id, revenue).

    Events received after now are still on their way: `split` tells them apart.

    With `logs_in` the visitor is unknown on the first page and names itself with an identify call.
    """
    agent = rng.choice(_AGENTS)
    app = agent.startswith("ShopApp")
    offline = int(rng.expovariate(1 / (9 * HOUR))) if app and order is None and rng.random() < 0.3 else 0
    campaign = ""
    if rng.random() < 0.3:
        source, medium, name = rng.choice(_CAMPAIGNS)
        campaign = f',"campaign":{{"source":"{source}","medium":"{medium}","name":"{name}"}}'
    library = "analytics-kotlin" if app else "analytics.js"
    address = f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randrange(256)}"  # RFC 5737: documentation
    context = (
        f'{{"ip":"{address}","userAgent":"{agent}","locale":"{visitor.locale}",'
        f'"library":{{"name":"{library}","version":"2.11.1"}}{campaign}}}'
    )
    visit = _Session(visitor, rng, at, context, offline)
    known = visitor.user_id is not None and not logs_in
    events = visit.page(rng.choice(_PAGES), rng.choice(_REFERRERS), user=known)
    if logs_in and visitor.user_id is not None:
        events += visit.identify()
        known = True
    for product in products:
        events += visit.page(f"/p/{product}", user=known)
        events += visit.track("Product Viewed", f'"product_id":{product}', user=known)
        if order is not None or rng.random() < 0.15:
            events += visit.track("Product Added", f'"product_id":{product},"quantity":1', user=known)
    if order is not None:
        order_id, revenue = order
        visit.at = max(visit.at, at + MINUTE)
        events += visit.page("/checkout", user=known)
        events += visit.track("Order Completed", f'"order_id":{order_id},"revenue":{revenue:.2f}', user=known)
    return events


def split(events: list[Event], *, now: int) -> tuple[list[Event], list[str]]:
    """Events the collector has by `now`, and the lines of those still on their way."""
    return [event for event in events if event[0] <= now], [line for at, line in events if at > now]


_RECEIVED = re.compile(r'"receivedAt":"[^"]*"')


def arrived(line: str, at: int) -> Event:
    """The same event, received at `at`."""
    return at, _RECEIVED.sub(f'"receivedAt":"{moments.iso(at)}"', line)


_IDENTIFIED = re.compile(r'"type":"identify","anonymousId":"[^"]*","userId":"(\d+)"')


def identified(events: Iterable[Event]) -> set[int]:
    """The shop accounts that identify calls among the events name."""
    return {int(match.group(1)) for _, line in events if (match := _IDENTIFIED.search(line))}
