"""How good the customers are, as tables for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table

from customer360.identity.models.evaluation import Evaluation, EvidenceFigures, Figures, Interval
from customer360.identity.models.labels import PairEvaluation, PairFigures
from customer360.pipeline.evaluate import Quality


def quality_dict(found: Quality) -> dict[str, Any]:
    """`figures` and `evidence` of known people, `pairs` of labelled pairs; a key is absent where there are no such labels."""
    told: dict[str, Any] = {}
    if found.clusters is not None:
        every = [found.clusters.overall, *found.clusters.locales, *found.clusters.source_pairs]
        told["figures"] = [_figures_dict(one) for one in every]
        told["evidence"] = [_evidence_dict(one) for one in found.clusters.evidence]
        told |= {"missing": found.clusters.missing, "unknown": found.clusters.unknown}
    if found.pairs is not None:
        told["pairs"] = {
            "overall": _pair_dict(found.pairs.overall),
            "source_pairs": [_pair_dict(one) for one in found.pairs.source_pairs],
            "evidence": [_pair_dict(one) for one in found.pairs.evidence],
            "missing": found.pairs.missing,
            "interval": "Wilson, 95 %",
        }
    return told


def quality_tables(found: Quality) -> Iterator[Table | str]:
    """Tables and sentences, in the order they are to be read."""
    if found.clusters is not None:
        yield from _cluster_tables(found.clusters)
    if found.pairs is not None:
        yield from _pair_tables(found.pairs)


def _cluster_tables(found: Evaluation) -> Iterator[Table | str]:
    is_sample = found.overall.intervals is not None
    table = Table(_whole("records of"), "records", "pairs true", "precision", "recall", "F1", "exact clusters", "B³ F1", box=None)
    for one in [found.overall, *found.locales, *found.source_pairs]:
        spans = one.intervals
        table.add_row(
            one.scope,
            f"{one.records:,}",
            f"{one.true:,}",
            _with_interval(one.precision, spans.precision if spans else None),
            _with_interval(one.recall, spans.recall if spans else None),
            _with_interval(one.f1, spans.f1 if spans else None),
            f"{one.clusters.exact_f1:.4f}" if one.clusters else "",
            f"{one.clusters.b3_f1:.4f}" if one.clusters else "",
        )
    yield table
    if found.evidence:
        yield ""
        yield _evidence_table(found)
    yield ""
    yield f"{found.missing:,} records of the truth are not among the customers (deleted, quarantined or not loaded)"
    if is_sample:
        yield f"{found.unknown:,} records are in no truth: taken for a sample of people, with 95 % intervals (linearised ratios)"


def _evidence_table(found: Evaluation) -> Table:
    table = Table(_whole("evidence"), "pairs", "right", "precision", "recall alone", "recall only it brings", box=None)
    for one in found.evidence:
        table.add_row(
            one.scope, f"{one.pairs:,}", f"{one.right:,}", f"{one.precision:.4f}", f"{one.recall_alone:.4f}", f"{one.recall_brought:.4f}"
        )
    return table


def _pair_tables(found: PairEvaluation) -> Iterator[Table | str]:
    yield ""
    table = Table(_whole("labelled pairs"), "pairs", "hits", "wrong", "missed", "precision", "recall", "F1", box=None)
    kinds = [(f"edge: {one.scope}", one) for one in found.evidence]
    for scope, one in [("all", found.overall), *((one.scope, one) for one in found.source_pairs), *kinds]:
        table.add_row(
            scope,
            f"{one.pairs:,}",
            f"{one.hits:,}",
            f"{one.wrong:,}",
            f"{one.missed:,}",
            _with_interval(one.precision, one.precision_interval),
            _with_interval(one.recall, one.recall_interval),
            f"{one.f1:.4f}",
        )
    yield table
    yield ""
    yield (
        f"{found.missing:,} labelled pairs name a record that identity does not hold. Ranges are Wilson's 95 % intervals: true of pairs "
        "drawn at random, not of hand-picked ones"
    )


def _whole(name: str) -> Column:
    return Column(name, no_wrap=True)


def _with_interval(value: float, span: Interval | None) -> str:
    return f"{value:.4f}" if span is None else f"{value:.4f} ({span.low:.3f}–{span.high:.3f})"


def _figures_dict(one: Figures) -> dict[str, Any]:
    told = {**asdict(one), "precision": one.precision, "recall": one.recall, "f1": one.f1}
    if one.clusters is not None:
        told["clusters"] |= {
            "exact_precision": one.clusters.exact_precision,
            "exact_recall": one.clusters.exact_recall,
            "exact_f1": one.clusters.exact_f1,
            "b3_f1": one.clusters.b3_f1,
        }
    return told


def _evidence_dict(one: EvidenceFigures) -> dict[str, Any]:
    return {**asdict(one), "precision": one.precision, "recall_alone": one.recall_alone, "recall_brought": one.recall_brought}


def _pair_dict(one: PairFigures) -> dict[str, Any]:
    return {
        **asdict(one),
        "precision": one.precision,
        "recall": one.recall,
        "f1": one.f1,
        "precision_interval": asdict(one.precision_interval),
        "recall_interval": asdict(one.recall_interval),
    }
