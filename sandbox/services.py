"""Billing, support, marketing, surveys and reviews: filled when the world is made, and their files written while time passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from sandbox import documents, moments
from sandbox.billing import records as billing
from sandbox.cast import Cast
from sandbox.layout import Layout
from sandbox.marketing import export
from sandbox.marketing import records as marketing
from sandbox.population.people import Company
from sandbox.reviews import outbox
from sandbox.reviews import records as reviews
from sandbox.support import records as support
from sandbox.surveys import records as surveys
from sandbox.truth import Record
from sandbox.web.files import put
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Filled:
    """Rows per source object, whom the new records show, and the next free numbers."""

    rows: dict[str, int]
    records: list[Record]
    next_ids: dict[str, int]


def fill(
    layout: Layout,
    world: World,
    cast: Cast,
    companies: list[Company],
    shop: Mapping[str, pa.Table],
    skus: Mapping[int, str],
    *,
    seed: int,
    now: int,
) -> Filled:
    """Everything the five have up to now. `shop`: the tables of what was bought; `skus`: article numbers by product."""
    persons = {p.person_id: p for p in cast.persons}
    accounts = {a.person_id: a.customer_id for a in reversed(cast.accounts) if a.person_id is not None and not a.is_deleted}
    last_orders = dict(zip(shop["orders"]["customer_id"].to_pylist(), shop["orders"]["order_number"].to_pylist(), strict=True))
    billed, customers = billing.history(shop, cast.accounts, persons, rng=Random(f"{seed}-billing"), now=now)
    helped, users = support.history(cast.persons, accounts, last_orders, rng=Random(f"{seed}-support"), now=now)
    crm_leads = {lead.person_id: lead.id for lead in cast.leads if lead.person_id is not None}
    names = {c.company_id: c.name for c in companies}
    courted = marketing.history(cast.persons, crm_leads, names, rng=Random(f"{seed}-marketing"), now=now)
    respondents, answers, asked = surveys.history(cast.persons, rng=Random(f"{seed}-surveys"), now=now)
    judged, reviewers = reviews.history(cast.persons, accounts, shop, skus, rng=Random(f"{seed}-reviews"), now=now)
    documents.add(world.connection, [*billed, *helped, *courted.leads, *respondents, *judged])
    outbox.keep(world.connection, (outbox.delivery(events, at=now) for events in reviews.deliveries(judged)))
    rows = {"marketing.campaigns": len(marketing.campaigns(now))}
    for document in (*billed, *helped, *courted.leads, *respondents, *judged):
        rows[document.object] = rows.get(document.object, 0) + 1
    put_files(layout.surveys, {
        f"respondents/{moments.day_of(now)}.csv": surveys.csv_of("respondents", [d.body for d in respondents]),
        f"answers/{moments.day_of(now)}.csv": surveys.csv_of("answers", answers),
    })  # fmt: skip
    put_files(layout.marketing, {
        export.file_name("leads", now): export.leads(d.body for d in courted.leads),
        export.file_name("campaigns", now): export.campaigns(marketing.campaigns(now)),
        export.file_name("responses", now): export.responses(courted.responses),
        export.file_name("profiles", now): export.profiles(courted.profiles),
        export.file_name("interactions", now): export.interactions(courted.interactions),
    })  # fmt: skip
    rows |= {
        "marketing.responses": len(courted.responses), "marketing.social_profiles": len(courted.profiles),
        "marketing.social_interactions": len(courted.interactions), "surveys.answers": len(answers),
    }  # fmt: skip
    next_ids = {
        "billing_event": 1,
        "support_user": support.FIRST_USER + rows["support.users"],
        "ticket": support.FIRST_TICKET + rows.get("support.tickets", 0),
        "marketing_lead": len(courted.leads) + 1,
        "profile": len(courted.profiles) + 1,
        "response": len(courted.responses) + 1,
        "interaction": len(courted.interactions) + 1,
        "respondent": len(respondents) + 1,
        "answer": len(answers) + 1,
        "reviewer": len(reviewers) + 1,
        "review": rows.get(reviews.OBJECT, 0) + 1,
    }
    return Filled(rows, [*customers, *users, *courted.records, *asked, *reviewers], next_ids)


def put_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files by their names below a folder, each whole or not at all."""
    return [put((folder / name).parent, Path(name).name, content) for name, content in files.items()]


def marketing_files(rows: Mapping[str, list[dict[str, Any]]], *, at: int) -> dict[str, bytes]:
    """Marketing's exports of one advance, by file name; what has nothing new is not exported."""
    writers = {"leads": export.leads, "responses": export.responses, "interactions": export.interactions}
    return {export.file_name(name, at): writers[name](found) for name, found in rows.items() if found}


def survey_files(rows: Mapping[str, list[dict[str, Any]]], *, at: int) -> dict[str, bytes]:
    """The survey tool's exports of one advance."""
    return {f"{name}/{export.stamp(at)}.csv": surveys.csv_of(name, found) for name, found in rows.items() if found}
