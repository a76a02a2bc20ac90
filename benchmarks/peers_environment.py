"""Environments of the peers, beside ours and never in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def peers_python(name: str, requirements: str) -> Path:
    """The interpreter of environment `name` below the platform's home, made when it is not there or its list has changed."""
    from customer360.platform import home

    folder, wanted = home.home() / name, (HERE / requirements).read_text(encoding="utf-8")
    made_from = folder / "made-from.txt"
    python = folder / "bin" / "python"
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"making the peers' environment {folder}\n")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(HERE / requirements)], check=True)
        made_from.write_text(wanted, encoding="utf-8")
    return python
