"""An explanation as plain text. Pure; each function gives lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from customer360.identity.explain import words
from customer360.identity.explain.explanation import (
    CustomerExplanation,
    Evidence,
    Explanation,
    Ground,
    PairExplanation,
    Step,
    TreeLink,
    ValueRow,
)
from customer360.identity.match.breakdown import Breakdown

# what would move a terminal's cursor, colour it or turn its writing round: records hold what people typed
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def text(found: Explanation) -> str:
    """The whole explanation, ending in a newline."""
    lines = _customer(found) if isinstance(found, CustomerExplanation) else _pair(found)
    return "".join(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", line) + "\n" for line in lines)


# ------------------------------------------------------------------------------------------------------ a pair
def _pair(found: PairExplanation) -> Iterator[str]:
    left, right = found.record_l.record_id, found.record_r.record_id
    yield found.verdict
    yield from (f"  note: {note}" for note in found.notes)
    yield from _section("What stands between", [one.text for one in found.obstacles])
    if found.path:
        yield from ("", "The path" if found.is_one else "The evidence that reaches from one to the other")
        for step in found.path:
            yield from _step(step)
    if found.score is not None and not found.is_score_on_path:
        yield from ("", f"Their score: {left} – {right}")
        yield from waterfall(found.score)
    if len(found.path) != 1:
        yield from _section("Evidence between just these two", [words.evidence(one) for one in found.direct])
    yield from _section("Decisions that stand", [words.decision(one) for one in found.decisions])
    yield from _section("What was done about the two", [words.action(one) for one in found.actions])
    yield from _section("Open questions", [words.question(one) for one in found.questions])
    yield from _values(found.values, [left, right])
    yield from _ground(found.ground)


def _step(step: Step) -> Iterator[str]:
    crossing = "   the cut between the two customers" if step.crosses else ""
    yield f"  {step.record_id_from} → {step.record_id_to}   {words.chance(step.probability)}{crossing}"
    yield from _in_full(step.evidence)


def _in_full(evidence: Iterable[Evidence]) -> Iterator[str]:
    for one in evidence:
        yield f"    {words.evidence(one)}"
        if one.breakdown is not None:
            yield from (f"    {line}" for line in waterfall(one.breakdown))


def waterfall(score: Breakdown) -> Iterator[str]:
    """Prior, weight of each field, their sum, in bits."""
    told = [one for one in score.fields if one.level is not None]
    width = max(len(name) for name in ("match weight", *(one.field for one in told)))
    yield f"  {'prior':<{width}}  {score.prior:+7.2f}  any two records"
    for one in told:
        yield f"  {one.field:<{width}}  {one.weight:+7.2f}  {words.level(one)}"
    yield f"  {'match weight':<{width}}  {score.match_weight:+7.2f}  bits: probability {words.chance(score.probability)}"
    yield f"  {'':<{width}}  {'':>7}  {'; '.join(words.aside(score))}"


# -------------------------------------------------------------------------------------------------- a customer
def _customer(found: CustomerExplanation) -> Iterator[str]:
    if found.alias_since is not None:
        yield f"{found.asked} is a retired id; since {found.alias_since:%Y-%m-%d} it means {found.customer_id}"
    yield found.verdict
    yield from (f"  note: {note}" for note in found.notes)
    yield from _section("Records", [f"{one.record_id}  since {one.since:%Y-%m-%d}" for one in found.records if one.since])
    if found.tree:
        yield from ("", "What holds it together, strongest first")
        for link in found.tree:
            yield from _link(link, found)
    yield from _section("Identifiers that joined records", [words.identifier(one) for one in found.identifiers])
    yield from _section("Identifiers that join nobody", [words.refused(one) for one in found.refused])
    others = [f"{one.record_id_l} – {one.record_id_r}   {words.evidence(one)}" for one in found.beside_tree]
    yield from _section("Other evidence inside (what each field contributed: --json, --html)", others)
    yield from _section("Other customers with evidence towards it", [words.neighbour(one) for one in found.neighbours])
    happened = [f"{one.at:%Y-%m-%d %H:%M} UTC  {words.event(one, of=found.customer_id)}" for one in found.events]
    yield from _section("What happened", happened)
    yield from _section("Ids that went into it", [str(alias) for alias in found.aliases])
    yield from _section("Decisions that stand", [words.decision(one) for one in found.decisions])
    yield from _section("Open questions", [words.question(one) for one in found.questions])
    yield from _values(found.values, [one.record_id for one in found.records])
    yield from _ground(found.ground)


def _link(link: TreeLink, found: CustomerExplanation) -> Iterator[str]:
    weakness = words.weakness(link)
    yield f"  {link.record_id_l} – {link.record_id_r}   {words.chance(link.probability)}{f'   {weakness}' if weakness else ''}"
    yield from _in_full(found.between(link.record_id_l, link.record_id_r))


# ------------------------------------------------------------------------------------------------------ pieces
def _values(rows: Sequence[ValueRow] | None, record_ids: Sequence[str]) -> Iterator[str]:
    """A line per attribute, record and value."""
    if rows is None:
        return
    yield from ("", "What the records say (personal)")
    width = max(map(len, record_ids), default=0)
    for row in rows:
        yield f"  {row.attribute}"
        for record in record_ids:
            yield from (f"    {record:<{width}}  {words.value(one)}" for one in row.values.get(record, ()))


def _ground(ground: Ground) -> Iterator[str]:
    yield from ("", words.ground(ground))


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", title, *(f"  {line}" for line in lines))
