"""Estimating the model from unlabelled pairs.

Fellegi and Sunter's model has two kinds of pairs: matches, and strangers, whose fields agree by chance (u, from random pairs).
Real files hold more. Two kinds of strangers that such a model takes for matches: **households** (one surname, address, phone;
another first name and birth date) and **namesakes** (one name, and so a similar mailbox; nothing else). And matches that it takes for
strangers: **movers**, whose street, number, town and postal code change at once. We maximise expectation over all five; in the extra
classes the fields that they do not explain agree by chance. The candidate pairs count *as part of all pairs*: what no blocking rule
found is a stranger. (Maximising over the candidates alone, against u of random pairs, calls every candidate a match: being one is
already an agreement.)

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
_MOVERS, _HOUSEHOLDS, _NAMESAKES = 1, 2, 3  # places in the list of classes
_ROUNDS = 3

# What the extra classes explain by themselves; every other field agrees there by chance.
_OF_HOUSEHOLD = frozenset({"last_name", "email", "phone", "street", "house_number", "address", "city", "region", "postal_code", "country"})
_OF_A_GROUP = frozenset({"organisation", "occupation", "birth_place"})  # what households and others may share: the pairs tell
_OF_NAMESAKES = frozenset({"first_name", "last_name", "middle_name", "email", "gender"})
_OF_A_PERSON = frozenset({"first_name", "birth_date", "national_id", "middle_name", "gender"})  # what members of a household differ in
_OF_A_HOME = frozenset({"street", "house_number", "address", "city", "region", "postal_code"})  # what changes together when one moves
# How often one person's two records can differ altogether in what makes a person: more would be other people (a bound on m).
_DIFFERENT_AT_MOST = {"first_name": 0.1, "last_name": 0.2, "birth_date": 0.03, "national_id": 0.1, "gender": 0.1, "middle_name": 0.35}
_TEXT_DIFFERENT_AT_MOST = 0.35  # whatever it holds, someone mapped it because it tells records apart
# Likeness of little worth, counted from the last level: among matches no likelier than the likeliest better likeness.
_FAINT = {"email": (-3, -2)}
_OF_A_LIFE = frozenset({"birth_date", "national_id", "phone", "street", "postal_code", "city", "external_id", "birth_place"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """m and u per comparison (best level first), the prior, and the match probability of each candidate pattern."""

    m: list[Floats]
    u: list[Floats]
    prior: float
    matching: Floats
    expected_matches: float
    expected_moves: float
    expected_households: float
    expected_namesakes: float
    iterations: int


@dataclass(slots=True)
class _Class:
    """One kind of pair: its share of all pairs, the columns it explains, and how their levels are spread in it.

    `is_match`: pairs of one person. Such classes learn the spread of a column that several of them explain together.
    """

    share: float
    free: tuple[int, ...]
    spread: list[Floats]
    start: list[Floats]
    is_match: bool = False


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
        u = _shares(random, random.count * (1.0 - _matching(_posteriors(random, classes, u), classes)))
    posteriors = _posteriors(candidates, classes, u)
    matching = _matching(posteriors, classes)
    expected = [float((posterior * candidates.count).sum()) for posterior in posteriors]
    return Estimate(
        m=_spread_of_matches(classes, u),
        u=u,
        prior=sum(each.share for each in classes if each.is_match),
        matching=matching,
        expected_matches=float((matching * candidates.count).sum()),
        expected_moves=expected[_MOVERS],
        expected_households=expected[_HOUSEHOLDS],
        expected_namesakes=expected[_NAMESAKES],
        iterations=iterations,
    )


def _matching(posteriors: Sequence[Floats], classes: Sequence[_Class]) -> Floats:
    total: Floats = np.sum([posterior for posterior, each in zip(posteriors, classes, strict=True) if each.is_match], axis=0)
    return total


def _spread_of_matches(classes: Sequence[_Class], u: Sequence[Floats]) -> list[Floats]:
    """How levels are spread among all pairs of one person: in the columns that a class of them does not explain, as among strangers."""
    matches = [each for each in classes if each.is_match]
    total = sum(each.share for each in matches)
    return [
        np.sum([each.share * (each.spread[column] if column in each.free else u[column]) for each in matches], axis=0) / total
        for column in range(len(u))
    ]


def _classes(patterns: Patterns, u: Sequence[Floats], all_pairs: float) -> list[_Class]:
    """Matches, movers, households, namesakes; those that the file could not tell from matches or strangers have no share."""
    share = min(0.5, max(1e-3 * float(patterns.count.sum()), 1.0) / all_pairs)
    everything = tuple(range(len(patterns.names)))
    start = [starting_m(size, name) for size, name in zip(patterns.sizes, patterns.names, strict=True)]
    names = set(patterns.names)
    at_home = tuple(number for number in everything if patterns.names[number] not in _OF_A_HOME)
    movers = "first_name" in names and names & {"birth_date", "national_id"} and len(names & _OF_A_HOME) > 1
    unknown = frozenset(name for name in names if _is_unknown(name) or name in _OF_A_GROUP)
    of_person, of_household = names & _OF_A_PERSON, names & (_OF_HOUSEHOLD - {"country", "region"})
    households = (of_person or unknown) and (of_household or unknown) and len(of_person | of_household | unknown) > 1
    namesakes = names & (_OF_NAMESAKES - {"gender", "email"}) and names & (_OF_A_LIFE | {"email"})
    return [
        _Class(share, everything, list(start), start, is_match=True),
        _Class(0.05 * share if movers else 0.0, at_home, list(start), start, is_match=True),
        _extra(patterns, u, _OF_HOUSEHOLD, share if households else 0.0, may_explain=unknown),
        _extra(patterns, u, _OF_NAMESAKES, share if namesakes else 0.0),
    ]


def _extra(
    patterns: Patterns, u: Sequence[Floats], explains: frozenset[str], share: float, may_explain: frozenset[str] = frozenset()
) -> _Class:
    free = tuple(number for number, name in enumerate(patterns.names) if name in explains | may_explain)
    start = [starting_m(size) if number in free else u[number] for number, size in enumerate(patterns.sizes)]
    for number in free:
        size = patterns.sizes[number]
        if patterns.names[number] == "email":  # similar more often than the same
            start[number] = np.array([0.05, *[0.45 / (size - 2)] * (size - 2), 0.5])
        elif patterns.names[number] in may_explain:  # the pairs will tell
            start[number] = (starting_m(size) + u[number]) / 2
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
            for column in each.free:
                alike = [other for other, of in zip(posteriors, classes, strict=True) if of.is_match and column in of.free]
                expected = np.sum(alike if each.is_match else [posterior], axis=0) * patterns.count
                spread = _updated(patterns.levels[:, column], expected, each.start[column])
                spread = _guarded(spread, patterns.names[column]) if each.is_match else spread
                moved = max(moved, float(np.abs(spread - each.spread[column]).max()))
                each.spread[column] = spread
            share = min(0.5, max(float((posterior * patterns.count).sum()), 1.0) / all_pairs)
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


def _different_at_most(comparison: str) -> float:
    return _DIFFERENT_AT_MOST.get(comparison, _TEXT_DIFFERENT_AT_MOST if _is_unknown(comparison) else 1.0)


def _is_unknown(comparison: str) -> bool:
    """Of a text column: nobody has said what it holds."""
    return comparison.startswith("text")


def _guarded(spread: Floats, comparison: str) -> Floats:
    """The spread among matches within its bounds: without them, matches would take in households and namesakes of one mailbox name."""
    guarded = spread.copy()
    for level in _FAINT.get(comparison, ()):
        guarded[level] = min(guarded[level], guarded[1:level].max())
    guarded /= guarded.sum()
    at_most = _different_at_most(comparison)
    if guarded[-1] > at_most:
        guarded[:-1] *= (1.0 - at_most) / (1.0 - guarded[-1])
        guarded[-1] = at_most
    return guarded
