"""The alert sinks over HTTP: the Slack endpoint, and what has arrived there and by mail."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from sandbox.sinks.mail import Mailbox
from sandbox.sinks.slack import SlackMessages, text_of


def router(messages: SlackMessages, mailbox: Mailbox) -> APIRouter:  # noqa: C901 - a list of routes, each simple
    """`POST /slack/services/…` takes messages; `/slack/messages`, `/mails` and the page `/alerts` show them."""
    routes = APIRouter()

    @routes.post("/slack/services/{webhook:path}")
    async def receive(webhook: str, request: Request) -> Response:
        content = (await request.body()).decode("utf-8", errors="replace")
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            content = parse_qs(content).get("payload", [""])[0]
        try:
            payload = json.loads(content)
        except ValueError:
            return PlainTextResponse("invalid_payload", 400)
        if not isinstance(payload, dict):
            return PlainTextResponse("invalid_payload", 400)
        if not text_of(payload):
            return PlainTextResponse("no_text", 400)
        messages.add(webhook, payload)
        return PlainTextResponse("ok")

    @routes.get("/slack/messages")
    def listing() -> list[dict[str, Any]]:
        return messages.all()

    @routes.delete("/slack/messages", status_code=204)
    def clear() -> None:
        messages.clear()

    @routes.get("/mails")
    def mails() -> list[dict[str, Any]]:
        return mailbox.all()

    @routes.delete("/mails", status_code=204)
    def clear_mails() -> None:
        mailbox.clear()

    @routes.get("/alerts", response_class=HTMLResponse)
    def page() -> str:
        return _page(messages, mailbox)

    return routes


_STYLE = (
    "body{font:15px/1.4 system-ui;max-width:60rem;margin:2rem auto}li{list-style:none;border-left:4px solid #c33;padding:.2rem 1rem;"
    "margin:1rem 0}pre{white-space:pre-wrap;font:inherit}time{color:#777}"
)


def _page(messages: SlackMessages, mailbox: Mailbox) -> str:
    """All alerts as HTML, newest first."""
    slack = [f"<time>{escape(m['received_at'])}</time><pre>{escape(text_of(m['payload']))}</pre>" for m in messages.all()]
    mail = [
        f"<time>{escape(m['received_at'])}</time> <b>{escape(m['subject'])}</b> to {escape(', '.join(m['to']))}"
        f"<pre>{escape(m['text'])}</pre>"
        for m in mailbox.all()
    ]
    lists = ["".join(f"<li>{entry}</li>" for entry in reversed(entries)) or "nothing yet" for entries in (slack, mail)]
    return (
        f"<!doctype html><meta charset=utf-8><title>Alerts</title><style>{_STYLE}</style>"
        f"<h1>Slack</h1><ul>{lists[0]}</ul><h1>Mail</h1><ul>{lists[1]}</ul>"
    )
