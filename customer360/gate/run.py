"""Evaluate a suite on one load with Great Expectations, each expectation once.

The batch is the load's own table. Great Expectations counts failures, most of them in one scan; only for the expectations that
failed are their rows listed, by the very condition the expectation counted with, and by row number alone: no value of a row
leaves the database.

Importing Great Expectations takes seconds, so it happens here and at the first load; its context and engine live as long as the process.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from customer360.errors import UserError
from customer360.gate.suites import Expectation, Suite
from customer360.gate.verdict import GateResult, Result

_HARMLESS = re.compile(r"(column|function|operator|relation|table) [^\n]{0,120} does not exist|syntax error at or near [^\n]{0,60}")
_SCHEMA = "landing"
_CONDITION = re.compile(
    r"\s*select\s+_row_number\s+from\s+\{batch\}\s+where\s+(?P<condition>(?:(?!\b(?:select|group|having|order|limit|offset|fetch|window|union|for)\b|[{};]|--|/\*).)+)",
    re.IGNORECASE | re.DOTALL,
)
"""A query that lists the rows of the batch that meet a condition, and nothing else."""
_ROWS_FOUND = "unexpected_rows_query.row_count"
_ROWS_MEETING_CONDITION = "c360.rows_meeting_condition"


class ExpectationFailed(UserError):
    """An expectation could not be evaluated: it is written wrongly, or does not suit the column's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is judged: the load's typed table, how many rows it has, and whether the object was never published before."""

    table: str
    rows: int
    is_first: bool
    personal: frozenset[str]  # columns whose observed values are never kept


def run_suite(address: str, suite: Suite, batch: Batch, *, allowed: int) -> GateResult:
    """Evaluate the suite. `address`: the warehouse's URI; `allowed`: how many rows may fail before the load is refused.

    Raises ExpectationFailed.
    """
    expectations = [e for e in suite.expectations if _applies(e, batch)]
    if not expectations or not batch.rows:
        return GateResult(results=(), failed={})
    source = _data_source(address)
    asset = source.add_table_asset(name=batch.table, table_name=batch.table, schema_name=_SCHEMA)
    try:
        evaluated = _evaluate(asset, suite, expectations, batch)
        gx_batch, outcomes = evaluated
        results = tuple(_result(e, outcomes[e.id], batch) for e in expectations)
        failing = [(e, outcomes[e.id]) for e, r in zip(expectations, results, strict=True) if _loses_rows(r)]
        most = max((r.failed_rows or 0 for r in results if _loses_rows(r)), default=0)
        if most > allowed:
            return GateResult(results=results, failed=None, fewest_failed=most)
        return GateResult(results=results, failed=_failed_rows(source, gx_batch, failing, batch))
    finally:
        source.delete_asset(batch.table)
        for engine in (source.get_engine(), source.get_execution_engine().engine):
            engine.dispose()  # two pools; an idle session would outlive the load


def _applies(e: Expectation, batch: Batch) -> bool:
    return batch.rows >= e.min_rows and (batch.is_first or not e.first_load_only)


def _loses_rows(result: Result) -> bool:
    return not result.success and result.severity == "critical" and result.level == "row"


_sources: dict[tuple[int, str], Any] = {}


def _data_source(address: str) -> Any:
    """One ephemeral context and data source per process and address: making them anew costs more than a small gate."""
    key = (os.getpid(), address)  # never across a fork: it holds connections
    if key not in _sources:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        from great_expectations.data_context.types.base import ProgressBarsConfig

        import great_expectations as gx

        _own_progress_lock()
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        # Nothing reads the settings of an ephemeral context, yet it writes them as YAML three times a load, a tenth of a small load's time.
        context._save_project_config = lambda: None
        _sources[key] = context.data_sources.add_postgres(
            name="warehouse",
            connection_string=_sqlalchemy_url(address),
            create_temp_table=False,
            kwargs={"connect_args": {"options": "-c role=c360_loader -c timezone=UTC -c work_mem=64MB", "connect_timeout": 10}},
        )
        _count_conditions_together(_sources[key].get_execution_engine())
    return _sources[key]


def _count_conditions_together(engine: Any) -> None:
    """Let what holds under a row condition be counted in the scan that counts for all rows, not in a scan for each condition."""
    import sqlalchemy as sa

    resolve = engine.resolve_metric_bundle

    def in_one_scan(metric: Any) -> Any:
        domain = dict(metric.compute_domain_kwargs or {})
        counted = metric.metric_fn
        if domain.get("row_condition") is not None:
            if not isinstance(counted, sa.sql.functions.FunctionElement):
                return metric
            counted = sa.funcfilter(counted, engine.get_domain_records(domain_kwargs=domain).whereclause)
        of_all = {name: value for name, value in domain.items() if name not in ("row_condition", "condition_parser")}
        return replace(metric, metric_fn=counted, compute_domain_kwargs=of_all)

    engine.resolve_metric_bundle = lambda metric_fn_bundle: resolve([in_one_scan(metric) for metric in metric_fn_bundle])


def _own_progress_lock() -> None:
    """A lock for Great Expectations' progress bars, which hidden ones take too, that no other process has.

    By default a process shares it with its forks: one killed while it held the lock would stop every later gate of the others for ever.
    The thread that watches the bars takes it too, and a fork made at that moment would find it taken: nothing here needs watching.
    """
    from tqdm.auto import tqdm

    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())


def _sqlalchemy_url(address: str) -> str:
    """The same address for SQLAlchemy with psycopg 3. `$` starts a substitution in Great Expectations' settings."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", address).replace("$", r"\$")


