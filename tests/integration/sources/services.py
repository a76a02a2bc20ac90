"""Billing and support of the sandbox over HTTP, with the documents a test puts in; known by the real contracts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response

from sandbox import documents
from sandbox.billing import api as billing
from sandbox.documents import Document
from sandbox.faults import registry
from sandbox.live_world import LiveWorld
from sandbox.support import api as support
from sandbox.world import World

START = 1_760_000_000  # seconds; long enough ago for every export


class Services:
    """Both APIs, over one world file."""

    def __init__(self, path: Path) -> None:
        self.world = World.create(path)
        self._live = LiveWorld(path)
        self.requests: list[str] = []
        self.port = 0
        self._events = 0

    @property
    def billing_uri(self) -> str:
        return f"http://sk_hunter2:@127.0.0.1:{self.port}"

    @property
    def support_uri(self) -> str:
        return f"http://{quote(support.USER, safe='')}:hunter2@127.0.0.1:{self.port}"

    def app(self) -> FastAPI:
        def note(request: Request) -> None:
            self.requests.append(f"{request.url.path}?{request.url.query}")

        app = FastAPI(dependencies=[Depends(note)])
        app.include_router(billing.router(self._live, api_key="sk_hunter2"))
        app.include_router(support.router(self._live, token="hunter2"))

        @app.exception_handler(billing.BillingRefusal)
        @app.exception_handler(support.SupportRefusal)
        async def refuse(_: Request, refusal: Any) -> Response:
            return refusal.response  # type: ignore[no-any-return]

        return app

    # ------------------------------------------------------------------------------------------- what they hold
    def add(self, name: str, bodies: Iterable[dict[str, Any]]) -> None:
        documents.add(self.world.connection, [_document(name, body) for body in bodies])

    def change(self, name: str, body: dict[str, Any]) -> None:
        documents.change(self.world.connection, _document(name, body))

    def tell(self, kind: str, record: dict[str, Any], at: int) -> None:
        """An event of billing."""
        self._events += 1
        body = {"id": f"evt_{self._events:06d}", "object": "event", "created": at, "type": kind, "data": {"object": record}}
        documents.add(self.world.connection, [Document("billing.events", str(body["id"]), at, body)])

    def fault(self, system: str, fault: str, **options: Any) -> None:
        registry.record(self.world, system, fault, registry.checked_options(system, fault, options), {})

    def mend(self) -> None:
        self.world.connection.execute("delete from fault")


def _document(name: str, body: dict[str, Any]) -> Document:
    return Document(name, str(body["id"]), int(body.get("generated_timestamp") or body.get("changed") or START), body)


@contextmanager
def serving(path: Path) -> Iterator[Services]:
    """The services, listening on a free port in a thread."""
    services = Services(path)
    server = uvicorn.Server(uvicorn.Config(services.app(), host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    services.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield services
    finally:
        server.should_exit = True
        thread.join(timeout=10)


# ------------------------------------------------------------------------------------------------- good documents
def customer(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"cus_{number:06d}", "object": "customer", "name": f"José Müller-{number}", "email": f"c{number}@example.es", "phone": None,
        "address": {"line1": f"Calle {number}", "city": "Ávila", "postal_code": "05001", "state": None, "country": "ES"},
        "created": START + number, "delinquent": False, "metadata": {"shop_customer_id": str(number)} if number % 2 else {},
        **values,
    }  # fmt: skip


def charge(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": f"ch_{number:06d}", "object": "charge", "customer": f"cus_{number % 50:06d}", "invoice": f"in_{number:06d}", "amount": 1999 + number,
        "amount_refunded": 0, "currency": "eur", "status": "succeeded", "refunded": False, "failure_code": None,
        "payment_method_details": {"type": "card"}, "created": START + number, **values,
    }  # fmt: skip


def user(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": number, "name": f"山田 {number}", "email": f"u{number}@example.jp", "phone": "+81 3-0000-0000", "role": "end-user", "external_id": None,
        "verified": True, "active": True, "suspended": False, "locale": "ja-JP", "time_zone": "Tokyo", "created_at": "2025-10-09T08:53:20Z",
        "updated_at": f"2025-10-09T09:{number // 60 % 60:02d}:{number % 60:02d}Z", "changed": START + number, **values,
    }  # fmt: skip


def ticket(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": number, "subject": "Where?", "description": "…", "status": "open", "priority": "normal", "type": "problem",
        "via": {"channel": "email"}, "requester_id": 1 + number % 50, "assignee_id": 9, "external_id": None, "tags": ["delivery"],
        "satisfaction_rating": {"score": "offered"}, "created_at": "2025-10-09T08:53:20Z", "updated_at": "2025-10-09T09:53:20Z",
        "generated_timestamp": START + number, **values,
    }  # fmt: skip
