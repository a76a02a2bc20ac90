"""The sandbox's one long-lived process beside the shop's PostgreSQL: CRM, billing, support, alert sinks, health, over HTTP; the SMTP
sink; the SFTP server of the survey tool; the courier of the review portal's webhooks.

    python -m sandbox.server

Everything it needs comes from `$C360_HOME` and the platform's ports. It keeps no state of its own: kill it and start it again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from customer360.errors import UserError
from customer360.platform import home
from sandbox import moments
from sandbox.billing.api import BillingRefusal
from sandbox.billing.api import router as billing_router
from sandbox.crm.api import CrmService, Refusal
from sandbox.crm.api import router as crm_router
from sandbox.crm.tokens import CLIENT_ID
from sandbox.faults import registry
from sandbox.faults.requests import CutConnection
from sandbox.layout import Layout
from sandbox.live_world import LiveWorld
from sandbox.reviews.courier import Courier
from sandbox.shop import database
from sandbox.sinks.mail import Mailbox
from sandbox.sinks.routes import router as alert_router
from sandbox.sinks.slack import SlackMessages
from sandbox.sinks.smtp import controller
from sandbox.support.api import SupportRefusal
from sandbox.support.api import router as support_router
from sandbox.surveys import sftp


class Companion(Protocol):
    """What runs beside the HTTP application, in a thread of its own."""

    def start(self) -> None:
        """Begin; returns when it works."""

    def stop(self) -> None:
        """End, and return when it has."""


class _WithoutCuts(logging.Filter):
    """A connection cut on purpose is no error worth a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and record.exc_info[0] is not None and _is_cut(record.exc_info[1]))


def _is_cut(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_cut(inner) for inner in error.exceptions)
    return isinstance(error, CutConnection)


def application(
    layout: Layout,
    *,
    smtp_port: int | None = None,
    sftp_port: int | None = None,
    webhooks_url: str | None = None,
    page_size: int | None = None,
) -> FastAPI:
    """The HTTP application; the mail sink, the SFTP server and the courier live and end with it, where they are told their address."""
    world = LiveWorld(layout.world)
    mailbox = Mailbox(layout.mails)
    messages = SlackMessages(layout.slack)
    options: dict[str, Any] = {"page_size": page_size} if page_size else {}
    service = CrmService(world, client_id=CLIENT_ID, client_secret=home.secret("crm_client"), **options)

    companions: list[Companion] = []
    if smtp_port:
        companions.append(controller(mailbox, smtp_port))
    if sftp_port:
        key = sftp.host_key(layout.sftp_key)
        companions.append(sftp.SftpServer(layout.surveys, password=home.secret("surveys_sftp"), key=key, port=sftp_port))
    if webhooks_url:
        companions.append(Courier(world, url=f"{webhooks_url}/reviews/reviews", secret=home.secret("reviews_webhook")))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for companion in companions:
            companion.start()
        yield
        for companion in reversed(companions):
            companion.stop()

    app = FastAPI(title="Sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(crm_router(service))
    app.include_router(alert_router(messages, mailbox))
    app.include_router(billing_router(world, api_key=home.secret("billing_key")))
    app.include_router(support_router(world, token=home.secret("support_token")))

    @app.exception_handler(Refusal)
    @app.exception_handler(BillingRefusal)
    @app.exception_handler(SupportRefusal)
    async def refuse(_: Request, refusal: Refusal | BillingRefusal | SupportRefusal) -> Response:
        return refusal.response

    @app.exception_handler(UserError)
    async def unusable(_: Request, error: UserError) -> Response:
        return JSONResponse([{"message": str(error), "errorCode": "SERVER_UNAVAILABLE"}], 503)

    @app.get("/health")
    def health() -> dict[str, Any]:
        meta = world.world().read_meta()
        faults = [f"{system} {fault}" for system, fault in registry.active(world.world())]
        return {
            "status": "ok", "pid": os.getpid(), "home": str(layout.home), "customers": meta["customers"], "advances": meta["advances"],
            "now": moments.iso(meta["now"]), "faults": faults, "shop_running": database.server(layout).status().running,
        }  # fmt: skip

    return app


def main() -> None:
    """Serve until told to stop."""
    layout = Layout(home.home())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    for name in ("uvicorn.error", "uvicorn"):
        logging.getLogger(name).addFilter(_WithoutCuts())
    webhooks = f"http://127.0.0.1:{home.port('webhooks')}/webhooks"
    app = application(layout, smtp_port=home.port("smtp"), sftp_port=home.port("sftp"), webhooks_url=webhooks)
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 3}
    # The systems have a clock of their own: an answer dated by ours would be later than what they tell of next.
    uvicorn.run(app, host="127.0.0.1", port=home.port("sandbox"), date_header=False, **quiet)


if __name__ == "__main__":
    main()
