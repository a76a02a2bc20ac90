"""Messages for Slack, as its incoming webhooks take them (https://api.slack.com/messaging/webhooks), kept in a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class SlackMessages:
    """The messages received, one JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, webhook: str, payload: dict[str, Any]) -> None:
        """Keep a message."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        entry = {"received_at": datetime.now(UTC).isoformat(timespec="milliseconds"), "webhook": webhook, "payload": payload}
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def all(self) -> list[dict[str, Any]]:
        """Oldest first."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]

    def clear(self) -> None:
        """Throw all messages away."""
        self._path.unlink(missing_ok=True)


def text_of(payload: dict[str, Any]) -> str:
    """What a reader sees of a message: its text, and the texts in blocks and attachments."""
    found = [str(payload.get("text") or "")]

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("text"), str) and node["text"] not in found:
                found.append(node["text"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(payload.get("blocks"))
    walk(payload.get("attachments"))
    return "\n".join(text for text in found if text)
