"""The one type every standardiser returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_PARTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Standardised:
    """A value in its standard form.

    `value` is None where the raw value has no valid form (an impossible date, a phone that cannot exist).
    `parts` are pieces other code compares on their own (`first_name` and `last_name` of a full name, `domain` of an email).
    `flags` say what to be careful about: `role_mailbox`, `disposable`, `swapped_day_month`, `partial`, `placeholder`, `initial`.
    """

    value: str | None
    parts: Mapping[str, str] = field(default_factory=lambda: _NO_PARTS)
    flags: frozenset[str] = frozenset()


NOTHING = Standardised(None)
