"""The parsed project is taken again where it is still that of the files, and never where it is not. By dbt, on a project of one model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customer360.pipeline import dbt_manifest, dbt_run

pytestmark = pytest.mark.integration
MODEL = "model.small.one"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("{name: small, profile: customer360, flags: {send_anonymous_usage_stats: false}}")
    (folder / "profiles.yml").write_text((dbt_run.project() / "profiles.yml").read_text())
    (folder / "models" / "one.sql").write_text("select 1 as one")
    monkeypatch.setattr(dbt_run, "project", lambda: folder)
    monkeypatch.setattr(dbt_manifest, "_kept", None)
    monkeypatch.setenv("C360_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("C360_DBT_MANIFEST", raising=False)
    return folder


@pytest.fixture
def asked(project: Path) -> Callable[..., tuple[str, bool]]:
    """Asks for the manifest; the model's SQL in it, and whether dbt had to parse."""
    parses = []

    def parse(folder: Path) -> Any:
        parses.append(folder)
        return dbt_run._parser({"C360_DBT_DBNAME": "any"})(folder)

    def ask(database: str = "any") -> tuple[str, bool]:
        before = len(parses)
        manifest = dbt_manifest.current(project, database, parse)
        return manifest.nodes[MODEL].raw_code, len(parses) > before

    return ask


def in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it keeps in memory is not there."""
    monkeypatch.setattr(dbt_manifest, "_kept", None)


def test_a_manifest_is_parsed_once(asked: Callable[..., tuple[str, bool]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked() == ("select 1 as one", True)
    assert asked() == ("select 1 as one", False)
    in_another_process(monkeypatch)
    assert asked() == ("select 1 as one", False)
    in_another_process(monkeypatch)
    dbt_manifest.preload()
    assert dbt_manifest._kept is not None
    assert asked() == ("select 1 as one", False)


def test_an_edit_a_new_file_and_another_database_are_seen_at_once(project: Path, asked: Callable[..., tuple[str, bool]]) -> None:
    asked()
    (project / "models" / "one.sql").write_text("select 2 as one")
    assert asked() == ("select 2 as one", True)
    (project / "models" / "two.sql").write_text("select * from {{ ref('one') }}")
    assert asked() == ("select 2 as one", True)
    assert asked("other") == ("select 2 as one", True)


def test_what_was_read_before_the_fork_counts_only_while_the_files_are_the_same(
    project: Path, asked: Callable[..., tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    in_another_process(monkeypatch)
    dbt_manifest.preload()
    (project / "models" / "one.sql").write_text("select 3 as one")
    assert asked() == ("select 3 as one", True)


def test_a_cache_that_dbt_has_written_for_others_is_not_trusted(
    asked: Callable[..., tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    in_another_process(monkeypatch)
    cache = dbt_manifest.folder() / "partial_parse.msgpack"
    cache.write_bytes(cache.read_bytes())
    dbt_manifest.preload()
    assert dbt_manifest._kept is None
    assert asked() == ("select 1 as one", True)


def test_without_a_parsed_project_there_is_nothing_to_preload(asked: Callable[..., tuple[str, bool]]) -> None:
    dbt_manifest.preload()
    assert dbt_manifest._kept is None
