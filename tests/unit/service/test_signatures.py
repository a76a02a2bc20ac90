"""Which deliveries are let in."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.service.signatures import Refused, Signature, check, sign

SECRET, OLD = "a-secret-of-some-length", "the-secret-before-it"
BODY = b'{"id": 1}'
NOW = 1_800_000_000
TIMESTAMPED = Signature(form="timestamped", header="Shop-Signature", tolerance=timedelta(minutes=5))
PLAIN = Signature(form="plain", header="X-Hub-Signature-256", tolerance=timedelta(minutes=5), prefix="sha256=")


def timestamped(*, secret: str = SECRET, moment: int = NOW, body: bytes = BODY) -> str:
    return f"t={moment},v1={sign(secret, f'{moment}.'.encode() + body).hex()}"


def test_both_forms_and_an_old_secret_are_accepted() -> None:
    for secret in (SECRET, OLD):
        check(TIMESTAMPED, {"shop-signature": timestamped(secret=secret)}, BODY, secrets=[SECRET, OLD], now=NOW + 299)
    several = timestamped(secret="somebody-else's") + "," + timestamped().split(",")[1]
    check(TIMESTAMPED, {"shop-signature": several}, BODY, secrets=[SECRET], now=NOW)
    check(PLAIN, {"x-hub-signature-256": f"sha256={sign(SECRET, BODY).hex()}"}, BODY, secrets=[SECRET], now=NOW)
    in_base64 = Signature(form="plain", header="X-S", tolerance=timedelta(minutes=5), encoding="base64", timestamp_header="X-T")
    signature = base64.b64encode(sign(SECRET, f"{NOW}.".encode() + BODY)).decode()
    check(in_base64, {"x-s": signature, "x-t": str(NOW)}, BODY, secrets=[SECRET], now=NOW)
    with pytest.raises(Refused, match="no timestamp"):
        check(in_base64, {"x-s": signature}, BODY, secrets=[SECRET], now=NOW)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "is missing"),
        ({"shop-signature": timestamped(secret="another-secret-than-ours")}, "not of any secret"),
        ({"shop-signature": timestamped(body=b"{}")}, "not of any secret"),
        ({"shop-signature": timestamped(moment=NOW - 301)}, "300 s from now"),
        ({"shop-signature": timestamped(moment=NOW + 301)}, "300 s from now"),
        ({"shop-signature": timestamped().replace("t=", "u=")}, "no timestamp"),
        ({"shop-signature": f"t={NOW}"}, "no v1"),
        ({"shop-signature": f"t={NOW},v1=zz"}, "no v1"),
        ({"shop-signature": f"t=1e9,{timestamped().split(',')[1]}"}, "no timestamp"),
    ],
)
def test_others_are_not(headers: dict[str, str], why: str) -> None:
    with pytest.raises(Refused, match=why):
        check(TIMESTAMPED, headers, BODY, secrets=[SECRET], now=NOW)


@given(header=st.text(max_size=200), body=st.binary(max_size=50))
def test_no_header_is_a_fault_of_ours(header: str, body: bytes) -> None:
    for signature in (TIMESTAMPED, PLAIN):
        with pytest.raises(Refused):
            check(signature, {signature.header.lower(): header}, body, secrets=[SECRET], now=NOW)
