"""The customers against what is known to be true: finds the labels, reads the customers, compares."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from customer360.errors import UserError
from customer360.identity.evidence.certain import stream
from customer360.identity.models.evaluation import Evaluation, Truth, evaluate
from customer360.identity.models.labels import LabelledPair, PairEvaluation, evaluate_pairs, read_clusters, read_pairs
from customer360.identity.models.paired import Loss, loss_on_pairs, losses_on_people
from customer360.pipeline.resolve import read_rules
from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.roles import Role

EdgeRow = tuple[str, str, str, str]  # left, right, kind, rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is known to be true: who is who of some or all records, single pairs, or both."""

    clusters: Mapping[str, Truth] | None
    pairs: Sequence[LabelledPair] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """How one partition does on labels. `told_by`: clusters or pairs. `true`: labelled pairs that are one person."""

    told_by: str
    true: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The customers against either kind of labels; None where there are none."""

    clusters: Evaluation | None
    pairs: PairEvaluation | None

    @property
    def scores(self) -> list[LabelScore]:
        """In a line each."""
        found = []
        if self.clusters is not None:
            one = self.clusters.overall
            found.append(LabelScore(told_by="clusters", true=one.true, precision=one.precision, recall=one.recall, f1=one.f1))
        if self.pairs is not None:
            pairs = self.pairs.overall
            true = pairs.hits + pairs.missed
            found.append(LabelScore(told_by="pairs", true=true, precision=pairs.precision, recall=pairs.recall, f1=pairs.f1))
        return found


def configured_labels() -> Labels | None:
    """The labels of this platform: `clusters.csv` and `pairs.csv` in `$C360_LABELS` (default `$C360_HOME/labels`), else the truth of the
    sandbox, else None. Raises LabelError for a file that cannot be used."""
    folder = Path(os.environ.get("C360_LABELS") or home.home() / "labels")
    clusters, pairs = folder / "clusters.csv", folder / "pairs.csv"
    if clusters.exists() or pairs.exists():
        return read_labels(clusters=clusters if clusters.exists() else None, pairs=pairs if pairs.exists() else None)
    truth = home.home() / "sandbox" / "truth" / "records.csv"
    return read_labels(clusters=truth, pairs=None) if truth.exists() else None


def read_labels(*, clusters: Path | None, pairs: Path | None) -> Labels:
    """Labels from files. Raises LabelError."""
    return Labels(
        clusters=read_clusters(clusters) if clusters is not None else None, pairs=read_pairs(pairs) if pairs is not None else None
    )


def needed_labels(*, clusters: Path | None, pairs: Path | None) -> Labels:
    """Labels from the files given, else those configured. Raises UserError when there are none."""
    labels = read_labels(clusters=clusters, pairs=pairs) if clusters or pairs else configured_labels()
    if labels is None:
        raise UserError(
            "there is nothing to compare with. Give --truth CLUSTERS.csv or --pairs PAIRS.csv, "
            f"or put clusters.csv or pairs.csv into {os.environ.get('C360_LABELS') or home.home() / 'labels'}"
        )
    return labels


def quality(customer_of: Mapping[str, str], edges: Iterable[EdgeRow], labels: Labels) -> Quality:
    """A partition and its edges against labels."""
    rows = list(edges)
    return Quality(
        clusters=evaluate(customer_of, labels.clusters, rows) if labels.clusters is not None else None,
        pairs=evaluate_pairs(customer_of, labels.pairs, rows) if labels.pairs is not None else None,
    )


def losses(before: Mapping[str, str], after: Mapping[str, str], labels: Labels) -> list[Loss]:
    """What the partition `after` loses against `before`, on each kind of labels."""
    found = losses_on_people(before, after, labels.clusters) if labels.clusters is not None else []
    return [*found, loss_on_pairs(before, after, labels.pairs)] if labels.pairs is not None else found


def current_customers(connection: Connection[Any]) -> dict[str, str]:
    """The customer of every living record."""
    return dict(connection.execute("select record_id, customer_id::text from identity.membership where valid_to is null").fetchall())


def current_quality(connection: Connection[Any], labels: Labels, *, threshold: float) -> Quality:
    """The customers there are now against labels. `threshold`: probability from which the model in use links."""
    edges = stream(
        connection,
        "select record_id_l, record_id_r, kind, rule from identity.edge where kind <> 'probabilistic' or probability >= %s",
        [threshold],
    )
    return quality(current_customers(connection), ((left, right, kind, rule) for left, right, kind, rule in edges), labels)


def evaluate_customers(labels: Labels) -> Quality:
    """The customers there are now against labels, in a transaction of its own."""
    threshold = read_rules().model.match_threshold
    with connections.connect(role=Role.TRANSFORMER) as connection:
        return current_quality(connection, labels, threshold=threshold)
