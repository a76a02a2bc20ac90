"""An explanation as one page: pictures inside, no script, no network. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from customer360.identity.explain import pictures, words
from customer360.identity.explain.explanation import (
    CustomerExplanation,
    Evidence,
    Explanation,
    Ground,
    PairExplanation,
    Record,
    Step,
    TreeLink,
    ValueRow,
)
from customer360.identity.match.breakdown import Breakdown
from customer360.pages.shell import details, table, tiles, whole_page

_DRAWN_AT_MOST = 60  # waterfalls of a customer's other evidence; beyond, figures alone


def page(found: Explanation) -> str:
    """A whole HTML document."""
    if isinstance(found, CustomerExplanation):
        title, sections = f"Customer {found.customer_id}", _customer(found)
    else:
        title, sections = f"{found.record_l.record_id} and {found.record_r.record_id}", _pair(found)
    banner = '<p class="banner">This page shows personal data: what records say of people. Keep it as you keep them.</p>'
    return whole_page(title, "\n".join([*([banner] if found.values is not None else []), *(part for part in sections if part)]))


# ------------------------------------------------------------------------------------------------------ a pair
def _pair(found: PairExplanation) -> list[str]:
    left, right = found.record_l.record_id, found.record_r.record_id
    path = {frozenset((step.record_id_from, step.record_id_to)) for step in found.path}
    return [
        f"<h1>{'One customer' if found.is_one else 'Not one customer'}</h1>",
        f'<p class="soft">{_code(left)} and {_code(right)}</p>',
        _tiles(found),
        f"<p>{escape(found.verdict)}.</p>",
        *(f'<p class="note">{escape(note)}</p>' for note in found.notes),
        _listed("What stands between", [one.text for one in found.obstacles]),
        _graph(found.records, found.evidence, found.ground, asked=(left, right), path=path) if len(found.records) > 1 else "",
        _steps(found),
        _score(f"Their score: {left} and {right}", found.score, found.ground)
        if found.score is not None and not found.is_score_on_path
        else "",
        _listed("Evidence between just these two", [words.evidence(one) for one in found.direct]) if len(found.path) != 1 else "",
        _listed("Decisions that stand", [words.decision(one) for one in found.decisions]),
        _listed("What was done about the two", [words.action(one) for one in found.actions]),
        _listed("Open questions", [words.question(one) for one in found.questions]),
        _values(found.values, [found.record_l, found.record_r]),
        _ground(found.ground),
    ]


def _tiles(found: PairExplanation) -> str:
    shown = [("yes" if found.is_one else "no", "one customer", "good" if found.is_one else "bad")]
    if found.path:
        weakest = min(step.probability for step in found.path)
        shown.append((words.chance(weakest), "weakest link of the path", ""))
        shown.append((str(len(found.path)), "link" if len(found.path) == 1 else "links on the path", ""))
    if found.score is not None:
        shown.append((words.chance(found.score.probability), "the model's score of the two", ""))
    shown.append((f"{len(found.records)}", "records around them", ""))
    return tiles(shown)


def _steps(found: PairExplanation) -> str:
    if not found.path:
        return ""
    title = "The path" if found.is_one else "The evidence that reaches from one to the other"
    told = "" if len(found.path) == 1 else "<p>Of all ways from one to the other, the one whose weakest link is strongest.</p>"
    return f"<h2>{title}</h2>{told}{''.join(_step(step, found.ground) for step in found.path)}"


def _step(step: Step, ground: Ground) -> str:
    crossing = ' <span class="bad">the cut between the two customers</span>' if step.crosses else ""
    evidence = "".join(f"<li>{escape(words.evidence(one))}</li>" for one in step.evidence)
    drawn = "".join(_drawn(one.breakdown, ground) for one in step.evidence if one.breakdown is not None)
    names = f"{_code(step.record_id_from)} → {_code(step.record_id_to)}"
    return f"<h3>{names} · {words.chance(step.probability)}{crossing}</h3><ul>{evidence}</ul>{drawn}"


# -------------------------------------------------------------------------------------------------- a customer
def _customer(found: CustomerExplanation) -> list[str]:
    followed = ""
    if found.alias_since is not None:
        followed = f"<p>{_code(str(found.asked))} is a retired id; since {found.alias_since:%Y-%m-%d} it means this customer.</p>"
    return [
        "<h1>Customer</h1>",
        f'<p class="soft">{_code(str(found.customer_id))}</p>',
        followed,
        _customer_tiles(found),
        f"<p>{escape(found.verdict)}.</p>",
        *(f'<p class="note">{escape(note)}</p>' for note in found.notes),
        _graph(found.records, found.evidence, found.ground) if found.records else "",
        _tree(found),
        _listed("Identifiers that joined records", [words.identifier(one) for one in found.identifiers]),
        _listed("Identifiers that join nobody", [words.refused(one) for one in found.refused]),
        _other_evidence(found),
        _listed("Other customers with evidence towards it", [words.neighbour(one) for one in found.neighbours]),
        _happened(found),
        _listed("Ids that went into it", [str(alias) for alias in found.aliases]),
        _listed("Decisions that stand", [words.decision(one) for one in found.decisions]),
        _listed("Open questions", [words.question(one) for one in found.questions]),
        _values(found.values, found.records),
        _ground(found.ground),
    ]


def _customer_tiles(found: CustomerExplanation) -> str:
    shown = [(str(len(found.records)), "record" if len(found.records) == 1 else "records", "")]
    sources = len({record.source for record in found.records})
    shown.append((str(sources), "source object" if sources == 1 else "source objects", ""))
    if found.tree:
        weakest = found.tree[-1]
        shown.append((words.chance(weakest.probability), "weakest link that holds it", "bad" if weakest.smaller_side else ""))
    shown.append((f"{found.born_at:%Y-%m-%d}", "born", ""))
    if found.retired_at is not None:
        shown.append((f"{found.retired_at:%Y-%m-%d}", "retired", "bad"))
    if found.questions:
        shown.append((str(len(found.questions)), "open question" if len(found.questions) == 1 else "open questions", "bad"))
    return tiles(shown)


def _tree(found: CustomerExplanation) -> str:
    if not found.tree:
        return ""
    parts = ["<h2>What holds it together</h2><p>The strongest links that join all its records, strongest first.</p>"]
    for link in found.tree:
        evidence = found.between(link.record_id_l, link.record_id_r)
        drawn = "".join(_drawn(one.breakdown, found.ground) for one in evidence if one.breakdown is not None)
        told = "".join(f"<li>{escape(words.evidence(one))}</li>" for one in evidence)
        names = f"{_code(link.record_id_l)} – {_code(link.record_id_r)}"
        parts.append(f"<h3>{names} · {words.chance(link.probability)}{_weak(link)}</h3><ul>{told}</ul>{drawn}")
    return "".join(parts)


def _weak(link: TreeLink) -> str:
    told = words.weakness(link)
    return f' <span class="bad">{escape(told)}</span>' if told else ""


def _other_evidence(found: CustomerExplanation) -> str:
    others = found.beside_tree
    if not others:
        return ""
    rows = [
        (one.record_id_l, one.record_id_r, words.evidence_name(one), words.chance(one.probability), words.evidence_details(one))
        for one in others
    ]
    parts = [table(("record", "record", "evidence", "probability", ""), rows)]
    drawn = [one for one in others if one.breakdown is not None]
    parts += [
        details(f"{one.record_id_l} – {one.record_id_r}: the score {words.chance(one.probability)}", _drawn(one.breakdown, found.ground))
        for one in drawn[:_DRAWN_AT_MOST]
        if one.breakdown is not None
    ]
    if len(drawn) > _DRAWN_AT_MOST:
        parts.append(f'<p class="note">{len(drawn) - _DRAWN_AT_MOST} more scores are not drawn here; `--json` has each field of all.</p>')
    return f"<h2>Other evidence inside</h2>{''.join(parts)}"


def _happened(found: CustomerExplanation) -> str:
    rows = [(f"{one.at:%Y-%m-%d %H:%M}", one.kind, words.event(one, of=found.customer_id)) for one in found.events]
    return f'<h2>What happened</h2><div class="told">{table(("UTC", "event", ""), rows)}</div>' if rows else ""


# ------------------------------------------------------------------------------------------------------ pieces
def _graph(
    records: Sequence[Record],
    evidence: Sequence[Evidence],
    ground: Ground,
    *,
    asked: Iterable[str] = (),
    path: Iterable[frozenset[str]] = (),
) -> str:
    rows = [
        (
            str(number),
            one.record_id,
            one.source,
            "deleted" if one.customer_id is None else str(one.customer_id),
            f"{one.since:%Y-%m-%d}" if one.since else "",
        )
        for number, one in enumerate(records, 1)
    ]
    drawn = pictures.cluster_graph(records, evidence, weak_below=ground.weak_link_below, asked=set(asked), path=set(path))
    listed = details(f"The {len(records)} records", table(("", "record", "source", "customer", "since"), rows))
    customers = dict.fromkeys(one.customer_id for one in records)
    shades = (
        f'<p class="note">Strong circles: {_code(str(next(iter(customers))))}; faint ones: the other.</p>' if len(customers) == 2 else ""
    )
    return f"<h2>Records and evidence</h2>{drawn}{pictures.legend(evidence)}{shades}{listed}"


def _score(title: str, score: Breakdown, ground: Ground) -> str:
    return f"<h2>{escape(title)}</h2>{_drawn(score, ground)}"


def _drawn(score: Breakdown, ground: Ground) -> str:
    told = f"In bits, log2 of the odds that both are one person; {'; '.join(words.aside(score)).replace('_', ' ')}."
    picture = pictures.waterfall(score, match_threshold=ground.match_threshold, review_threshold=ground.review_threshold)
    return f'<figure>{picture}<figcaption class="note">{escape(told)}</figcaption></figure>'


def _values(rows: Sequence[ValueRow] | None, records: Sequence[Record]) -> str:
    if rows is None:
        return ""
    body = []
    for row in rows:
        cells = ["; ".join(words.value(value) for value in row.values.get(record.record_id, ())) for record in records]
        body.append((row.attribute.replace("_", " "), *cells))
    return f'<h2>What the records say</h2><div class="told">{table(("", *(record.record_id for record in records)), body)}</div>'


def _listed(title: str, lines: Sequence[str]) -> str:
    return f"<h2>{escape(title)}</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _ground(ground: Ground) -> str:
    return f'<p class="note">{escape(words.ground(ground))}</p>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
