"""What one partition of the records loses against another, on the same labels. Pure.

Both are judged on the same people (or labelled pairs), so what they find hard alike cancels out: an interval of the *difference* is far
narrower than the two figures' own intervals would make believe, and it is as wide as it must be where few labels tell them apart.

Precision and recall are ratios of two sums over what was drawn. The difference of two such ratios has the variance of the sum of its
linearised parts, one per person or pair (Cochran, "Sampling Techniques", 3rd edition 1977, chapter 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from customer360.identity.models.evaluation import Truth, Z, shares_of_people
from customer360.identity.models.labels import LabelledPair

Part = tuple[float, float, float, float]  # right and claimed (or true) before, the same after


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A difference, with 95 % confidence between `low` and `high`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Before minus after: above 0 the second partition is worse. `scope`: all, or a locale. `told_by`: clusters (known people) or pairs.

    `true`: labelled pairs that are one person. `touched`: people or labelled pairs whose figures differ between the two.
    """

    scope: str
    told_by: str
    true: int
    touched: int
    before: tuple[float, float]  # precision, recall
    after: tuple[float, float]
    precision: Estimate
    recall: Estimate

    @property
    def f1(self) -> tuple[float, float]:
        """Harmonic mean of precision and recall, before and after."""
        before, after = [2 * p * r / (p + r) if p + r else 0.0 for p, r in (self.before, self.after)]
        return before, after


def losses_on_people(before: Mapping[str, str], after: Mapping[str, str], truth: Mapping[str, Truth]) -> list[Loss]:
    """Known people: all, then per locale. `before`, `after`: the customer of every living record; records that one of the two or the
    truth lacks count nowhere."""
    known = [record for record in before if record in after and record in truth]
    locales: dict[str, str] = {}
    for record in known:
        locales.setdefault(truth[record].person_id, truth[record].locale)
    old = shares_of_people([(before[record], truth[record].person_id) for record in known])
    new = shares_of_people([(after[record], truth[record].person_id) for record in known])
    scopes: dict[str, list[str]] = {"all": list(old)}
    for person, locale in sorted(locales.items(), key=lambda item: (item[1], item[0])):
        if locale:
            scopes.setdefault(locale, []).append(person)
    return [
        _loss(
            scope,
            "clusters",
            true=sum(old[person].true for person in people),
            claims=[(old[person].together, old[person].claimed, new[person].together, new[person].claimed) for person in people],
            truths=[(old[person].together, old[person].true, new[person].together, new[person].true) for person in people],
        )
        for scope, people in scopes.items()
    ]


def loss_on_pairs(before: Mapping[str, str], after: Mapping[str, str], labelled: Iterable[LabelledPair]) -> Loss:
    """Labelled pairs. A pair with a record that one of the two lacks counts nowhere."""
    claims: list[Part] = []
    truths: list[Part] = []
    for one in labelled:
        if not all(record in side for side in (before, after) for record in (one.record_id_l, one.record_id_r)):
            continue
        then, now = (float(side[one.record_id_l] == side[one.record_id_r]) for side in (before, after))
        right = float(one.is_match)
        claims.append((then * right, then, now * right, now))
        truths.append((then * right, right, now * right, right))
    return _loss("all", "pairs", true=sum(whole for _, whole, _, _ in truths), claims=claims, truths=truths)


def _loss(scope: str, told_by: str, *, true: float, claims: Sequence[Part], truths: Sequence[Part]) -> Loss:
    precision, recall = [_ratios(parts) for parts in (claims, truths)]
    return Loss(
        scope=scope,
        told_by=told_by,
        true=round(true),
        touched=sum(part[:2] != part[2:] for part in claims),
        before=(precision[0], recall[0]),
        after=(precision[1], recall[1]),
        precision=_difference(claims, *precision),
        recall=_difference(truths, *recall),
    )


def _ratios(parts: Sequence[Part]) -> tuple[float, float]:
    before, whole_before, after, whole_after = (sum(part[place] for part in parts) for place in range(4))
    return (before / whole_before if whole_before else 1.0), (after / whole_after if whole_after else 1.0)


def _difference(parts: Sequence[Part], before: float, after: float) -> Estimate:
    """Only who has a pair in either partition was drawn for this figure."""
    drawn = [part for part in parts if part[1] or part[3]]
    value = before - after
    if len(drawn) < 2:
        return Estimate(value=value, low=-1.0, high=1.0)
    whole_before, whole_after = sum(part[1] for part in drawn) or 1.0, sum(part[3] for part in drawn) or 1.0
    square = sum(((a - before * b) / whole_before - (c - after * d) / whole_after) ** 2 for a, b, c, d in drawn)
    reach = Z * sqrt(len(drawn) / (len(drawn) - 1) * square)
    return Estimate(value=value, low=max(-1.0, value - reach), high=min(1.0, value + reach))
