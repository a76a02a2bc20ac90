"""Faults of values, for APIs that send documents: fields that go, change their name or hold nonsense; rows that make no sense."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sandbox.faults.registry import ActiveFault

_NONSENSE = ("###", "NULL", "#REF!", "undefined")
_WRONG = {
    "email": "nobody at nowhere", "amount": -5, "amount_due": "a lot", "currency": "coins", "status": "floating", "created_at": "yesterday",
    "role": "friend", "requester_id": None, "customer": None, "quantity": "many", "kind": "vanished", "recorded_at": "soon",
    "rating": 11,
}  # fmt: skip


def spoiled(faults: Mapping[str, ActiveFault], name: str, document: dict[str, Any], number: int) -> dict[str, Any]:
    """The document of object `name`, the `number`th of its page, as the faults leave it. An event is spoiled in its object."""
    mine = [fault for fault in faults.values() if fault.options.get("object") == name]
    if not mine:
        return document
    made = copy.deepcopy(document)
    record = made["data"]["object"] if made.get("object") == "event" else made
    for fault in mine:
        field = str(fault.options.get("field"))
        if fault.fault == "malformed_rows" and number % max(1, int(fault.options["every"])) == 0:
            wrong = [key for key in _WRONG if key in record]
            if wrong:
                key = wrong[number // max(1, int(fault.options["every"])) % len(wrong)]
                record[key] = _WRONG[key]
        elif fault.fault == "missing_column":
            record.pop(field, None)
        elif fault.fault == "renamed_column" and field in record:
            record[str(fault.options.get("to") or f"{field}_new")] = record.pop(field)
        elif fault.fault == "garbage_column" and field in record:
            record[field] = _NONSENSE[number % len(_NONSENSE)]
    return made


def poisoned(faults: Mapping[str, ActiveFault], text: str, number: int) -> str:
    """The text of the `number`th message or delivery, cut off where the fault `poison` says so."""
    poison = faults.get("poison")
    return text[: len(text) * 6 // 10] if poison is not None and number % max(1, int(poison.options["every"])) == 0 else text
