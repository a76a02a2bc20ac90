"""One dbt invocation in this process: arguments, environment and log settings in one place, results as plain values.

dbt is imported on first use: that costs seconds, which Airflow's preloaded processes have paid already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from customer360.errors import UserError
from customer360.pipeline import dbt_manifest
from customer360.platform import home
from customer360.warehouse import connections

Progress = Callable[[str], None]

THREADS = 4
_LIVE_VARS = ("--vars", "{live: true}")
_ONE_OF_MANY = {
    "DBT_INDIRECT_SELECTION": "buildable",
    "DBT_WRITE_JSON": "false",
    "DBT_CACHE_SELECTED_ONLY": "true",
    "DBT_USE_FAST_TEST_EDGES": "true",
}
_PASSED = frozenset({"success", "pass"})
_BROKEN = frozenset({"error", "fail", "runtime error"})
# A database error quotes values ("invalid input …: "x""; the whole row under DETAIL): they stay in the database's own log.
_VALUE_LINES = re.compile(r"^\s*(DETAIL|CONTEXT|HINT|LINE \d+|\^)")
_QUOTED_VALUE = re.compile(r': "[^"]*"')


class DbtUnusable(UserError):
    """dbt could not start on the project: it does not parse, or the warehouse does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A model, seed, test or unit test that failed. `rows` counts a test's failing rows; no value of a row is kept."""

    kind: str
    node: str
    model: str | None
    rows: int | None
    reason: str

    def __str__(self) -> str:
        on = f" on {self.model}" if self.model and self.model != self.node else ""
        rows = f", {self.rows} rows" if self.rows is not None else ""
        return f"{self.kind} {self.node}{on}{rows}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out of one invocation. `timings` are (node, seconds), slowest first."""

    models: int
    tests: int
    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    passed_tests: tuple[str, ...]
    timings: tuple[tuple[str, float], ...]


def project() -> Path:
    """The dbt project's folder."""
    return home.repo() / "dbt_project"


