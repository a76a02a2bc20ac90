"""Faults that meet a request before it is looked at: what every API can do to its callers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import Response, StreamingResponse

from sandbox.faults.registry import ActiveFault
from sandbox.live_world import LiveWorld


class CutConnection(Exception):
    """Raised inside a response body: the server drops the connection."""


class RequestFaults:
    """The request faults of one system. `refusal(status, code, message, headers)` is the system's way to say no."""

    def __init__(self, world: LiveWorld, system: str, refusal: Callable[[int, str, str, Mapping[str, str]], Exception]) -> None:
        self._world = world
        self._system = system
        self._refusal = refusal
        self._counters: dict[str, int] = {}

    def now(self) -> dict[str, ActiveFault]:
        """The system's faults that are on, by name."""
        return self._world.faults(self._system)

    def share_reached(self, name: str, rate: float) -> bool:
        """True for that share of calls, evenly spread: at 0.5 every second one."""
        count = self._counters.get(name, 0)
        self._counters[name] = count + 1
        return int((count + 1) * rate) > int(count * rate)

    def meet(self, faults: Mapping[str, ActiveFault]) -> None:
        """Wait, or raise the system's refusal."""
        if slow := faults.get("slow"):
            time.sleep(int(slow.options["milliseconds"]) / 1000)
        if (down := faults.get("server_error")) and self.share_reached("server_error", float(down.options["rate"])):
            raise self._refusal(int(down.options["status"]), "SERVER_UNAVAILABLE", "The service is temporarily unavailable", {})
        if (limit := faults.get("rate_limit")) and self.share_reached("rate_limit", 1 / max(1, int(limit.options["every"]))):
            again = {"Retry-After": str(limit.options["retry_after"])}
            raise self._refusal(429, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", again)

    def answer(self, text: str, faults: Mapping[str, ActiveFault], *, media_type: str = "application/json;charset=UTF-8") -> Response:
        """An answer, or half of one."""
        cut = faults.get("cut_connection")
        if cut and self.share_reached("cut_connection", float(cut.options["rate"])):
            return StreamingResponse(_half(text), media_type=media_type)
        return Response(text, media_type=media_type)


def _half(text: str) -> Iterator[bytes]:
    content = text.encode()
    yield content[: max(1, len(content) // 2)]
    raise CutConnection
