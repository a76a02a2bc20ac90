"""What is killed with kill -9 runs in a process of its own: forked, so that it need not import everything again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any


def forked(action: Callable[[], Any], environment: Mapping[str, str] | None = None, *, kill_after: float | None = None) -> int:
    """Run `action`, killed after so many seconds; the exit code, negative for the signal that ended it, 70 for an exception."""

    def child() -> None:
        os.environ.update(environment or {})
        try:
            action()
        except BaseException:
            os._exit(70)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    if kill_after is not None:
        time.sleep(kill_after)
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
    assert code is not None, "the process hangs"
    return code
