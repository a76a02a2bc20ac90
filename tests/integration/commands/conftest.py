"""Our command in this process: what it prints and how it ends, without half a second of start for each call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from customer360 import cli


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    def run(*arguments: str, expect: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["customer360", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        code = ended.value.code
        done = Done(code=code if isinstance(code, int) else 0, out=said.out, err=said.err)
        assert done.code == expect, f"{arguments} ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err
        return done

    return run
