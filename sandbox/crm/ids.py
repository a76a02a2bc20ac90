"""Salesforce record ids: 15 case-sensitive characters and 3 that make them safe for systems that ignore case."""

from __future__ import annotations

CONTACT, LEAD, ACCOUNT = "003", "00Q", "001"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def checked(short: str) -> str:
    """A fifteen-character id with its three check characters.

    Of every five characters the first is the lowest bit, and a set bit marks a capital letter
    (https://help.salesforce.com/s/articleView?id=000383751).
    """
    check = ""
    for at in range(0, 15, 5):
        bits = sum(1 << i for i, char in enumerate(short[at : at + 5]) if "A" <= char <= "Z")
        check += _BASE32[bits]
    return short + check


def record_id(prefix: str, number: int) -> str:
    """The eighteen-character id of the `number`-th record of an object: key prefix, instance, number, check characters."""
    digits = ""
    for _ in range(8):
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return checked(f"{prefix}5g00{digits}")
