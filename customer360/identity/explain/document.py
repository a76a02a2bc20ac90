"""An explanation as plain JSON types. Its keys are a stable interface, told in docs/identity.md: new ones may come, none goes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from customer360.identity.explain.explanation import CustomerExplanation, Explanation

FORMAT = "customer360.explanation/1"


def document(found: Explanation) -> dict[str, Any]:
    """Dictionaries, lists, strings and numbers alone; times in ISO 8601 with their zone, ids as text."""
    about = "customer" if isinstance(found, CustomerExplanation) else "pair"
    plain: dict[str, Any] = _plain(asdict(found))
    return {"format": FORMAT, "about": about, **plain}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
