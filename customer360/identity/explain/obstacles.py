"""What stands between two records that are not one customer. Pure: what was read goes in, obstacles in words come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from customer360.identity.clusters.components import LARGEST_COMPARED, contradicts, identifying_values, weight
from customer360.identity.clusters.pieces import LARGEST_PIECE
from customer360.identity.evidence.agreement import Agreement, Person, agreement
from customer360.identity.evidence.identifiers import NEEDED
from customer360.identity.explain import words
from customer360.identity.explain.explanation import Evidence, Obstacle, Record
from customer360.identity.explain.reading import Refusal, Standard
from customer360.identity.match.breakdown import Breakdown
from customer360.identity.settings import Settings
from customer360.identity.stewardship.desk import Decision


def of_records(left: Record, right: Record) -> list[Obstacle]:
    """What about the records themselves forbids it."""
    found = [
        Obstacle(
            kind="deleted",
            text=f"{one.record_id} was deleted in its source ({one.changed_at:%Y-%m-%d}): it belongs to no customer",
            details={"record_id": one.record_id},
        )
        for one in (left, right)
        if one.is_deleted
    ]
    if left.kind != right.kind:
        text = f"{left.record_id} is of kind {left.kind}, {right.record_id} of kind {right.kind}: such are never one customer"
        found.append(Obstacle(kind="other_kind", text=text, details={"kinds": [left.kind, right.kind]}))
    return found


def of_decisions(decisions: Iterable[Decision], ours: frozenset[str], theirs: frozenset[str]) -> list[Obstacle]:
    """Standing cannot-link decisions between the two customers' records."""
    found = []
    for one in decisions:
        if one.answer == "different" and {one.record_id_l, one.record_id_r} & ours and {one.record_id_l, one.record_id_r} & theirs:
            pair = f"{one.record_id_l} and {one.record_id_r}"
            text = f"{one.decided_by} decided on {one.decided_at:%Y-%m-%d} that {pair} are different ({one.reason or 'no reason given'})"
            details = {"decision_id": str(one.decision_id), "record_id_l": one.record_id_l, "record_id_r": one.record_id_r}
            found.append(Obstacle(kind="cannot_link", text=text, details=details))
    return found


def of_contradictions(
    standards: Mapping[str, Standard], ours: frozenset[str], theirs: frozenset[str], asked: tuple[str, str]
) -> list[Obstacle]:
    """Birth dates or national ids that no one person has: of the two records, else of any two across their customers."""
    told = {
        record: identifying_values(values.get("birth_date"), values.get("national_id"))
        for record, values in standards.items()
        if record in ours or record in theirs
    }
    if len(told) > LARGEST_COMPARED:
        told = {record: values for record, values in told.items() if record in asked}
    pairs = [asked, *(pair for pair in product(sorted(ours), sorted(theirs)) if pair != asked)]
    for left, right in pairs:
        if left in told and right in told and contradicts(told[left], told[right]):
            # the dates alone, then, say whether it is them
            what = "birth dates" if contradicts((told[left][0], ()), (told[right][0], ())) else "national ids"
            text = f"the {what} of {left} and {right} cannot be one person's"
            return [Obstacle(kind="contradiction", text=text, details={"what": what, "record_id_l": left, "record_id_r": right})]
    return []


def of_identifiers(
    shared: Mapping[tuple[str, str], bytes],
    refused: Mapping[bytes, Refusal],
    direct: Sequence[Evidence],
    standards: tuple[Standard, Standard],
    settings: Settings,
) -> list[Obstacle]:
    """Identifiers that both hold and that do not join them. `shared`: (attribute, value) → its keyed hash."""
    joined = {one.identifier for one in direct if one.kind == "exact"}
    level = agreement(Person.of(standards[0]), Person.of(standards[1]))
    found = []
    for (attribute, _), hashed in sorted(shared.items()):
        if hashed.hex() in joined:
            continue
        if (refusal := refused.get(hashed)) is not None:
            _, records, limit, reason = refusal
            text = f"both hold one {attribute}, but it joins nobody: {words.refusal(refusal)}"
            details = {"attribute": attribute, "records": records, "limit": limit, "reason": reason}
            found.append(Obstacle(kind="refused_identifier", text=text, details=details))
        else:
            needed = settings.identifiers[attribute].agreement
            text = f"both hold one {attribute}, but {_guard(level, NEEDED[needed], needed)}"
            details = {"attribute": attribute, "agreement": level.name.lower(), "needed": needed}
            found.append(Obstacle(kind="guarded_identifier", text=text, details=details))
    return found


