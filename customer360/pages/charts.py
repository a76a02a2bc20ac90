"""Charts as inline SVG: no script, no font, no address of another host. Colours are the page's CSS variables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

_WIDTH = 640


def bars(values: Mapping[str, int], *, title: str) -> str:
    """A column per class, its count above it."""
    width, height, top, bottom = 500, 190, 24, 26
    most = max(values.values(), default=0) or 1
    step = width / max(len(values), 1)
    whole = sum(values.values()) or 1
    parts = []
    for position, (name, count) in enumerate(values.items()):
        tall = (height - top - bottom) * count / most
        left, above = position * step + step * 0.14, height - bottom - tall
        parts.append(
            f"<g><title>{escape(name)}: {count:,} ({count / whole:.1%})</title>"
            f'<rect class="mark" x="{left:.1f}" y="{above:.1f}" width="{step * 0.72:.1f}" height="{max(tall, 0.5):.1f}" rx="2"/>'
            f'<text class="value" x="{left + step * 0.36:.1f}" y="{above - 6:.1f}" text-anchor="middle">{_short(count)}</text>'
            f'<text x="{left + step * 0.36:.1f}" y="{height - 8}" text-anchor="middle">{escape(name)}</text></g>'
        )
    parts.append(f'<line class="axis" x1="0" x2="{width}" y1="{height - bottom}" y2="{height - bottom}"/>')
    return svg(title, width, height, parts)


def dots(rows: Sequence[tuple[str, Sequence[float]]], names: Sequence[str], *, title: str) -> str:
    """A line per row, a dot per series (values of 0 to 1) on one axis that begins where the smallest needs it."""
    label, line, top, right = 170, 24, 34, 56
    lowest = min((value for _, values in rows for value in values), default=0.0)
    start = max(0.0, floor(min(lowest, 0.95) * 20) / 20)
    height = top + line * len(rows) + 8
    reach = _WIDTH - label - right

    def at(value: float) -> float:
        return label + reach * (value - start) / (1 - start)

    parts = []
    ticks = max(1, round((1 - start) / 0.05))
    for tick in range(0, ticks + 1, max(1, ceil(ticks / 6))):
        value = start + (1 - start) * tick / ticks
        parts.append(f'<line class="grid" x1="{at(value):.1f}" x2="{at(value):.1f}" y1="{top - 8}" y2="{height - 8}"/>')
        parts.append(f'<text x="{at(value):.1f}" y="{top - 14}" text-anchor="middle">{value:.2f}</text>')
    for row, (name, values) in enumerate(rows):
        middle = top + line * row + line / 2
        told = ", ".join(f"{series} {value:.4f}" for series, value in zip(names, values, strict=True))
        ends = [at(value) for value in values]
        parts.append(
            f"<g><title>{escape(name)}: {told}</title>"
            f'<text x="{label - 12}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<line class="span" x1="{min(ends):.1f}" x2="{max(ends):.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
            + "".join(f'<circle class="series{number}" cx="{end:.1f}" cy="{middle:.1f}" r="5"/>' for number, end in enumerate(ends))
            + "</g>"
        )
    return svg(title, _WIDTH, height, parts)


def lines(points: Sequence[tuple[str, float]], *, title: str, percent: bool = False) -> str:
    """One value over time, oldest first: its first, last, lowest and highest value can be read off."""
    width, height, side, top, bottom = 312, 120, 12, 22, 24
    values = [value for _, value in points]
    low, high = min(values), max(values)
    span = (high - low) or abs(high) * 0.02 or 1.0
    low, high = low - span * 0.1, high + span * 0.1

    def place(position: int, value: float) -> tuple[float, float]:
        across = side + (width - 2 * side) * (position / max(len(points) - 1, 1))
        return across, top + (height - top - bottom) * (1 - (value - low) / (high - low))

    placed = [place(position, value) for position, value in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    told = "{:.4f}" if percent else "{:,.0f}"
    parts = [f'<polyline class="line" points="{path}"/>']
    for (when, value), (x, y) in zip(points, placed, strict=True):
        parts.append(
            f'<circle class="series0" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(when)}: {told.format(value)}</title></circle>'
        )
    parts.append(f'<text x="{side}" y="{height - 6}">{escape(points[0][0])}</text>')
    if len(points) > 1:
        parts.append(f'<text x="{width - side}" y="{height - 6}" text-anchor="end">{escape(points[-1][0])}</text>')
    parts.append(f'<text class="value" x="{side}" y="14">{escape(title)}</text>')
    parts.append(f'<text class="value" x="{width - side}" y="14" text-anchor="end">{told.format(values[-1])}</text>')
    return svg(title, width, height, parts)


def legend(names: Sequence[str]) -> str:
    """Which dot is which."""
    return (
        '<p class="legend">'
        + "".join(f'<span><i class="key{number}"></i>{escape(name)}</span>' for number, name in enumerate(names))
        + "</p>"
    )


def svg(title: str, width: int, height: float, parts: Sequence[str]) -> str:
    """A picture: title for those who cannot see it, width and height in its own units, its parts as SVG."""
    size = f'viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}"'
    return f'<svg role="img" aria-label="{escape(title)}" {size}>{"".join(parts)}</svg>'


def _short(count: int) -> str:
    """Three digits at most: `1,702`, `24.1 k`, `1.2 M`."""
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if count >= size:
            part = count / (1_000 if unit == "k" else size)
            return f"{part:.{max(0, 2 - floor(log10(part)))}f} {unit}"
    return f"{count:,}"


def heat_cell(share: float | None) -> str:
    """A table cell: the share in percent, the darker the more; empty where there is nothing to have a share of."""
    if share is None:
        return "<td></td>"
    return f'<td style="background: rgba(var(--heat), {0.04 + 0.4 * share:.2f})">{_rounded(share)}</td>'


def _rounded(share: float) -> str:
    """Whole percents, but 100 and 0 only where they are meant."""
    shown = round(100 * share)
    if shown == 100 and share < 1:
        return "99+"
    return "<1" if shown == 0 and share > 0 else str(shown)
