"""Which links hold a customer together and are weak. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from customer360.identity.clusters.forest import Forest


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two records of a customer and the strongest evidence between them."""

    record_id_l: str
    record_id_r: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakLink:
    """A link without which the customer would come apart, or hang together by a weaker one still."""

    link: Link
    smaller_side: int  # records on the smaller side of it


class Joining(Protocol):
    """Evidence that two records are one."""

    @property
    def record_id_l(self) -> str:
        """One of them."""

    @property
    def record_id_r(self) -> str:
        """The other."""

    @property
    def probability(self) -> float:
        """That they are."""


_Joining = TypeVar("_Joining", bound=Joining)


def strongest_tree(records: Collection[str], links: Iterable[_Joining]) -> list[_Joining]:
    """The maximum spanning forest of the records, strongest first: per pair of them it holds the path whose weakest link is strongest.

    Kruskal's algorithm (1956); of equal links the one with the smaller record ids is taken.
    """
    forest = Forest(records)
    tree: list[_Joining] = []
    for link in sorted(links, key=lambda link: (-link.probability, link.record_id_l, link.record_id_r)):
        if link.record_id_l not in forest or link.record_id_r not in forest:
            continue
        if forest.root(link.record_id_l) != forest.root(link.record_id_r):
            forest.join(link.record_id_l, link.record_id_r)
            tree.append(link)
            if len(forest.members) == 1:
                break
    return tree


def weak_links(records: Collection[str], links: Iterable[Link], *, below: float) -> list[WeakLink]:
    """Links of the customer's strongest tree whose probability lies below `below`, weakest first."""
    tree = strongest_tree(records, links)
    beside: dict[str, set[str]] = defaultdict(set)
    for link in tree:
        beside[link.record_id_l].add(link.record_id_r)
        beside[link.record_id_r].add(link.record_id_l)
    found = []
    for link in reversed(tree):
        if link.probability >= below:
            break
        left, right = _side(link.record_id_l, link.record_id_r, beside), _side(link.record_id_r, link.record_id_l, beside)
        found.append(WeakLink(link=link, smaller_side=min(left, right)))
    return found


def _side(start: str, without: str, beside: dict[str, set[str]]) -> int:
    """Records reached from `start` when the link to `without` is cut."""
    seen, todo = {start, without}, [start]
    while todo:
        for neighbour in beside[todo.pop()] - seen:
            seen.add(neighbour)
            todo.append(neighbour)
    return len(seen) - 1