def _guard(level: Agreement, needed: Agreement, name: str) -> str:
    if level is Agreement.CONTRADICTS:
        return "their names or birth dates contradict each other"
    if level < needed:
        told = {Agreement.SILENT: "nothing", Agreement.FIRST_NAME: "the first name alone"}[level]
        return f"it joins only whose {name.replace('_', ' ')} agrees, and these agree on {told}"
    return "others hold it who contradict each other, and one of these two fits several of them"


def of_links(
    left: set[tuple[str, str, bool]], right: set[tuple[str, str, bool]], refused: Mapping[tuple[str, str], Refusal], is_declared: bool
) -> list[Obstacle]:
    """Declared links that both have a part in and that do not join them. Sets of (target, value, whether the record is the one named)."""
    found = []
    ours, theirs = {(target, value) for target, value, _ in left}, {(target, value) for target, value, _ in right}
    for target, value in sorted(ours & theirs):
        anchors = sum((target, value, True) in side for side in (left, right))
        if anchors == 2:
            continue
        if (refusal := refused.get((target, value))) is not None:
            text = f"both name one {target}, but it joins nobody: {words.refusal(refusal)}"
            details = {"target": target, "records": refusal[1], "limit": refusal[2], "reason": refusal[3]}
            found.append(Obstacle(kind="refused_link", text=text, details=details))
        elif anchors == 0 and not is_declared:
            text = f"both name one {target}, but the record that has it is not there, or not one customer with both"
            found.append(Obstacle(kind="unmatched_link", text=text, details={"target": target}))
    return found


def of_score(score: Breakdown | None, *, match_threshold: float, review_threshold: float) -> list[Obstacle]:
    """Why the model's score does not join them; nothing where it reaches the match threshold and they were compared."""
    if score is None:
        return []
    found = []
    probability = score.probability
    if score.blocking_rule is None:
        would = "would be enough" if probability >= match_threshold else "would not be enough either"
        text = f"no blocking rule brings them together, so no run compares them (their score, {words.chance(probability)}, {would})"
        found.append(Obstacle(kind="not_blocked", text=text, details={"probability": probability}))
    elif probability < review_threshold:
        away = review_threshold - probability
        text = f"scored {probability:.3f}, {away:.3f} below the review threshold {review_threshold:g}: nobody is asked about it"
        found.append(Obstacle(kind="below_review", text=text, details={"probability": probability, "review_threshold": review_threshold}))
    elif probability < match_threshold:
        away = match_threshold - probability
        text = (
            f"scored {probability:.3f}, {away:.3f} below the match threshold {match_threshold:g}: in the grey zone, for a steward to decide"
        )
        found.append(Obstacle(kind="grey_zone", text=text, details={"probability": probability, "match_threshold": match_threshold}))
    return found


def of_clustering(
    between: Sequence[Evidence],
    sizes: tuple[int, int],
    *,
    resolution: float,
    is_kept_apart: bool,
    is_taken_apart: bool,
) -> list[Obstacle]:
    """Evidence between two customers that holds, and why clustering kept them apart all the same.

    `between`: all edges across; `sizes`: records of either. `is_kept_apart`: by a decision or a contradiction; `is_taken_apart`: their
    component was too large. Else it was community detection: a cluster is worth the evidence inside it minus `resolution` for every
    pair of its records (see `match.cluster`).
    """
    holding: dict[tuple[str, str], float] = {}
    for one in between:
        if one.holds:
            pair = (one.record_id_l, one.record_id_r)
            holding[pair] = max(holding.get(pair, 0.0), weight(one.kind, one.probability))
    if not holding:
        return []
    pairs = sizes[0] * sizes[1]
    mean = sum(holding.values()) / pairs
    strongest = max(holding, key=lambda pair: (holding[pair], pair))
    details = {
        "record_id_l": strongest[0],
        "record_id_r": strongest[1],
        "probability": holding[strongest],
        "pairs_joined": len(holding),
        "pairs": pairs,
        "mean": round(mean, 6),
        "resolution": resolution,
    }
    told = f"{strongest[0]} and {strongest[1]} are joined by evidence"
    if is_kept_apart:
        text = f"{told}, but a decision or contradiction between the two customers keeps them apart"
        return [Obstacle(kind="cut", text=text, details=details)]
    if is_taken_apart:
        text = (
            f"{told}, but their component has more than {LARGEST_PIECE} records: it was taken apart at its weakest links, and this is one"
        )
        return [Obstacle(kind="taken_apart", text=text, details=details)]
    why = f"{len(holding)} of the {pairs} pairs between the two customers, {mean:.2f} a pair"
    if mean < resolution:
        text = f"{told}, but such evidence joins {why}: community detection cuts what is below {resolution:g}"
    else:
        text = f"{told}, as are {why}; community detection found a better division of their component all the same"
    return [Obstacle(kind="cut", text=text, details=details)]
