"""Estimating the model from unlabelled pairs.

Fellegi and Sunter's model has two kinds of pairs: matches, and strangers, whose fields agree by chance (u, from random pairs).
Real files hold two more that such a model takes for matches: **households** (one surname, address, phone; another first name and
birth date) and **namesakes** (one name, and so a similar mailbox; nothing else). We maximise expectation over all four; in the
extra classes the fields that they do not explain agree by chance. The candidate pairs count *as part of all pairs*: what no blocking
rule found is a stranger. (Maximising over the candidates alone, against u of random pairs, calls every candidate a match: being
one is already an agreement.)

Splink scores by a sum of weights. `weights.distil` puts what was learnt here into such a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customer360.identity.match.vectors import Patterns

Floats = NDArray[np.float64]
PSEUDO_MATCHES = 5.0  # weight of the starting values, in pairs: holds them where a file has hardly any duplicates
_PSEUDO_STRANGERS = 20.0
_CONVERGED = 1e-4
_ROUNDS = 3

# What the extra classes explain by themselves; every other field agrees there by chance.
_OF_HOUSEHOLD = frozenset({"last_name", "email", "phone", "street", "house_number", "address", "city", "region", "postal_code", "country"})
_OF_NAMESAKES = frozenset({"first_name", "last_name", "middle_name", "email", "gender"})
_OF_A_PERSON = frozenset({"first_name", "birth_date", "national_id", "middle_name", "gender"})  # what members of a household differ in
_OF_A_LIFE = frozenset({"birth_date", "national_id", "phone", "street", "postal_code", "city", "external_id", "birth_place"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """m and u per comparison (best level first), the prior, and the match probability of each candidate pattern."""

    m: list[Floats]
    u: list[Floats]
    prior: float
    matching: Floats
    expected_matches: float
    expected_households: float
    expected_namesakes: float
    iterations: int


@dataclass(slots=True)
class _Class:
    """One kind of pair: its share of all pairs, the columns it explains, and how their levels are spread in it."""

    share: float
    free: tuple[int, ...]
    spread: list[Floats]
    start: list[Floats]


def starting_m(levels: int, comparison: str = "") -> Floats:
    """What agreement among true matches usually is: mostly exact, now and then nearly, seldom different.

    A birth date is mistyped like anything else, but hardly ever another date altogether.
    """
    if levels == 2:
        return np.array([0.9, 0.1])
    different = 0.005 if comparison == "birth_date" else 0.05
    between = np.geomspace(4.0, 1.0, levels - 2) if comparison == "birth_date" else np.ones(levels - 2)
    return np.array([0.7, *(0.3 - different) * between / between.sum(), different])


def estimate(candidates: Patterns, random: Patterns, *, all_pairs: float) -> Estimate:
    """The model of a population of `all_pairs` pairs, from its candidate pairs and random pairs.

    Random pairs hold true matches too (one in 250 of a small file full of duplicates); after each round u is taken again
    with every random pair weighted by its probability of being no match.
    """
    u = _shares(random, random.count)
    classes = _classes(candidates, u, all_pairs)
    iterations = 0
    for _ in range(_ROUNDS):
        iterations += _maximise(candidates, classes, u, all_pairs)
        u = _shares(random, random.count * (1.0 - _posteriors(random, classes, u)[0]))
    posteriors = _posteriors(candidates, classes, u)
    expected = [float((posterior * candidates.count).sum()) for posterior in posteriors] + [0.0, 0.0]
    return Estimate(
        m=classes[0].spread,
        u=u,
        prior=classes[0].share,
        matching=posteriors[0],
        expected_matches=expected[0],
        expected_households=expected[1],
        expected_namesakes=expected[2],
        iterations=iterations,
    )


def _classes(patterns: Patterns, u: Sequence[Floats], all_pairs: float) -> list[_Class]:
    """Matches, and households and namesakes where the file could tell them from matches."""
    share = min(0.5, max(1e-3 * float(patterns.count.sum()), 1.0) / all_pairs)
    everything = tuple(range(len(patterns.names)))
    start = [starting_m(size, name) for size, name in zip(patterns.sizes, patterns.names, strict=True)]
    classes = [_Class(share, everything, list(start), start)]
    names = set(patterns.names)
    if names & _OF_A_PERSON and names & (_OF_HOUSEHOLD - {"country", "region"}):
        classes.append(_extra(patterns, u, _OF_HOUSEHOLD, share))
    else:
        classes.append(_extra(patterns, u, frozenset(), 0.0))
    if names & (_OF_NAMESAKES - {"gender", "email"}) and names & (_OF_A_LIFE | {"email"}):
        classes.append(_extra(patterns, u, _OF_NAMESAKES, share))
    return classes


def _extra(patterns: Patterns, u: Sequence[Floats], explains: frozenset[str], share: float) -> _Class:
    free = tuple(number for number, name in enumerate(patterns.names) if name in explains)
    start = [starting_m(size) if number in free else u[number] for number, size in enumerate(patterns.sizes)]
    for number in free:
        if patterns.names[number] == "email":  # similar more often than the same
            size = patterns.sizes[number]
            start[number] = np.array([0.05, *[0.45 / (size - 2)] * (size - 2), 0.5])
    return _Class(share, free, list(start), start)


def _shares(patterns: Patterns, weight: Floats) -> list[Floats]:
    """Share of each level among pairs where both values are known.

    A few pairs of strangers that mostly differ are added: in a file of a handful of records, chance has hardly been seen at work.
    """
    shares = []
    for column, levels in enumerate(patterns.sizes):
        known = patterns.levels[:, column] >= 0
        counts = np.bincount(patterns.levels[known, column], weights=weight[known], minlength=levels)
        added = np.full(levels, 0.5 / levels)
        added[-1] += _PSEUDO_STRANGERS
        shares.append((counts + added) / (counts + added).sum())
    return shares


def log_ratio(patterns: Patterns, columns: Sequence[int], spread: Sequence[Floats], u: Sequence[Floats]) -> Floats:
    """log2 of how much likelier each pattern's levels in `columns` are under `spread` than among strangers.

    An exact level judged by the value's share has that share instead of u.
    """
    total = np.zeros(len(patterns.count))
    for column in columns:
        ratio = np.log2(spread[column] / u[column])
        if patterns.by_share[column]:
            ratio[0] = np.log2(spread[column][0])
        total += np.append(ratio, 0.0)[patterns.levels[:, column]] + patterns.rarity[:, column]
    return total


def _posteriors(patterns: Patterns, classes: Sequence[_Class], u: Sequence[Floats]) -> list[Floats]:
    """Probability of each class for each pattern; what is missing to 1 is that of strangers."""
    strangers = max(1e-9, 1.0 - sum(each.share for each in classes))
    odds = [
        np.exp2(np.clip(log_ratio(patterns, each.free, each.spread, u) + np.log2(each.share / strangers), -300.0, 300.0))
        if each.share > 0
        else np.zeros(len(patterns.count))
        for each in classes
    ]
    total = 1.0 + np.sum(odds, axis=0)
    return [each / total for each in odds]


def _maximise(patterns: Patterns, classes: Sequence[_Class], u: Sequence[Floats], all_pairs: float) -> int:
    """Expectation maximisation of the classes' shares and spreads; u stays. Returns the iterations taken."""
    taken = 0
    for taken in range(1, 101):  # noqa: B007 - returned
        posteriors = _posteriors(patterns, classes, u)
        moved = 0.0
        for each, posterior in zip(classes, posteriors, strict=True):
            if each.share <= 0:
                continue
            expected = posterior * patterns.count
            for column in each.free:
                spread = _updated(patterns.levels[:, column], expected, each.start[column])
                moved = max(moved, float(np.abs(spread - each.spread[column]).max()))
                each.spread[column] = spread
            share = min(0.5, max(float(expected.sum()), 1.0) / all_pairs)
            moved = max(moved, 0.1 * abs(share - each.share) / each.share)
            each.share = share
        if moved < _CONVERGED:
            break
    return taken


def _updated(levels: NDArray[np.int64], expected: Floats, start: Floats) -> Floats:
    known = levels >= 0
    counts = np.bincount(levels[known], weights=expected[known], minlength=len(start))
    updated: Floats = (counts + PSEUDO_MATCHES * start) / (counts.sum() + PSEUDO_MATCHES)
    return updated
