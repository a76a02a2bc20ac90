"""Putting what was learnt into a sum of weights, which is what Splink scores with.

A logistic regression on the levels (and on the rarity of the values agreed on) towards the match probabilities of `estimate`,
held near Fellegi and Sunter's own weights log2(m/u). It gives evidence that comes together its joint weight: where households
share surname, street and phone, each of the three counts less, and a different birth date counts more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from customer360.identity.match.estimate import Estimate, Floats
from customer360.identity.match.vectors import Patterns

_HOLD = 0.02  # precision of the prior around Fellegi and Sunter's weights, per squared bit
_FEWEST_MATCHES = 20.0  # expected matches of which a threshold can be told
_THRESHOLDS = (0.3, 0.7)  # beyond these the probabilities themselves are too unsure
_LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`level`: per comparison the weight of each level in bits, best first; an exact level judged by share: without the share's part.
    `by_rarity`: per comparison how much of the rarity counts (0 to 1). `intercept`: the prior's weight in bits."""

    level: list[Floats]
    by_rarity: list[float]
    intercept: float


def distil(candidates: Patterns, learnt: Estimate) -> Weights:
    """Weights whose sum gives the match probabilities of `learnt` as nearly as a sum can."""
    start = _pack(candidates, learnt)
    bounds = _bounds(candidates)
    found = minimize(
        _loss,
        np.clip(start, [low for low, _ in bounds], [high for _, high in bounds]),
        args=(start, _design(candidates), candidates.count, learnt.matching),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 200},
    )
    return _unpack(candidates, found.x)


def _pack(patterns: Patterns, learnt: Estimate) -> Floats:
    levels = []
    for column, by_share in enumerate(patterns.by_share):
        ratio = np.log2(learnt.m[column] / learnt.u[column])
        if by_share:
            ratio[0] = np.log2(learnt.m[column][0])
        levels.append(ratio)
    rarity = np.array([1.0 if by_share else 0.0 for by_share in patterns.by_share])
    return np.concatenate([[np.log2(learnt.prior / (1 - learnt.prior))], rarity, *levels])


def _bounds(patterns: Patterns) -> list[tuple[float, float]]:
    """Rarity counts between not at all and in full; the exact level it judges adds nothing of its own, so that m stays a probability."""
    rarity = [(0.0, 1.0) if by_share else (0.0, 0.0) for by_share in patterns.by_share]
    levels = []
    for size, by_share in zip(patterns.sizes, patterns.by_share, strict=True):
        levels += [(-30.0, 0.0 if by_share else 40.0), *[(-30.0, 40.0)] * (size - 1)]
    return [(-60.0, -0.5), *rarity, *levels]


def _unpack(patterns: Patterns, packed: Floats) -> Weights:
    columns = len(patterns.sizes)
    ends = np.cumsum(patterns.sizes) + 1 + columns
    levels = [packed[end - size : end] for end, size in zip(ends.tolist(), patterns.sizes, strict=True)]
    return Weights(level=levels, by_rarity=[float(value) for value in packed[1 : 1 + columns]], intercept=float(packed[0]))


def _design(patterns: Patterns) -> csr_matrix:
    """A row a pattern, a column a weight in the order of `_pack`: its product with the weights is each pattern's match weight in bits."""
    count, columns = patterns.levels.shape
    starts = 1 + columns + np.cumsum([0, *patterns.sizes[:-1]])
    every = np.arange(count)
    known, rare = np.nonzero(patterns.levels >= 0), np.nonzero(patterns.rarity)
    row = np.concatenate([every, known[0], rare[0]])
    column = np.concatenate([np.zeros(count, dtype=np.int64), starts[known[1]] + patterns.levels[known], 1 + rare[1]])
    value = np.concatenate([np.ones(count + len(known[0])), patterns.rarity[rare].astype(np.float64)])
    return csr_matrix((value, (row, column)), shape=(count, 1 + columns + sum(patterns.sizes)))


def best_threshold(patterns: Patterns, weights: Weights) -> float:
    """The match probability from which linking pairs is expected to give the greatest F1, by the weights' own probabilities.

    Linking from the best pair down, F1 is expected to be 2 * (matches linked) / (pairs linked + all matches); it is greatest at about
    half the F1 that can be reached (Lipton, Elkan, Naryanaswamy 2014). With hardly a match in the file that says nothing: one half.
    """
    bits = _design(patterns) @ np.concatenate([[weights.intercept], weights.by_rarity, *weights.level])
    probability = 1.0 / (1.0 + np.exp(-np.clip(bits * _LN2, -500.0, 500.0)))
    order = np.argsort(-probability)
    linked = np.cumsum(patterns.count[order])
    matches = np.cumsum(patterns.count[order] * probability[order])
    if matches[-1] < _FEWEST_MATCHES:
        return 0.5
    best = int(np.argmax(2.0 * matches / (linked + matches[-1])))
    return float(np.floor(np.clip(probability[order[best]], *_THRESHOLDS) * 1000) / 1000)


def _loss(packed: Floats, start: Floats, design: csr_matrix, count: Floats, matching: Floats) -> tuple[float, Floats]:
    """Cross-entropy in nats plus the hold, and its gradient."""
    logit = (design @ packed) * _LN2
    loss = float((count * (np.logaddexp(0.0, logit) - matching * logit)).sum())
    residual = count * (1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0))) - matching) * _LN2
    away = packed - start
    return loss + 0.5 * _HOLD * float((away**2).sum()), design.T @ residual + _HOLD * away