def environment() -> dict[str, str]:
    """The variables that profiles.yml reads, from the warehouse connection; with the password. Raises ConnectionNotConfigured."""
    given = conninfo_to_dict(connections.uri("warehouse"))
    return {
        "C360_DBT_HOST": str(given.get("host") or "127.0.0.1"),
        "C360_DBT_PORT": str(given.get("port") or 5432),
        "C360_DBT_USER": str(given.get("user") or "postgres"),
        "C360_DBT_PASSWORD": str(given.get("password") or ""),
        "C360_DBT_DBNAME": str(given.get("dbname") or "customer360"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def run(
    command: str,
    *,
    select: Sequence[str] = (),
    live: bool = False,
    full_refresh: bool = False,
    one_of_many: bool = False,
    target_path: Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Runs dbt's `run`, `test` or `build` (without unit tests) on the selection, all when empty. Raises DbtUnusable when it cannot start.

    `one_of_many`: others build the rest of the project. A test of several models runs once all of them are up to date, not with the
    first; nobody reads the artifacts of one model's run.
    Live and full runs, which may be under way at once, keep target folders of their own: $C360_HOME/dbt/live, …/full.
    """
    folder = target_path or home.home() / "dbt" / ("live" if live else "full")
    arguments = [command, *_arguments(folder), "--threads", str(THREADS)]
    if command == "build":  # unit tests check code, not tonight's data: `test` with `test_type:unit` runs them
        arguments += ["--exclude-resource-type", "unit_test"]
    if live:
        # Nothing but the selected relations is asked about, and no artifact is written: both cost more than the models do.
        arguments += [*_LIVE_VARS, "--cache-selected-only", "--no-write-json"]
    if full_refresh:
        arguments.append("--full-refresh")
    if select:
        arguments += ["--select", *select]
    variables = environment()
    parsed = dbt_manifest.current(project(), variables["C360_DBT_DBNAME"], _parser(variables))
    options = _ONE_OF_MANY if one_of_many else {}
    return _result(_invoke(arguments, variables=variables | options, progress=progress, manifest=parsed))


def documentation() -> Path:
    """Writes dbt's documentation as one page, `$C360_HOME/dbt-docs/index.html`, from the catalogue; no row of data is in it."""
    work = dbt_manifest.folder()  # without compiling, dbt takes the manifest that is there
    manifest(target_path=work)
    _invoke(["docs", "generate", "--static", "--no-compile", *_arguments(work)], variables=environment())
    page = home.home() / "dbt-docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    home.write_page(page, (work / "static_index.html").read_bytes())
    return page


def manifest(*, target_path: Path | None = None) -> Path:
    """Parses the project where it has changed, which needs no database, and returns the path of its manifest.json."""
    try:
        variables = environment()
    except connections.ConnectionNotConfigured:
        variables = {}
    database = variables.get("C360_DBT_DBNAME") or os.environ.get("C360_DBT_DBNAME", "customer360")
    return dbt_manifest.made(target_path or project() / "target", project(), database, _parser(variables))


def _parser(variables: dict[str, str]) -> Callable[[Path], Any]:
    return lambda folder: _invoke(["parse", *_arguments(folder)], variables=variables)


def _arguments(folder: Path) -> list[str]:
    here = str(project())
    return [
        *("--project-dir", here, "--profiles-dir", here, "--target-path", str(folder), "--log-path", str(folder)),
        # Its log repeats database errors, values included; what a caller needs is in the result.
        *("--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"),
    ]


def _invoke(arguments: list[str], *, variables: dict[str, str], progress: Progress | None = None, manifest: Any = None) -> Any:
    from dbt.cli.main import dbtRunner

    callbacks = [_teller(progress)] if progress else []
    with _set(variables):
        outcome = dbtRunner(manifest=manifest, callbacks=callbacks).invoke(arguments)
    if outcome.exception is not None:
        raise DbtUnusable(f"dbt {arguments[0]} could not run: {_without_values(str(outcome.exception))}") from None
    return outcome.result


@contextmanager
def _set(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _teller(progress: Progress) -> Callable[[Any], None]:
    def tell(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            node = event.data.node_info
            progress(f"{node.node_name}: {node.node_status}, {event.data.execution_time:.1f} s")

    return tell


def _result(run_result: Any) -> Result:
    failures: list[Failure] = []
    warnings: list[Failure] = []
    passed: list[str] = []
    results = run_result.results
    for each in results:
        status = str(each.status)
        if status in _BROKEN:
            failures.append(_failure(each))
        elif status == "warn":
            warnings.append(_failure(each))
        elif status in _PASSED and _kind(each) == "test":
            passed.append(each.node.name)
    timings = sorted(((each.node.name, each.execution_time) for each in results), key=lambda pair: -pair[1])
    return Result(
        models=sum(_kind(each) == "model" and str(each.status) in _PASSED for each in results),
        tests=sum(_kind(each) == "test" and str(each.status) != "skipped" for each in results),
        failures=tuple(failures),
        warnings=tuple(warnings),
        passed_tests=tuple(passed),
        timings=tuple(timings),
    )


def _kind(result: Any) -> str:
    kind = str(result.node.resource_type)
    return "test" if kind == "unit_test" else kind


def _failure(result: Any) -> Failure:
    node = result.node
    kind = _kind(result)
    told = _without_values(result.message or "no message")
    description = str(getattr(node, "description", "") or "")
    return Failure(
        kind=kind,
        node=node.name,
        model=_model(node) if kind == "test" else node.name,
        rows=result.failures,
        # a failing unit test prints the rows it compared; they are the project's own, but the message is long
        reason=description or told.splitlines()[0] if kind == "test" else told,
    )


def _model(node: Any) -> str | None:
    attached = getattr(node, "attached_node", None) or getattr(node, "model", None)
    if not attached:
        parents = node.depends_on.nodes
        attached = parents[0] if parents else None
    return attached.rsplit(".", 1)[-1] if attached else None


def _without_values(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip() and not _VALUE_LINES.match(line)]
    return _QUOTED_VALUE.sub(': "…"', " ".join(lines))
