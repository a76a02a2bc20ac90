"""Mails, kept as files."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any


class Mailbox:
    """The mails received, one .eml file each; the file's name begins with the moment of receipt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, content: bytes) -> Path:
        """Keep a mail."""
        self._folder.mkdir(parents=True, exist_ok=True)
        received = datetime.now(UTC)
        number = 0
        while (path := self._folder / f"{received:%Y%m%dT%H%M%S%f}-{number}.eml").exists():
            number += 1
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
        return path

    def all(self) -> list[dict[str, Any]]:
        """Subject, sender, recipients and text of each mail, oldest first."""
        found = []
        for path in sorted(self._folder.glob("*.eml")) if self._folder.is_dir() else []:
            message: EmailMessage = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = message.get_body(("plain", "html"))
            received = datetime.strptime(path.name.split("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
            recipients = [address.strip() for address in str(message.get("X-Rcpt-To") or message["to"] or "").split(",")]
            found.append({
                "received_at": received.isoformat(timespec="milliseconds"), "file": path.name, "subject": str(message["subject"] or ""),
                "from": str(message["from"] or ""), "to": recipients, "text": body.get_content() if body else "",
            })  # fmt: skip
        return found

    def clear(self) -> None:
        """Throw all mails away."""
        for path in self._folder.glob("*.eml"):
            path.unlink()