def _evaluate(asset: Any, suite: Suite, expectations: Sequence[Expectation], batch: Batch) -> tuple[Any, dict[str, Any]]:
    import great_expectations as gx

    gx_batch = asset.add_batch_definition_whole_table(batch.table).get_batch()

    def validate(wanted: Iterable[Expectation]) -> dict[str, Any]:
        made = [_implementation(e)(**e.kwargs, severity=e.severity, meta={"c360": e.id}) for e in wanted]
        report = gx_batch.validate(
            gx.ExpectationSuite(name=suite.name, expectations=made),
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0},  # counts, no values
        )
        return {outcome.expectation_config.meta["c360"]: outcome for outcome in report.results}

    outcomes = validate(expectations)
    broken = [e for e in expectations if _error(outcomes[e.id]) is not None]
    for e in broken:  # one that is broken breaks all that are counted in its scan: which is it?
        _raise_broken(suite, e, _error(validate([e])[e.id]))
    for e in broken:
        _raise_broken(suite, e, _error(outcomes[e.id]))
    return gx_batch, outcomes


def _implementation(e: Expectation) -> Any:
    """The class of an expectation. That of a query counts the rows it finds, and does not run once more to fetch some of them.

    A query that is a mere condition is counted in the scan that counts for the other expectations.
    """
    from great_expectations.expectations.registry import get_expectation_impl

    if e.type != "unexpected_rows_expectation":
        return get_expectation_impl(e.type)
    in_one_scan, by_itself = _counting_classes()
    return in_one_scan if _condition(e.kwargs["unexpected_rows_query"]) else by_itself


def _condition(query: str) -> str | None:
    """The condition of a query that is nothing but one, so that it can be counted among others; otherwise None."""
    found = _CONDITION.fullmatch(query)
    return found["condition"] if found else None


