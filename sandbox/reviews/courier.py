"""Sends what the outbox holds, in order, again and again until it is taken: a thread of the sandbox's server.

It signs with its own code, as a portal would, and not with the platform's: both would have to be wrong in the same way to agree.

A delivery is taken once it is answered with 2xx. A courier that is killed in between sends it twice, under the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import sqlite3
import threading
import time

import httpx

from customer360.errors import UserError
from sandbox.live_world import LiveWorld
from sandbox.reviews import outbox

ID_HEADER, SIGNATURE_HEADER = "Reviews-Delivery", "Reviews-Signature"
_AT_A_TIME = 50
_PAUSE, _LONGEST_PAUSE = 0.3, 5.0

logger = logging.getLogger(__name__)


def signature(secret: str, body: bytes, *, now: int) -> str:
    """The signature header: `t=<Unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>">`."""
    return f"t={now},v1={hmac.new(secret.encode(), f'{now}.'.encode() + body, hashlib.sha256).hexdigest()}"


class Courier:
    """Sends to `url`. `start` and `stop` its thread, or call `deliver` from one's own."""

    def __init__(self, world: LiveWorld, *, url: str, secret: str) -> None:
        self._world = world
        self._url = url
        self._secret = secret
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request that is under way."""
        self._stopping.set()
        self._thread.join(10)

    def deliver(self, client: httpx.Client) -> bool:
        """Send what waits. False as soon as something is not taken, and nothing after it is sent then."""
        connection = self._world.connection()
        faults = self._world.faults("reviews")
        secret = "not the secret that was agreed on" if "wrong_signature" in faults else self._secret
        while rows := outbox.waiting(connection, limit=_AT_A_TIME):
            for number, id_, text in rows:
                if self._stopping.is_set():
                    return True
                for _ in range(2 if "duplicates" in faults else 1):
                    body = text.encode()
                    headers = {ID_HEADER: id_, SIGNATURE_HEADER: signature(secret, body, now=int(time.time()))}
                    answer = client.post(self._url, content=body, headers=headers)
                    if not answer.is_success:
                        logger.warning("reviews: a delivery was answered with %s; it will be sent again", answer.status_code)
                        return False
                outbox.taken(connection, number)
        return True

    def _run(self) -> None:
        pause = _PAUSE
        with httpx.Client(trust_env=False, timeout=20, headers={"Content-Type": "application/json"}) as client:
            while not self._stopping.wait(pause):
                try:
                    is_well = self.deliver(client)
                except (
                    httpx.HTTPError,
                    sqlite3.OperationalError,
                    UserError,
                ):  # nobody listens yet; the world is busy, or made anew
                    is_well = False
                pause = _PAUSE if is_well else min(_LONGEST_PAUSE, pause * 1.5)
