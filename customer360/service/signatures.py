"""Is a delivery from whom it says, and from now? HMAC-SHA256 over the body, in the two forms that senders use. Pure.

timestamped  one header `t=<Unix seconds>,v1=<hex>[,v1=…]`, as Stripe sends it; signed is `<t>.<body>`
plain        a header with the signature, hexadecimal or Base64, after an optional prefix such as `sha256=`, as GitHub and
             Shopify send it; signed is the body, or `<timestamp>.<body>` where another header carries a timestamp
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


class Refused(Exception):
    """The delivery is not accepted. The message is the sender's to see and holds nothing of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a sender signs, as its contract declares it."""

    form: Literal["timestamped", "plain"]
    header: str
    tolerance: timedelta
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    timestamp_header: str | None = None


def check(signature: Signature, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: float) -> None:
    """Raises Refused unless one of `secrets` signed this body, no longer ago than the tolerance.

    `headers` have names in small letters; `now` is Unix time.
    """
    given = headers.get(signature.header.lower())
    if not given:
        raise Refused(f"the header {signature.header} is missing")
    if signature.form == "timestamped":
        moment, claimed = _timestamped(given)
    else:
        moment = headers.get(signature.timestamp_header.lower()) if signature.timestamp_header else None
        claimed = [_decoded(given, signature)]
    if moment is not None or signature.form == "timestamped" or signature.timestamp_header:
        _check_time(moment, signature, now)
        body = f"{moment}.".encode() + body
    # All secrets against all signatures, without leaving early: how long it takes says nothing of where they differ.
    matches = [hmac.compare_digest(sign(secret, body), each) for secret in secrets for each in claimed]
    if not any(matches):
        raise Refused("the signature is not of any secret known here")


def sign(secret: str, signed: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def _timestamped(given: str) -> tuple[str | None, list[bytes]]:
    moment = None
    claimed = []
    for part in given.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            moment = value
        elif name == "v1":
            with_bytes = _hex(value)
            if with_bytes is not None:
                claimed.append(with_bytes)
    if not claimed:
        raise Refused("the signature header holds no v1=<hex>")
    return moment, claimed


def _decoded(given: str, signature: Signature) -> bytes:
    if not given.startswith(signature.prefix):
        raise Refused(f"the signature does not begin with {signature.prefix}")
    text = given[len(signature.prefix) :].strip()
    if signature.encoding == "hex":
        found = _hex(text)
    else:
        try:
            found = base64.b64decode(text, validate=True)
        except binascii.Error:
            found = None
    if found is None:
        raise Refused(f"the signature is not written in {signature.encoding}")
    return found


def _hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _check_time(moment: str | None, signature: Signature, now: float) -> None:
    if moment is None or not (moment.isascii() and moment.isdecimal() and len(moment) <= 12):
        raise Refused("the delivery carries no timestamp in Unix seconds")
    if abs(now - int(moment)) > signature.tolerance.total_seconds():
        raise Refused(f"the timestamp is more than {signature.tolerance.total_seconds():.0f} s from now")