@cache
def _counting_classes() -> tuple[Any, Any]:
    import sqlalchemy as sa
    from great_expectations.core.metric_domain_types import MetricDomainTypes
    from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.core import UnexpectedRowsExpectation
    from great_expectations.expectations.metrics.metric_provider import metric_partial
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

    # Great Expectations is not followed by the type checker, so its classes are Any
    class RowsMeetingCondition(TableMetricProvider):  # type: ignore[misc]
        metric_name = _ROWS_MEETING_CONDITION
        value_keys = ("unexpected_rows_query",)

        @metric_partial(  # type: ignore[untyped-decorator]
            engine=SqlAlchemyExecutionEngine,
            partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
            domain_type=MetricDomainTypes.TABLE,
        )
        def _sqlalchemy(
            cls, execution_engine: Any, metric_domain_kwargs: Any, metric_value_kwargs: Any, metrics: Any, runtime_configuration: Any
        ) -> Any:
            condition = _condition(metric_value_kwargs["unexpected_rows_query"]) or "true"
            return sa.func.count().filter(sa.text(condition.replace(":", r"\:"))), metric_domain_kwargs, {}

    class UnexpectedRowsCounted(UnexpectedRowsExpectation):  # type: ignore[misc]
        metric_dependencies = (_ROWS_FOUND,)

        def _validate(self, metrics: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            counted = metrics[self.metric_dependencies[0]]
            return super()._validate({"unexpected_rows_query.table": [], **metrics, _ROWS_FOUND: counted}, *args, **kwargs)

    class ConditionCounted(UnexpectedRowsCounted):
        metric_dependencies = (_ROWS_MEETING_CONDITION,)

    return ConditionCounted, UnexpectedRowsCounted


def _error(outcome: Any) -> str | None:
    """What went wrong while an expectation was evaluated, if anything did."""
    information = outcome.exception_info or {}
    infos = [information] if "raised_exception" in information else information.values()
    return next((str(info.get("exception_message")) for info in infos if info.get("raised_exception")), None)


def _raise_broken(suite: Suite, e: Expectation, error: str | None) -> None:
    if error is not None:
        harmless = _HARMLESS.search(error)
        detail = f" ({harmless[0]})" if harmless else ""
        raise ExpectationFailed(f"suite {suite.name}: {e.id} could not be evaluated{detail}; mend it in the suite file")


def _result(e: Expectation, outcome: Any, batch: Batch) -> Result:
    found = outcome.result
    if e.type == "unexpected_rows_expectation":
        failed = int(found["observed_value"])
        observed, allowed, checked = f"{failed} of {batch.rows}", "0", batch.rows
    elif "unexpected_count" in found:
        failed, checked = int(found["unexpected_count"] or 0), int(found["element_count"] or 0)  # None: no row met its condition
        observed = f"{failed} of {checked}"
        allowed = "0" if "mostly" not in e.kwargs else f"at most {1 - e.kwargs['mostly']:.2%}"
    else:
        return Result(
            expectation=e.id,
            severity=e.severity,
            level=e.level,
            success=bool(outcome.success),
            reason=e.reason,
            observed=_observed(e, found.get("observed_value"), batch),
            allowed=_allowed(e),
        )
    return Result(
        expectation=e.id,
        severity=e.severity,
        level=e.level,
        success=bool(outcome.success),
        reason=e.reason,
        observed=observed,
        allowed=allowed,
        failed_rows=failed,
        checked_rows=checked,
    )


_COUNTING = ("proportion", "row_count", "unique_value_count")


def _observed(e: Expectation, value: Any, batch: Batch) -> str | None:
    """A count or share is told; a value only of a column that is not personal; a list never."""
    if value is None:
        return None
    is_count = any(word in e.type for word in _COUNTING)
    if isinstance(value, list | dict | set) or (not is_count and batch.personal.intersection(e.columns)):
        return "withheld"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _allowed(e: Expectation) -> str | None:
    low, high = e.kwargs.get("min_value"), e.kwargs.get("max_value")
    if low is None and high is None:
        return "one of the value set" if "value_set" in e.kwargs else None
    return " and ".join(
        part for part in (f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else "") if part
    )


def _failed_rows(
    source: Any, gx_batch: Any, failing: list[tuple[Expectation, Any]], batch: Batch
) -> Mapping[int, list[Mapping[str, str | None]]]:
    """Row numbers that fail, each with every expectation it fails."""
    failed: dict[int, list[Mapping[str, str | None]]] = {}
    if not failing:
        return failed
    with source.get_engine().connect() as connection:
        for e, outcome in failing:
            reason = {"expectation": e.id, "column": ", ".join(e.columns) or None, "reason": e.reason}
            for (number,) in connection.execute(_listing(e, outcome, gx_batch, batch)):
                failed.setdefault(int(number), []).append(reason)
    return failed


def _listing(e: Expectation, outcome: Any, gx_batch: Any, batch: Batch) -> Any:
    """A select of `_row_number` of the rows that fail this expectation."""
    import sqlalchemy as sa

    table = sa.table(batch.table, *(sa.column(name) for name in ("_row_number", *e.columns)), schema=_SCHEMA)
    number = table.c["_row_number"]
    if e.type == "unexpected_rows_expectation":
        where = f'"{_SCHEMA}"."{batch.table}" AS subselect'
        return sa.text(e.kwargs["unexpected_rows_query"].rstrip("; \n").format(batch=where).replace(":", r"\:"))
    if e.type in ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique"):
        # Great Expectations counts these over a window of its own
        columns = [table.c[name] for name in e.columns]
        doubled = (
            sa.select(number, sa.func.count().over(partition_by=columns).label("n"))
            .where(sa.or_(*(c.isnot(None) for c in columns)))
            .subquery()
        )
        return sa.select(doubled.c["_row_number"]).where(doubled.c.n > 1)
    from great_expectations.validator.metric_configuration import MetricConfiguration
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    engine = gx_batch.data.execution_engine
    expectation = outcome.expectation_config.to_domain_obj()
    counted = next(
        metric
        for metric in expectation.get_validation_dependencies(
            execution_engine=engine, runtime_configuration={"result_format": {"result_format": "BASIC", "partial_unexpected_count": 0}}
        ).metric_configurations.values()
        if metric.metric_name == f"{type(expectation).map_metric}.unexpected_count"
    )
    condition, domain, _ = MetricsCalculator(execution_engine=engine, show_progress_bars=False).get_metric(
        MetricConfiguration(
            f"{type(expectation).map_metric}.condition",
            metric_domain_kwargs={**counted.metric_domain_kwargs, "batch_id": gx_batch.id},
            metric_value_kwargs=counted.metric_value_kwargs,
        )
    )
    selectable = engine.get_domain_records(domain_kwargs=domain)
    rows = selectable.subquery("judged") if hasattr(selectable, "subquery") else selectable
    return sa.select(sa.literal_column("_row_number")).select_from(rows).where(condition)
