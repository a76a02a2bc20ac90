"""Waterfall and cluster graph as inline SVG: no script, no font, no address of another host. Colours are the page's CSS variables. Pure."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from html import escape
from math import ceil, floor, hypot, log2

import igraph

from customer360.identity.explain import words
from customer360.identity.explain.explanation import KINDS, Evidence, Record
from customer360.identity.match.breakdown import Breakdown
from customer360.pages.charts import svg

_WIDTH = 760  # of a waterfall
_GRAPH_WIDTH = 1000
_LINE = 24
_SEED = 360
_LABELLED_AT_MOST = 16  # records; beyond, nodes carry their number alone
_APART = 4.5  # between parallel lines of one pair


# ------------------------------------------------------------------------------------------------- waterfall
def waterfall(score: Breakdown, *, match_threshold: float, review_threshold: float) -> str:
    """From the prior, field by field, to the match weight, on an axis in bits; the two thresholds as lines."""
    told = [one for one in score.fields if one.level is not None]
    rows = [("prior", "any two records", score.prior)] + [(one.field, words.level(one), one.weight) for one in told]
    scale = _Scale(score, [weight for _, _, weight in rows], [review_threshold, match_threshold])
    top = 34
    height = top + _LINE * (len(rows) + 1) + 8
    parts = list(scale.ticks(top, height))
    for name, threshold in (("review", review_threshold), ("match", match_threshold)):
        if 0 < threshold < 1:
            x = scale.at(_bits(threshold))
            anchor = "end" if name == "review" else "start"
            parts.append(
                f"<g><title>{name} threshold {threshold:g}: {_bits(threshold):+.1f} bits</title>"
                f'<line class="threshold" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height - 8}"/>'
                f'<text class="limit" x="{x:.1f}" y="10" text-anchor="{anchor}">{name} {threshold:g}</text></g>'
            )
    sum_ = 0.0
    for number, (name, level, weight) in enumerate(rows):
        kind = "prior" if number == 0 else "for" if weight >= 0 else "against"
        parts.append(_row(scale, top + _LINE * number, (name, level, weight), start=sum_, kind=kind))
        sum_ += weight
    total = f"probability {words.chance(score.probability)}"
    parts.append(_row(scale, top + _LINE * len(rows), ("match weight", total, score.match_weight), start=0.0, kind="total"))
    return svg(f"Waterfall of {score.record_id_l} and {score.record_id_r}: {words.chance(score.probability)}", _WIDTH, height, parts)


def _bits(probability: float) -> float:
    return log2(probability / (1 - probability))


class _Scale:
    """Bits → x. Covers every sum on the way, and the thresholds."""

    left, right = 330, 64

    def __init__(self, score: Breakdown, weights: Sequence[float], thresholds: Sequence[float]) -> None:
        sums = [0.0, score.match_weight, *(_bits(one) for one in thresholds if 0 < one < 1)]
        sum_ = 0.0
        for weight in weights:
            sum_ += weight
            sums.append(sum_)
        self.step = next((step for step in (1, 2, 5, 10, 20, 50) if (max(sums) - min(sums)) / step <= 9), 100)
        self.low, self.high = floor(min(sums) / self.step) * self.step, ceil(max(sums) / self.step) * self.step

    def at(self, bits: float) -> float:
        return self.left + (_WIDTH - self.left - self.right) * (bits - self.low) / ((self.high - self.low) or 1)

    def ticks(self, top: float, height: float) -> Iterator[str]:
        for bits in range(self.low, self.high + 1, self.step):
            kind = "axis" if bits == 0 else "grid"
            yield f'<line class="{kind}" x1="{self.at(bits):.1f}" x2="{self.at(bits):.1f}" y1="{top - 6}" y2="{height - 8}"/>'
            yield f'<text x="{self.at(bits):.1f}" y="{top - 11}" text-anchor="middle">{f"{bits:+d}" if bits else "0"}</text>'


def _row(scale: _Scale, y: float, told: tuple[str, str, float], *, start: float, kind: str) -> str:
    name, level, weight = told
    left, right = sorted((scale.at(start), scale.at(start + weight)))
    middle = y + _LINE / 2
    # the next bar begins where this one ends
    joint = (
        f'<line class="joint" x1="{scale.at(start + weight):.1f}" x2="{scale.at(start + weight):.1f}" y1="{y + 4}" y2="{y + _LINE + 4}"/>'
    )
    strong = ' class="value strong"' if kind == "total" else ' class="value"'
    return (
        f"<g><title>{escape(name)}: {escape(level)}, {weight:+.2f} bits</title>"
        f'<text{strong} x="0" y="{middle + 4:.1f}">{escape(name.replace("_", " "))}</text>'
        f'<text x="112" y="{middle + 4:.1f}">{escape(_clipped(level))}</text>'
        f"{joint if kind != 'total' else ''}"
        f'<rect class="bar {kind}" x="{left:.1f}" y="{y + 4:.1f}" width="{max(right - left, 1.5):.1f}" height="{_LINE - 8}" rx="2"/>'
        f'<text{strong} x="{_WIDTH}" y="{middle + 4:.1f}" text-anchor="end">{weight:+.2f}</text></g>'
    )


def _clipped(label: str, most: int = 36) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


# ------------------------------------------------------------------------------------------------ cluster graph
def cluster_graph(
    records: Sequence[Record],
    evidence: Sequence[Evidence],
    *,
    weak_below: float,
    asked: Collection[str] = (),
    path: Collection[frozenset[str]] = (),
) -> str:
    """Records as numbered circles, a colour per customer; a line per piece of evidence: colour its kind, width its probability, dashed
    where it is weak or does not hold. `asked` records have a ring, pairs of `path` a band behind their lines. The same each time."""
    number = {record.record_id: position for position, record in enumerate(records)}
    lines: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for one in evidence:
        if one.record_id_l in number and one.record_id_r in number:
            lines[one.record_id_l, one.record_id_r].append(one)
    placed, height = _placed(records, list(lines), asked)
    parts = [
        f'<line class="band" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
        for pair in sorted(path, key=sorted)
        if len(ends := [placed[one] for one in sorted(pair) if one in placed]) == 2
        for (x1, y1), (x2, y2) in [(ends[0], ends[1])]
    ]
    for (left, right), found in sorted(lines.items()):
        for position, one in enumerate(sorted(found, key=lambda one: (list(KINDS).index(one.kind), one.rule))):
            parts.append(_line(one, placed[left], placed[right], position - (len(found) - 1) / 2, weak_below))
    customers = {customer: position for position, customer in enumerate(dict.fromkeys(record.customer_id for record in records))}
    nodes = [(record, number[record.record_id], placed[record.record_id]) for record in records]
    parts += [_node(record, position, at, customers[record.customer_id], record.record_id in asked) for record, position, at in nodes]
    if len(records) <= _LABELLED_AT_MOST:  # above all lines
        parts += [_name(record, at) for record, _, at in nodes]
    return svg("Records and the evidence between them", _GRAPH_WIDTH, height, parts)


def _placed(
    records: Sequence[Record], pairs: Sequence[tuple[str, str]], asked: Collection[str]
) -> tuple[dict[str, tuple[float, float]], float]:
    """Where each record is drawn, and the height that takes."""
    number = {record.record_id: position for position, record in enumerate(records)}
    edges = sorted({tuple(sorted((number[left], number[right]))) for left, right in pairs})
    drawn = igraph.Graph(n=len(records), edges=[*edges, *_ties(len(records), edges, [number[one] for one in asked if one in number])])
    igraph.set_random_number_generator(random.Random(_SEED))  # noqa: S311 - a fixed seed is the point
    layout = drawn.layout_kamada_kawai(seed=drawn.layout_circle())
    height = 130.0 if len(records) <= 2 else 330.0 if len(records) <= 8 else 520.0
    side, above = 130.0, 40.0
    spans = [(min(values), max(values)) for values in zip(*layout.coords, strict=True)]
    # one scale for both axes, so that what lies near is near, unless the drawing is flat
    scaled = {}
    for record, point in zip(records, layout.coords, strict=True):
        share = [(value - low) / (high - low) if high - low > 1e-6 else 0.5 for value, (low, high) in zip(point, spans, strict=True)]
        scaled[record.record_id] = (side + share[0] * (_GRAPH_WIDTH - 2 * side), above + share[1] * (height - 2 * above - 16))
    return scaled, height


def _ties(count: int, edges: Sequence[tuple[int, ...]], asked: Sequence[int]) -> list[tuple[int, int]]:
    """Edges for the layout alone, so that parts without evidence between them stand beside each other."""
    parts = igraph.Graph(n=count, edges=list(edges)).connected_components()
    first = [min(set(part) & set(asked), default=part[0]) for part in parts]
    return [(first[0], other) for other in first[1:]]


def _line(one: Evidence, start: tuple[float, float], end: tuple[float, float], lane: float, weak_below: float) -> str:
    (x1, y1), (x2, y2) = start, end
    length = hypot(x2 - x1, y2 - y1) or 1.0
    across, down = -(y2 - y1) / length * lane * _APART, (x2 - x1) / length * lane * _APART
    width = 1.0 + 2.6 * max(0.0, (one.probability - 0.5) / 0.5)
    dash = ' stroke-dasharray="6 4"' if not one.holds or one.probability < weak_below else ""
    told = f"{one.record_id_l} – {one.record_id_r}: {words.evidence(one)}"
    return (
        f'<g><title>{escape(told)}</title><line class="evidence {one.kind}" stroke-width="{width:.1f}"{dash} '
        f'x1="{x1 + across:.1f}" y1="{y1 + down:.1f}" x2="{x2 + across:.1f}" y2="{y2 + down:.1f}"/></g>'
    )


def _node(record: Record, number: int, at: tuple[float, float], customer: int, is_asked: bool) -> str:
    x, y = at
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="15"/>' if is_asked else ""
    return (
        f"<g><title>{escape(record.record_id)}{' (deleted)' if record.is_deleted else ''}</title>{ring}"
        f'<circle class="node customer{customer % 2}" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
        f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number + 1}</text></g>'
    )


def _name(record: Record, at: tuple[float, float]) -> str:
    x, y = at
    return f'<text class="name" x="{x:.1f}" y="{y + 29:.1f}" text-anchor="middle">{escape(_clipped(record.record_id))}</text>'


def legend(evidence: Sequence[Evidence]) -> str:
    """Which line is which kind of evidence."""
    there = {one.kind for one in evidence}
    if not there:
        return '<p class="legend soft">No evidence is kept between these records.</p>'
    keys = "".join(f'<span><i class="key {kind}"></i>{kind}: {escape(meaning)}</span>' for kind, meaning in KINDS.items() if kind in there)
    return f'<p class="legend">{keys}<span class="soft">the wider the more probable; dashed: weak, or below the match threshold</span></p>'
