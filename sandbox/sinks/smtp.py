"""A mail server that accepts everything, delivers nothing, and keeps each mail as a file."""

from __future__ import annotations

from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.sinks.mail import Mailbox


class _Keeper:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipients = f"X-Rcpt-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        self._mailbox.add(recipients + cast(bytes, envelope.original_content or envelope.content))
        return "250 Message accepted for delivery"


def controller(mailbox: Mailbox, port: int) -> Controller:
    """The server, not yet started; it listens on 127.0.0.1 in a thread of its own."""
    return Controller(_Keeper(mailbox), hostname="127.0.0.1", port=port, server_hostname="sandbox")
