"""Judge a load, which only reads; then write down what follows: results, quarantine or refusal, incidents, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from customer360.contracts.model import SourceContract, SourceObject
from customer360.gate import references, run, suites, verdict
from customer360.load import landing, ledger, quarantine, relations, stream, undeclared
from customer360.load.diff import Remaining
from customer360.load.killpoints import reach
from customer360.observe import incidents
from customer360.pipeline import gate_history
from customer360.warehouse import connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate found in a load. `failed_rows` of `judged_rows` fail; `failed`: their numbers in the load's table, with reasons."""

    results: list[verdict.Result] = field(default_factory=list)
    refusal: verdict.Refusal | None = None
    failed: Mapping[int, Sequence[Mapping[str, str | None]]] = field(default_factory=dict)
    failed_rows: int = 0
    judged_rows: int = 0
    compared: gate_history.Compared | None = None
    undeclared: dict[str, list[str]] = field(default_factory=dict)
    is_empty: bool = False  # there was nothing to judge

    @property
    def lets_all_pass(self) -> bool:
        """Whether the load is published as it is, with no row turned away."""
        return self.refusal is None and not self.failed_rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """Expectations that were missed without consequence."""
        return tuple(r.expectation for r in self.results if not r.success and r.severity == "warning")


class Gate:
    """The gate of one object. Raises SuiteError when its suite cannot be used."""

    def __init__(self, connection: relations.Warehouse, contract: SourceContract, obj: SourceObject) -> None:
        self._connection = connection
        self._contract = contract
        self._object = obj
        self._suite = suites.load_suite(obj)

    def judge(self, load: ledger.Load, remaining: Remaining, *, session: relations.Warehouse | None = None) -> Verdict:
        """Evaluate the suite on what the load has left. Nothing is written. `session`: where to read, if not in the gate's own."""
        session = session or self._connection
        judged_rows = remaining.rows + remaining.bad
        missing = verdict.missing_fields(load.work.get("missing", []))
        if not (judged_rows or remaining.gone or missing):
            return Verdict(is_empty=True)
        gate = self._evaluate(load, remaining)
        compared = gate_history.compare(session, self._object, load, remaining, self._suite.history)
        found = undeclared.find(session, load) if remaining.rows else {}
        beyond = [
            *(compared.results if compared else ()),
            *self._references(session, load, remaining),
            *self._undeclared(session, load, found),
        ]
        results = [*missing, *self._gone(session, remaining), *self._types(session, load, remaining), *gate.results, *beyond]
        failed = gate.failed_rows + remaining.bad
        refusal = verdict.judge(
            self._suite, verdict.GateResult(results=tuple(results), failed=gate.failed), failed=failed, judged=judged_rows
        )
        reach("gated_result")
        return Verdict(
            results=results,
            refusal=refusal,
            failed=gate.failed or {},
            failed_rows=failed,
            judged_rows=judged_rows,
            compared=compared,
            undeclared=found,
        )

    def settle(self, load: ledger.Load, found: Verdict, *, dry_run: bool = False) -> ledger.Load:
        """Write down what follows from a verdict: the load is `gated`, or `rejected` or `held`; after a dry run it is abandoned.

        A load that somebody accepted is published though it is refused. Rows that fail go to quarantine all the same.
        """
        if found.undeclared:
            with self._connection.transaction():  # apart from the load: what a refused one held is to be proposed as well
                undeclared.note(self._connection, self._object, load, found.undeclared)
        if dry_run:
            return self._check(load, found.refusal)
        if found.is_empty:
            return load  # it closes without a gate
        if found.refusal is not None and not load.work.get("accepted"):
            return self._refuse(load, found, found.refusal)
        return self._pass(load, found)

    def _evaluate(self, load: ledger.Load, remaining: Remaining) -> verdict.GateResult:
        if not remaining.rows:
            return verdict.GateResult(results=(), failed={})
        batch = run.Batch(
            table=relations.WorkTables(load.load_id).rows_name,
            rows=remaining.rows,
            is_first=bool(load.work.get("is_first")) and load.kind != "backfill",  # a window says nothing of the whole
            personal=frozenset(f.name for f in self._object.fields if f.is_personal),
        )
        most = self._suite.failed_rows_allowed(remaining.rows + remaining.bad) - remaining.bad
        allowed = remaining.rows if load.work.get("accepted") else most
        return run.run_suite(connections.uri("warehouse"), self._suite, batch, allowed=max(allowed, 0))

    def _references(self, session: relations.Warehouse, load: ledger.Load, remaining: Remaining) -> list[verdict.Result]:
        if not remaining.rows:
            return []
        return references.check(session, self._object, relations.WorkTables(load.load_id).rows, self._suite.references)

    def _undeclared(self, session: relations.Warehouse, load: ledger.Load, found: dict[str, list[str]]) -> list[verdict.Result]:
        policy = self._object.extract.schema
        if not found or policy == "open" or (policy == "additive" and load.work.get("is_first")):  # what was always there is no drift
            return []
        return verdict.undeclared_fields(found, known=undeclared.known(session, self._object), is_strict=policy == "strict")

    def _gone(self, session: relations.Warehouse, remaining: Remaining) -> list[verdict.Result]:
        if not remaining.gone:
            return []
        row = session.execute(sql.SQL("select count(*) from {} where not _is_deleted").format(relations.raw(self._object))).fetchone()
        return verdict.gone_rows(self._suite, gone=remaining.gone, alive=int(row[0]) if row else 0)

    def _types(self, session: relations.Warehouse, load: ledger.Load, remaining: Remaining) -> list[verdict.Result]:
        """What was found bad before the suite: values that fit no type, rows without key or cursor, unreadable ones."""
        if not remaining.bad:
            return []
        rows = session.execute(
            sql.SQL(
                """select r ->> 'expectation', r ->> 'reason', count(*) from {} b, jsonb_array_elements(b.reasons) r
                   group by 1, 2 order by 1"""
            ).format(relations.WorkTables(load.load_id).bad)
        ).fetchall()
        found: dict[str, verdict.Result] = {}
        for name, reason, count in rows:
            found.setdefault(
                str(name),
                verdict.Result(
                    expectation=str(name),
                    severity="critical",
                    level="type",
                    success=False,
                    observed=f"{count} of {remaining.rows + remaining.bad}",
                    allowed="0",
                    failed_rows=int(count),
                    checked_rows=remaining.rows + remaining.bad,
                    reason=f"The value {reason}." if str(reason).startswith("is ") else str(reason),
                ),
            )
        return list(found.values())

    def _pass(self, load: ledger.Load, found: Verdict) -> ledger.Load:
        with self._connection.transaction():
            self._record(load, found.results)
            gate_history.keep(self._connection, self._object, load, found.compared)
            turned_away = quarantine.turn_away(self._connection, self._object, load, found.failed)
            reach("gating")
            self._tell(load, found, turned_away)
            return ledger.note(self._connection, load, state="gated", quarantined=turned_away)

    def _check(self, load: ledger.Load, refusal: verdict.Refusal | None) -> ledger.Load:
        """A dry run ends here; its figures stay in the ledger, its rows do not."""
        with self._connection.transaction():
            landing.discard(self._connection, self._object, load)
            landing.forget_files(self._connection, load)
            return ledger.note(self._connection, load, state="abandoned", refusal=refusal.as_json() if refusal else None, error="dry run")

    def _refuse(self, load: ledger.Load, found: Verdict, refusal: verdict.Refusal) -> ledger.Load:
        """Raw keeps the last good state; the watermark stays, so the next load reads the same rows again.

        A stream cannot be asked for its rows again: its load is held, and what it landed is kept until somebody decides. A copy of
        the whole object, from which following its changes begins, is made anew.
        """
        held = self._object.extract.stream is not None and load.kind not in ("replay", "sweep", "backfill") and not load.work.get("whole")
        details = refusal.as_json() | {
            "system": load.system,
            "object": load.object,
            "load_id": load.load_id,
            "failed_rows": found.failed_rows,
            "checked_rows": found.judged_rows,
            "owner": self._suite.owner or self._contract.owner,
            "owner_address": self._contract.owner_address,
        }
        first = refusal.results[0]
        with self._connection.transaction():
            self._record(load, found.results)
            reach("gating")
            if held:
                relations.drop_work_tables(self._connection, load.load_id)
            else:
                landing.discard(self._connection, self._object, load)
                landing.forget_files(self._connection, load)
                stream.forget(self._connection, load.load_id)
            incidents.open_incident(
                self._connection,
                kind="load_refused",
                subject=self._object.full_name,
                severity="critical",
                title=f"{self._object.full_name}: load {load.load_id} refused, {first.expectation}: {first.observed}, {first.allowed}",
                details=details,
                run_url=load.run_url,
            )
            return ledger.note(self._connection, load, state="held" if held else "rejected", refusal=refusal.as_json())

    def _record(self, load: ledger.Load, results: list[verdict.Result]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """insert into ops.gate_result
                       (load_id, expectation, severity, level, success, observed, allowed, failed_rows, checked_rows, reason)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (load_id, expectation) do nothing""",
                [
                    (
                        load.load_id,
                        r.expectation,
                        r.severity,
                        r.level,
                        r.success,
                        r.observed,
                        r.allowed,
                        r.failed_rows,
                        r.checked_rows,
                        r.reason,
                    )
                    for r in results
                ],
            )

    def _tell(self, load: ledger.Load, found: Verdict, turned_away: int) -> None:
        """One incident for warnings and for rows set aside."""
        subject = self._object.full_name
        if found.warnings or turned_away:
            title = f"{subject}: load {load.load_id} published with {len(found.warnings)} warnings and {turned_away} rows in quarantine"
            incidents.open_incident(
                self._connection,
                kind="row_warnings",
                subject=subject,
                severity="warning",
                title=title,
                details=verdict.Refusal(results=tuple(r for r in found.results if not r.success)).as_json()
                | {
                    "system": load.system,
                    "object": load.object,
                    "load_id": load.load_id,
                    "failed_rows": turned_away,
                    "owner": self._contract.owner,
                },
                run_url=load.run_url,
            )

    def all_is_well(self, load: ledger.Load) -> None:
        """Close what a published load shows to be over. In the publishing transaction.

        The warnings are over when a gate ran without any, and quarantine holds no row of the object any more.
        """
        subject = self._object.full_name
        incidents.close_incident(self._connection, kind="load_refused", subject=subject, reason=f"load {load.load_id} passed its gate")
        row = self._connection.execute(
            "select count(*), count(*) filter (where not success and severity = 'warning') from ops.gate_result where load_id = %s",
            [load.load_id],
        ).fetchone()
        judged, warned = row if row else (0, 0)
        if judged and not warned and quarantine.count_open(self._connection, self._object) == 0:
            incidents.close_incident(self._connection, kind="row_warnings", subject=subject, reason=f"load {load.load_id} had none")
