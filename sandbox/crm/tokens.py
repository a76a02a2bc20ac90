"""OAuth 2 client credentials: access tokens that carry their own end, signed, so that they survive a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import Counter

ORGANISATION = "00D5g000004SANDBOX"
CLIENT_ID = "c360_platform"  # the one connected app
LIFETIME = 900  # seconds; Salesforce sessions live longer, a short life shows who renews


class Tokens:
    """Gives out and checks access tokens. `secret` signs them."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._issued = 0
        self._uses: Counter[str] = Counter()

    def issue(self, *, lifetime: int = LIFETIME, now: float | None = None) -> str:
        """A token that is good for `lifetime` seconds."""
        self._issued += 1
        ends = int((now if now is not None else time.time()) + lifetime)
        payload = f"{ends}.{self._issued}.{time.time_ns()}"
        return f"{ORGANISATION[:15]}!{base64.urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.{self._sign(payload)}"

    def is_valid(self, token: str, *, now: float | None = None) -> bool:
        """Whether we gave it out and it has not ended."""
        _, _, rest = token.partition("!")
        encoded, _, signature = rest.partition(".")
        try:
            payload = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            ends = int(payload.partition(".")[0])
        except ValueError:
            return False
        return hmac.compare_digest(signature, self._sign(payload)) and ends > (now if now is not None else time.time())

    def use(self, token: str) -> int:
        """Count one more use; how often the token was used before."""
        self._uses[token] += 1
        return self._uses[token] - 1

    def _sign(self, payload: str) -> str:
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()[:40]
