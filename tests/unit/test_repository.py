"""Rules about the repository itself that no linter knows."""

from __future__ import annotations

import re
import subprocess

import pytest

from customer360.platform import home

REPO = home.repo()


@pytest.fixture(scope="module")
def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    files = [REPO / name for name in done.stdout.splitlines() if (REPO / name).is_file()]
    assert len(files) > 100
    return files


def test_great_expectations_holds_data_only():
    """With an __init__.py the folder would hide the library of that name."""
    folder = REPO / "great_expectations"
    assert list(folder.rglob("*.json"))
    assert list(folder.rglob("*.py")) == []


def test_nothing_of_the_machine_it_was_written_on_is_committed(tracked):
    forbidden = re.compile(r"/root/|/work/|/home/[a-z]+/|--(?:extra-)?index-url|--find-links")
    here = __file__
    found = {}
    for path in tracked:
        if str(path) == here or path.suffix in (".gz", ".parquet", ".png", ".svg"):
            continue
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if forbidden.search(line)]
        if lines:
            found[str(path.relative_to(REPO))] = lines[:3]
    assert found == {}


def targets():
    """Makefile targets with their recipe lines."""
    found, current = {}, None
    for line in (REPO / "Makefile").read_text().splitlines():
        if line.startswith("\t"):
            found[current].append(line)
        elif match := re.match(r"([A-Za-z$().-][^:=]*):(?!=)", line):
            current = match[1]
            found[current] = []
    return found


def test_a_make_target_has_three_lines_at_most():
    assert len(targets()) > 15
    assert {name: len(lines) for name, lines in targets().items() if len(lines) > 3} == {}


def test_make_help_lists_every_target():
    done = subprocess.run(["make", "help"], cwd=REPO, capture_output=True, text=True, check=True)
    names = {name for name in targets() if not name.startswith((".", "$"))}
    assert names == {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}


def test_commits_are_checked_by_the_linters_of_make_lint():
    hooks = (REPO / ".pre-commit-config.yaml").read_text()
    makefile = (REPO / "Makefile").read_text()
    for tool in ("ruff check", "ruff format", "mypy", "lint-imports", "yamllint", "sqlfluff"):
        assert f"$(BIN)/{tool}" in makefile
        assert f".venv/bin/{tool}" in hooks


def packages(name):
    lines = (REPO / name).read_text().splitlines()
    return {re.split(r"[\[=<>~! ;]", line)[0].lower().replace("_", "-") for line in lines if line and line[0].isalnum()}


def test_the_lock_holds_what_is_asked_for_and_pins_it():
    asked, locked = packages("requirements.in"), packages("requirements.txt")
    assert len(asked) > 30
    assert asked <= locked
    loose = [line for line in (REPO / "requirements.txt").read_text().splitlines() if line and line[0].isalnum() and "==" not in line]
    assert loose == []


def test_every_dependency_says_why_it_is_there():
    text = (REPO / "docs" / "dependencies.md").read_text().lower()
    assert {name for name in packages("requirements.in") if name not in text} == set()


def test_no_module_is_longer_than_one_thing_needs():
    long = {}
    for folder in ("customer360", "plugins", "dags", "sandbox"):
        for path in (REPO / folder).rglob("*.py"):
            lines = len(path.read_text().splitlines())
            if lines >= 400:
                long[str(path.relative_to(REPO))] = lines
    assert long == {}


def test_no_folder_is_a_bucket():
    names = {
        path.stem for folder in ("customer360", "plugins", "sandbox") for path in (REPO / folder).rglob("*") if path.suffix in ("", ".py")
    }
    assert not names & {"utils", "util", "common", "misc", "helpers", "helper", "base"}


def test_every_test_that_the_page_of_faults_names_is_there():
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (REPO / "docs" / "faults.md").read_text(encoding="utf-8"))
    assert len(named) > 60
    missing = [f"{file}::{test}" for file, test in named if f"def {test}(" not in (REPO / "tests" / file).read_text(encoding="utf-8")]
    assert missing == []
