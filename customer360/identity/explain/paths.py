"""Paths of evidence between two records. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from math import log
from typing import TypeVar

from customer360.identity.clusters.weak_links import Joining, strongest_tree

_Joining = TypeVar("_Joining", bound=Joining)


def widest_path(left: str, right: str, links: Sequence[_Joining]) -> list[_Joining]:
    """The path from left to right whose weakest link is as strong as can be; of those the shortest, then the one most probable as a whole.

    One link per step, in the order of the path; empty where no path leads there, or both are the same.
    """
    records = {record for link in links for record in (link.record_id_l, link.record_id_r)}
    if left == right or left not in records or right not in records:
        return []
    width = _width(left, right, strongest_tree(records, links))
    return _shortest(left, right, [link for link in links if link.probability >= width]) if width is not None else []


def _beside(links: Sequence[_Joining]) -> dict[str, list[tuple[str, _Joining]]]:
    found: dict[str, list[tuple[str, _Joining]]] = defaultdict(list)
    for link in links:
        found[link.record_id_l].append((link.record_id_r, link))
        found[link.record_id_r].append((link.record_id_l, link))
    return found


def _width(left: str, right: str, tree: Sequence[Joining]) -> float | None:
    """The weakest link on the tree's only way from left to right; None where there is none."""
    beside = _beside(tree)
    reached = {left: 1.0}
    todo = [left]
    while todo:
        record = todo.pop()
        for other, link in beside[record]:
            if other not in reached:
                reached[other] = min(reached[record], link.probability)
                todo.append(other)
    return reached.get(right)


def _shortest(left: str, right: str, links: Sequence[_Joining]) -> list[_Joining]:
    """Dijkstra's algorithm (1959) over (links, improbability); equal ones in order of the record ids."""
    beside = _beside(links)
    came: dict[str, tuple[str, _Joining]] = {}
    best = {left: (0, 0.0)}
    ahead = [(0, 0.0, left)]
    while ahead:
        steps, doubt, record = heapq.heappop(ahead)
        if record == right:
            break
        if (steps, doubt) > best[record]:
            continue
        for other, link in beside[record]:
            cost = (steps + 1, doubt - log(max(link.probability, 1e-12)))
            if other not in best or cost < best[other]:
                best[other] = cost
                came[other] = (record, link)
                heapq.heappush(ahead, (*cost, other))
    path: list[_Joining] = []
    record = right
    while record != left:
        record, link = came[record]
        path.append(link)
    return path[::-1]
