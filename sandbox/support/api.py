"""Support over HTTP, in the shape of Zendesk's incremental exports: everything that changed since a moment, by cursor."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from sandbox import documents
from sandbox.faults.requests import RequestFaults
from sandbox.faults.values import spoiled
from sandbox.live_world import LiveWorld

USER = "sync@help.example/token"
_LARGEST_PAGE = 1000
_TOO_RECENT = 60  # seconds


class SupportRefusal(Exception):
    """A request that is answered with an error, as Zendesk words it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = Response(json.dumps({"error": code, "description": message}), status, dict(headers or {}), "application/json")


def router(world: LiveWorld, *, token: str) -> APIRouter:
    """The routes, below /api/v2."""
    routes = APIRouter(prefix="/api/v2/incremental")
    requests = RequestFaults(world, "support", SupportRefusal)

    @routes.get("/{name}/cursor.json")
    def export(name: str, request: Request, authorization: Annotated[str | None, Header()] = None) -> Response:
        faults = requests.now()
        requests.meet(faults)
        _admit(authorization, token)
        if name not in ("users", "tickets"):
            raise SupportRefusal(404, "InvalidEndpoint", "Not found")
        query = request.query_params
        size = min(max(int(query.get("per_page", "1000")), 1), _LARGEST_PAGE)
        cursor = query.get("cursor")
        if cursor and (expired := faults.get("expired_cursors")) and requests.share_reached("expired", 1 / int(expired.options["every"])):
            raise SupportRefusal(400, "InvalidCursor", "The cursor has expired; start again with start_time")
        after = _place(cursor) if cursor else (_start(query.get("start_time", "")), -1)
        found = documents.changed_since(world.connection(), f"support.{name}", after=after, limit=size + 1)
        page, is_last = found[:size], len(found) <= size
        place = _cursor(page[-1][:2] if page else after)
        body = {
            name: [spoiled(faults, name, item, number) for number, (_, _, item) in enumerate(page)],
            "after_cursor": place,
            "after_url": f"{request.base_url}api/v2/incremental/{name}/cursor.json?cursor={place}&per_page={size}",
            "before_cursor": None,
            "end_of_stream": is_last,
        }
        return requests.answer(json.dumps(body, ensure_ascii=False), faults)

    return routes


def _admit(authorization: str | None, token: str) -> None:
    kind, _, given = (authorization or "").partition(" ")
    try:
        user, _, password = base64.b64decode(given).decode().partition(":")
    except ValueError:
        user, password = "", ""
    if kind.lower() != "basic" or user != USER or not secrets.compare_digest(password, token):
        raise SupportRefusal(401, "Couldn't authenticate you", "Couldn't authenticate you")


def _start(text: str) -> int:
    if not text.isdecimal():
        raise SupportRefusal(400, "InvalidValue", "start_time must be a Unix time")
    if int(text) > time.time() - _TOO_RECENT:
        raise SupportRefusal(422, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds")
    return int(text)


def _cursor(place: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode(f"{place[0]}.{place[1]}".encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, int]:
    try:
        changed, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(".")
        return int(changed), int(number)
    except ValueError:
        raise SupportRefusal(400, "InvalidCursor", "The cursor is invalid") from None
