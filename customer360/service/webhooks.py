"""Webhooks in: `POST /webhooks/<system>/<object>`, signed, answered with 2xx only once durable in landing.

Bodies and signatures are never logged. A delivery that was signed but holds no JSON is accepted and goes to quarantine: its
sender would only send it again, and again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from customer360.contracts.reader import load_contracts
from customer360.service import deliveries, signatures
from customer360.service.deliveries import Receiver

logger = logging.getLogger(__name__)


class TooLarge(Exception):
    """The body is larger than the contract lets it be."""


def application(*, now: Callable[[], float] = time.time) -> FastAPI:
    """The HTTP application for all webhooks that contracts declare. Raises UserError for those that cannot be served."""
    receivers = deliveries.receivers(load_contracts())
    target = deliveries.Landing(receivers)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(target.prepare)
        yield
        target.close()

    app = FastAPI(title="Customer 360 webhooks", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/webhooks/{system}/{name}")
    async def receive(system: str, name: str, request: Request) -> JSONResponse:
        receiver = receivers.get((system, name))
        if receiver is None:
            return _refuse(404, "no contract declares this webhook")
        try:
            body = await _body(request, most=receiver.webhook.max_bytes)
        except TooLarge:
            return _refuse(413, f"more than {receiver.webhook.max_bytes} bytes")
        headers = {key.lower(): value for key, value in request.headers.items()}
        try:
            signatures.check(receiver.signature, headers, body, secrets=receiver.secrets, now=now())
        except signatures.Refused as refused:
            return _refuse(401, str(refused))
        return await run_in_threadpool(_land, target, receiver, headers, body)

    return app


def _land(target: deliveries.Landing, receiver: Receiver, headers: dict[str, str], body: bytes) -> JSONResponse:
    parsed = deliveries.parse(body)
    try:
        name = receiver.delivery_id(headers, body, parsed)
    except signatures.Refused as refused:
        return _refuse(400, str(refused))
    try:
        state = target.land(receiver.obj, deliveries.parts(receiver.obj, parsed, body, name=name), name=name)
    except psycopg.OperationalError:
        logger.warning("a delivery for %s could not be landed: the warehouse cannot be reached", receiver.obj.full_name)
        return JSONResponse({"error": "not taken in now, send again"}, 503, headers={"Retry-After": "30"})
    return JSONResponse({"status": state})


async def _body(request: Request, *, most: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > most:
        raise TooLarge
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _refuse(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status)
