from __future__ import annotations

import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from customer360 import cli

COMMAND = Path(sys.executable).with_name("customer360")


def run(*arguments, **options):
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False, **options)


def test_help_is_quick_because_nothing_heavy_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from customer360 import cli; cli.build_app(None); print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "customer360.cli" in loaded
    assert not loaded & {"psycopg", "pydantic", "dbt", "great_expectations", "splink", "duckdb", "pandas", "airflow", "dlt"}


def test_help_takes_less_than_a_second():
    """Of processor time: how long it waits for a turn depends on what else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_every_area_that_exists_is_listed_with_its_line():
    done = run("--help")
    existing = [name for name, area in cli.AREAS.items() if find_spec(f"customer360.commands.{area.module}")]
    assert {"sql", "contracts", "migrate"} <= set(existing)
    for name in existing:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", [name for name, area in cli.AREAS.items() if find_spec(f"customer360.commands.{area.module}")])
def test_every_area_can_be_called(name):
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: customer360 {name}" in done.stdout


@pytest.mark.parametrize("arguments", [["lod"], ["sql", "--rol", "analyst"], ["contracts", "chek"]])
def test_a_wrong_call_says_so_and_ends_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_what_the_user_can_mend_comes_without_a_traceback(tmp_path):
    (tmp_path / "x.yaml").write_text("apiVersion: v3.1.0\n")
    done = run("contracts", "check", str(tmp_path / "x.yaml"))
    assert done.returncode == 2
    assert "id is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_server_that_is_away_comes_without_a_traceback(monkeypatch):
    monkeypatch.setenv("C360_CONN_WAREHOUSE", "postgresql://c360:hush@127.0.0.1:1/x")
    done = run("sql", "select 1")
    assert done.returncode == 2
    assert "Connection refused" in done.stderr
    assert "hush" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_keeps_its_traceback(monkeypatch):
    def defect(called):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build_app", defect)
    monkeypatch.setattr(sys, "argv", ["customer360", "x"])
    with pytest.raises(ZeroDivisionError):
        cli.main()
