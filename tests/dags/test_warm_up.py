"""What Airflow's forking processes have in memory, and that their forks can still work: a thread pool begun before a fork hangs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
# The scheduler's part in full, then what a task does: a fork that parses the whole project from nothing.
SCHEDULER = """
import json, os, runpy, signal, sys, tempfile
from pathlib import Path
sys.argv = ["airflow", "scheduler"]
runpy.run_path(os.environ["SETTINGS"])
child = os.fork()
if child == 0:
    signal.alarm(150)
    from customer360.pipeline import dbt_run
    made = dbt_run.manifest(target_path=Path(tempfile.mkdtemp(dir=os.environ["AIRFLOW_HOME"])))
    os._exit(0 if made.exists() else 1)
_, status = os.waitpid(child, 0)
print(json.dumps({"status": status, "modules": sorted(sys.modules)}))
"""

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_a_fork_of_the_scheduler_finds_the_heavy_libraries_and_can_parse_dbt(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCHEDULER],
        env={
            **os.environ, **environment, "PYTHONPATH": f"{REPO / 'plugins'}:{REPO}", "SETTINGS": str(REPO / "config" / "airflow_local_settings.py"),
            "C360_HOME": environment["AIRFLOW_HOME"],
        },
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "could not warm up" not in done.stderr, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == 0, "the fork hung or failed"
    for module in (
        "great_expectations",
        "dbt.cli.main",
        "splink",
        "customer360.pipeline.ingest",
        "customer360.pipeline.live",
        "cosmos.dbt.graph",
    ):
        assert module in found["modules"], module
