"""How evidence, decisions and events are told: one wording for text and page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from customer360.identity.explain.explanation import (
    Event,
    Evidence,
    Ground,
    Neighbour,
    OpenQuestion,
    RefusedIdentifier,
    SharedIdentifier,
    TreeLink,
    Value,
)
from customer360.identity.explain.reading import Refusal
from customer360.identity.match.breakdown import Breakdown, FieldWeight
from customer360.identity.stewardship.desk import KINDS, Action, Decision

_COLUMN = re.compile(r"\bl\.(\w+)")

_REFUSED_BECAUSE: Mapping[str, str] = {
    "too_many_records": "{records} records hold it, and more than {limit} are not one person's",
    "too_many_people": "the {records} records that hold it contradict each other: too many people",
    "role_mailbox": "it is a role's mailbox, not a person's",
    "disposable": "it is a throw-away mailbox",
    "placeholder": "it is a placeholder",
}


def refusal(found: Refusal) -> str:
    """Why a value joins nobody."""
    _, records, limit, reason = found
    return _REFUSED_BECAUSE[reason].format(records=f"{records:,}", limit=limit)


def blocking_rule(rule: str) -> str:
    """A blocking rule: `l.last_key = r.last_key and l.birth_date = r.birth_date` → `same last_key and birth_date`."""
    names = [match[0] for part in re.split(r"\s+and\s+", rule) if (match := _COLUMN.findall(part))]
    if names:
        return f"same {' and '.join(names)}"
    return "a rule that compares every pair" if rule.strip() == "1 = 1" else rule


def chance(probability: float) -> str:
    """Three decimals, but 0 and 1 only where they are meant."""
    shown = f"{probability:.3f}"
    if shown == "1.000" and probability < 1:
        return ">0.999"
    return "<0.001" if shown == "0.000" and probability > 0 else shown


def evidence_name(one: Evidence) -> str:
    """Kind and rule: `exact email`, `declared crm.contacts.id`, `score`, `decided same`."""
    return _name(one.kind, one.rule)


def _name(kind: str, rule: str) -> str:
    return {"probabilistic": "score", "decided": "decided same"}.get(kind, f"{kind} {rule}")


def evidence_details(one: Evidence) -> str:
    """What the edge says besides its kind; empty where that is all."""
    if one.kind == "exact":
        names = {"silent": "nothing contradicts", "first_name": "first names agree", "full_name": "full names agree"}
        told = [names.get(str(one.details.get("agreement")), ""), f"{one.details.get('records', 2)} records hold it"]
        return "; ".join(part for part in (*told, "verified" if one.details.get("verified") else "") if part)
    if one.kind == "declared":
        return "its source keeps the other's id"
    if one.kind == "probabilistic" and not one.holds:
        return "below the match threshold"
    return ""


def evidence(one: Evidence) -> str:
    """Kind, rule, probability and what else the edge says."""
    details = evidence_details(one)
    return f"{evidence_name(one)} {chance(one.probability)}{f' ({details})' if details else ''}"


def level(one: FieldWeight) -> str:
    """The level reached, with the part of rarity where there is one."""
    if abs(one.rarity) < 0.05:
        return one.level or "missing"
    return f"{one.level}, {'rare' if one.rarity > 0 else 'common'} value {one.rarity:+.1f}"


def aside(score: Breakdown) -> list[str]:
    """What a score rests on besides its weights: the blocking rule, and the fields that one of the two lacks."""
    rule = score.blocking_rule
    told = [f"compared because of {blocking_rule(rule)}" if rule else "no blocking rule brings them together"]
    missing = [one.field for one in score.fields if one.level is None]
    return [*told, f"not in both: {', '.join(missing)}"] if missing else told


def decision(one: Decision) -> str:
    """Who decided what, when, why, and whether it still stands unquestioned."""
    state = "" if one.reopened_at is None else f"; reopened {one.reopened_at:%Y-%m-%d}: the records have changed since"
    state += "" if one.is_applied else "; acts with the next run"
    who = f"{one.decided_by} on {one.decided_at:%Y-%m-%d}"
    return f"{one.record_id_l} and {one.record_id_r}: {one.answer}, by {who} ({one.reason or 'no reason given'}){state}"


def action(one: Action) -> str:
    """One thing a steward or a run did."""
    what = f"{one.action.replace('_', ' ')}{f' {one.answer}' if one.answer else ''}"
    until = f" until {one.until:%Y-%m-%d %H:%M}" if one.until else ""
    return f"{one.at:%Y-%m-%d %H:%M} UTC  {what}{until} by {one.actor} (login {one.login}): {one.reason or ''}".rstrip(": ")


def question(one: OpenQuestion) -> str:
    """What the queue asks."""
    meaning = KINDS.get(one.kind, "")  # type: ignore[call-overload]  # a kind of the table is one of them
    put_off = f"; postponed until {one.postponed_until:%Y-%m-%d}" if one.postponed_until else ""
    return f"{one.kind.replace('_', ' ')}: {one.record_id_l} and {one.record_id_r} ({meaning}), since {one.since:%Y-%m-%d}{put_off}"


def refused(one: RefusedIdentifier) -> str:
    """An identifier that joins nobody."""
    held = ", ".join(one.record_ids)
    return f"{one.attribute} of {held}: {refusal((one.attribute, one.holders, one.limit, one.reason))}"


def event(one: Event, *, of: Any) -> str:
    """What happened, told of customer `of`."""
    records = ", ".join(one.record_ids)
    told = {
        "birth": f"born with {records}",
        "revive": f"came back with {records}",
        "join": f"{records} came new",
        "leave": f"{records} went: deleted in the source",
        "retire": "retired: no record left",
        "merge": f"customer {one.other_id} went into it with {records}",
        "move": f"{records} moved here from {one.other_id}",
        "split": f"{records} parted to {one.other_id}" if one.customer_id == of else f"{records} parted from {one.customer_id} to be it",
    }
    because = _because(one.reason)
    return f"{told.get(one.kind, one.kind)}{f'; {because}' if because else ''}"


def ground(one: Ground) -> str:
    """Run, model and thresholds."""
    told = f"linked from {one.match_threshold:g}, asked about from {one.review_threshold:g}"
    return f"identity run {one.run_id} ({one.run_at:%Y-%m-%d %H:%M} UTC), model {one.model_version}: {told}"


def identifier(one: SharedIdentifier) -> str:
    """An identifier that joined records."""
    return f"{one.attribute}{' (verified)' if one.is_verified else ''}: {', '.join(one.record_ids)}"


def neighbour(one: Neighbour) -> str:
    """Another customer with evidence towards this one."""
    evidence = one.evidence
    pairs = "1 pair" if one.pairs == 1 else f"{one.pairs} pairs, the strongest"
    told = f"{pairs} {evidence.record_id_l} – {evidence.record_id_r}, {evidence_name(evidence)} {chance(evidence.probability)}"
    return f"{one.customer_id}: {told}; {'cut by clustering' if one.is_cut else 'too weak to link'}"


def weakness(one: TreeLink) -> str:
    """What a weak link of the tree holds; empty for one that is not weak."""
    if one.smaller_side is None:
        return ""
    return f"weak: without it {one.smaller_side} record{'s' if one.smaller_side > 1 else ''} would come apart"


def value(one: Value) -> str:
    """A value of a record, and its standard form where that is another. Personal."""
    standard = "" if one.standard == one.raw else f" → {one.standard if one.standard is not None else 'no valid form'}"
    return f"{one.raw}{standard}{' (verified)' if one.is_verified else ''}"


def _because(reason: Mapping[str, Any]) -> str:
    edges = reason.get("edges") or []
    listed = ", ".join(
        f"{_name(edge['kind'], edge['rule'])} {chance(edge['probability'])} ({edge['record_id_l']} – {edge['record_id_r']})"
        for edge in edges
    )
    because = reason.get("because")
    if because == "evidence":
        return f"by {listed}" if listed else ""
    if because == "evidence_withdrawn":
        return f"withdrawn or weaker: {listed}"
    if because == "cut":
        return "clustering cut what held them: a decision, a contradiction, or too little evidence between two groups"
    return ""
