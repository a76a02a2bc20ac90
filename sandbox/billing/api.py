"""Billing over HTTP, in the shape of Stripe's API: lists with `starting_after`, events, a secret key. Only what an extraction meets."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from sandbox import documents
from sandbox.faults.requests import RequestFaults
from sandbox.faults.values import spoiled
from sandbox.live_world import LiveWorld

_LARGEST_PAGE = 100
_LISTS = {"customers": "billing.customers", "invoices": "billing.invoices", "charges": "billing.charges", "events": "billing.events"}


class BillingRefusal(Exception):
    """A request that is answered with an error, as Stripe words it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        kind = {401: "invalid_request_error", 429: "rate_limit_error"}.get(
            status, "api_error" if status >= 500 else "invalid_request_error"
        )
        body = {"error": {"type": kind, "code": code.lower(), "message": message, "doc_url": "https://billing.example/errors"}}
        self.response = Response(json.dumps(body), status, dict(headers or {}), "application/json")


def router(world: LiveWorld, *, api_key: str) -> APIRouter:
    """The routes, below /v1."""
    routes = APIRouter(prefix="/v1")
    requests = RequestFaults(world, "billing", BillingRefusal)

    @routes.get("/{name}")
    def listing(name: str, request: Request, authorization: Annotated[str | None, Header()] = None) -> Response:
        faults = requests.now()
        requests.meet(faults)
        _admit(authorization, api_key)
        if name not in _LISTS:
            raise BillingRefusal(404, "resource_missing", f"Unrecognized request URL (GET: /v1/{name}).")
        query = request.query_params
        clock = world.clock()  # read before the page: what changes between the two is told as an event after it
        page = _page(
            world,
            _LISTS[name],
            limit=_limit(query.get("limit", "10")),
            after=query.get("starting_after"),
            since=_whole("created[gte]", query.get("created[gte]", "0")),
            types=query.getlist("types[]"),
        )
        data = [spoiled(faults, _object_of(name, item), item, number) for number, item in enumerate(page["data"])]
        body = json.dumps({"object": "list", "url": f"/v1/{name}", **page, "data": data}, ensure_ascii=False)
        return _dated(requests.answer(body, faults), clock)

    return routes


def _dated(response: Response, clock: datetime | None) -> Response:
    """The answer with the moment at which it was given, by which a caller puts a list and the events in order."""
    if clock is not None:
        response.headers["Date"] = format_datetime(clock, usegmt=True)
    return response


def _admit(authorization: str | None, api_key: str) -> None:
    """The key as bearer, or as the user of basic authentication."""
    kind, _, given = (authorization or "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().partition(":")[0]
        except ValueError:
            given = ""
    if not secrets.compare_digest(given, api_key):
        raise BillingRefusal(401, "api_key_invalid", "Invalid API Key provided.")


def _page(world: LiveWorld, name: str, *, limit: int, after: str | None, since: int, types: list[str]) -> dict[str, Any]:
    """The newest first, as Stripe lists; the deleted are not among them."""
    before = None
    if after is not None:
        before = documents.row_number(world.connection(), name, after)
        if before is None:
            raise BillingRefusal(400, "resource_missing", f"No such object: '{after}'")
    found: list[dict[str, Any]] = []
    while len(found) <= limit:
        batch = list(documents.newest_first(world.connection(), name, before=before, limit=_LARGEST_PAGE + 1, since=since))
        found += [body for _, _, body in batch if not body.get("deleted") and (not types or body["type"] in types)]
        if len(batch) <= _LARGEST_PAGE:
            break
        before = batch[-1][0]
    return {"has_more": len(found) > limit, "data": found[:limit]}


def _object_of(name: str, item: dict[str, Any]) -> str:
    """The contract's object that an item of a list shows."""
    return name if name != "events" else f"{item['data']['object']['object']}s"


def _limit(text: str) -> int:
    limit = _whole("limit", text)
    if not 1 <= limit <= _LARGEST_PAGE:
        raise BillingRefusal(400, "parameter_invalid_integer", f"Invalid integer: {limit}")
    return limit


def _whole(name: str, text: str) -> int:
    if not text.isdecimal():
        raise BillingRefusal(400, "parameter_invalid_integer", f"Invalid integer for {name}")
    return int(text)
