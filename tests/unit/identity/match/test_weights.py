"""The threshold is where the model expects the best F1."""

from __future__ import annotations

import numpy as np
import pytest

from customer360.identity.match.vectors import Patterns
from customer360.identity.match.weights import Weights, best_threshold


def by_level(probabilities: list[float], counts: list[float]) -> tuple[Patterns, Weights]:
    """Patterns of one comparison whose levels have these match probabilities."""
    size = len(probabilities)
    patterns = Patterns(
        names=("name",),
        sizes=(size,),
        by_share=(False,),
        levels=np.arange(size).reshape(-1, 1),
        rarity=np.zeros((size, 1), dtype=np.int64),
        count=np.array(counts),
    )
    share = np.array(probabilities)
    return patterns, Weights(level=[np.log2(share / (1 - share))], by_rarity=[0.0], intercept=0.0)


@pytest.mark.parametrize(
    ("probabilities", "counts", "least", "most"),
    [
        ([0.999, 0.55, 0.45, 0.001], [500, 10, 10, 1000], 0.45, 0.55),  # little doubt: about one half
        ([0.9, 0.4, 0.001], [50, 200, 1000], 0.4, 0.4),  # most matches are doubtful: better link them than lose them
        ([0.9, 0.35, 0.001], [500, 50, 1000], 0.7, 0.7),  # few doubtful ones: they are left, but no threshold is above 0.7
        ([0.9, 0.001], [3, 1000], 0.5, 0.5),  # hardly a match: nothing can be told
    ],
)
def test_it_is_where_the_expected_f1_is_greatest(probabilities: list[float], counts: list[float], least: float, most: float) -> None:
    threshold = best_threshold(*by_level(probabilities, counts))
    assert min(least, 0.7) - 1e-3 <= threshold <= min(most, 0.7) + 1e-3
