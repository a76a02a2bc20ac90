"""Email addresses and phone numbers."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping, words

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
_DIGITS = re.compile(r"\d+")


def email(value: str) -> Standardised:
    """Canonical mailbox: lower case, no plus-tag, the provider's own rules (`data/mail_providers.csv`: dots without meaning, twin domains).

    Parts: `local`, `domain`. Flags: `role_mailbox` (info@), `disposable`, `free_provider`.
    """
    address = unicodedata.normalize("NFKC", value).strip().lower()
    address = address.removeprefix("mailto:").strip("<>.,; ")
    if not _EMAIL.match(address):
        return NOTHING
    local, _, domain = address.partition("@")
    domain = domain.strip(".")
    domain = mapping("mail_domains").get(domain, domain)
    untagged = local.split("+", 1)[0]
    if domain in words("dotless_mail_domains"):
        untagged = untagged.replace(".", "")
    local = untagged or local
    if not domain:
        return NOTHING
    flags = {
        flag
        for flag, is_set in (
            ("role_mailbox", local in words("role_mailboxes")),
            ("disposable", domain in words("disposable_mail_domains")),
            ("free_provider", domain in words("free_mail_domains")),
        )
        if is_set
    }
    return Standardised(f"{local}@{domain}", {"local": local, "domain": domain}, frozenset(flags))


def phone(value: str, region: str | None = None) -> Standardised:
    """E.164 where the country is known (a leading + or 00, or `region`), else the bare national digits, flagged `no_country`.

    Fewer than six digits, more than fifteen, or one digit repeated: no number. `invalid`: a country's plan knows no such number
    (kept, because a typing error is still evidence). Parts: `tail`, the last nine digits, the same in both forms.
    """
    plain = unicodedata.normalize("NFKC", value).strip()
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    digits = "".join(_DIGITS.findall(plain))
    if not 6 <= len(digits) <= 15 or len(set(digits)) == 1:
        return NOTHING
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        flags = frozenset() if phonenumbers.is_valid_number(number) else frozenset({"invalid"})
        return Standardised(e164, {"tail": e164[-9:].lstrip("+")}, flags)
    national = digits.lstrip("0")
    if len(national) < 6:
        return NOTHING
    return Standardised(national, {"tail": national[-9:]}, frozenset({"no_country"}))


def of_standard_phone(value: str) -> Standardised:
    """Value and parts of a number that `phone` gave, without parsing it again: most of what reading a million records twice would cost."""
    return Standardised(value, {"tail": value[-9:].lstrip("+")})
