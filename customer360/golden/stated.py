"""Values that a person states by hand (a pin, a report): they must be usable as they stand."""

from __future__ import annotations

from customer360.errors import UserError
from customer360.identity.standardise import Standardised, standardise


class ValueUnusable(UserError):
    """The value has no valid form, or says too little. The message holds no value."""


def standard_form(attribute: str, raw: str) -> Standardised:
    """The standard form of what somebody states of `attribute` (a semantic type); its `value` is never None.

    Raises ValueUnusable for a value without a valid form, a placeholder, a birth date that is not whole, and a phone number without
    its country: nobody is there to ask which country the person who stated it had in mind.
    """
    standard = standardise(attribute, raw)
    if standard.value is None or "placeholder" in standard.flags:
        raise ValueUnusable(f"that is no {attribute} in a valid form")
    if attribute == "birth_date" and "partial" in standard.flags:
        raise ValueUnusable("a birth date is stated whole: write YYYY-MM-DD")
    if "no_country" in standard.flags:
        raise ValueUnusable("write the phone number with its country code, such as +49 …")
    return standard
