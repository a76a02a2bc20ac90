"""Leads, campaigns, responses, social profiles and interactions, as rows of marketing's exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox import moments
from sandbox.documents import Document
from sandbox.population import mailboxes
from sandbox.population.appearance import MARKETING, appear, full_name
from sandbox.population.people import Person
from sandbox.truth import Record

LEAD_FIELDS = ("lead_id", "email", "full_name", "phone", "company", "job_title", "city", "country", "source", "has_consented",
               "crm_lead_id", "created_at", "updated_at")  # fmt: skip
CAMPAIGN_FIELDS = ("campaign_id", "name", "channel", "objective", "budget", "currency", "started_on", "ended_on", "updated_at")
_JOBS = ("Buyer", "Head of Purchasing", "Office Manager", "Teacher", "Designer", "Nurse", "Engineer", "Student")
_SOURCES = ("fair", "webinar", "download", "partner", "social")
_NETWORKS = ("instagram", "mastodon", "linkedin", "tiktok")
_KINDS = ("registered", "attended", "downloaded", "declined", "replied")
_DEEDS = ("like", "comment", "mention", "share", "follow")
_CAMPAIGNS = (
    ("Spring fair", "event", "acquire"), ("Garden webinar", "webinar", "acquire"), ("Gift guide", "content", "engage"),
    ("Autumn open day", "event", "engage"), ("Partner week", "partner", "acquire"), ("Photo contest", "social", "engage"),
    ("Winter webinar", "webinar", "acquire"), ("Loyalty month", "content", "retain"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class History:
    """Everything marketing has up to now: leads as documents; the others as rows that are only ever added."""

    leads: list[Document]
    records: list[Record]
    responses: list[dict[str, Any]]
    profiles: list[dict[str, Any]]
    interactions: list[dict[str, Any]]


def campaigns(now: int) -> list[dict[str, Any]]:
    """The last year's campaigns; one a month and a half."""
    rows = []
    for number, (name, channel, objective) in enumerate(_CAMPAIGNS):
        started = now - (len(_CAMPAIGNS) - number) * 45 * moments.DAY
        ended = started + 40 * moments.DAY
        rows.append(
            {
                "campaign_id": f"mkt-{number + 1:03d}",
                "name": name,
                "channel": channel,
                "objective": objective,
                "budget": 4000 + 1500 * number,
                "currency": "EUR",
                "started_on": moments.day_of(started),
                "ended_on": moments.day_of(ended) if ended < now else "",
                "updated_at": moments.iso(min(ended, now)),
            }
        )
    return rows


def lead(person: Person, number: int, *, crm_lead_id: str | None, company: str | None, rng: Random, created: int) -> Document:
    """A person as a form, a fair or a partner gave them."""
    shown = appear(person, MARKETING, rng=rng, day=moments.day_of(created))
    email = person.work_email if person.work_email and rng.random() < 0.35 else shown.email
    body = {
        "lead_id": f"L{number:07d}", "email": email, "full_name": full_name(shown), "phone": shown.mobile or shown.phone,
        "company": company if rng.random() < 0.7 else None, "job_title": rng.choice(_JOBS) if rng.random() < 0.5 else None,
        "city": (shown.address.city_latin if shown.in_latin else shown.address.city) if rng.random() < 0.6 else None,
        "country": shown.address.country, "source": rng.choice(_SOURCES), "has_consented": rng.random() < 0.7,
        "crm_lead_id": crm_lead_id if rng.random() < 0.5 else None, "created_at": moments.iso(created), "updated_at": moments.iso(created),
    }  # fmt: skip
    return Document("marketing.leads", str(body["lead_id"]), created // moments.SECOND, body)


def profile(person: Person, lead_id: str, number: int, *, rng: Random, at: int) -> dict[str, Any]:
    """A handle that marketing knows to be a lead's."""
    return {
        "profile_id": f"sp{number:07d}", "network": rng.choice(_NETWORKS), "lead_id": lead_id,
        "handle": f"@{mailboxes.slug(person.first_latin) or 'user'}{rng.randrange(10_000)}",
        "stats": {"followers": int(rng.expovariate(1 / 300)), "following": rng.randrange(800)}, "seen_at": moments.iso(at),
    }  # fmt: skip


def interaction(profile_id: str, number: int, *, rng: Random, at: int) -> dict[str, Any]:
    """What a profile did with a post of ours."""
    kind = rng.choice(_DEEDS)
    return {
        "interaction_id": f"si{number:08d}", "profile_id": profile_id, "kind": kind, "post_id": f"post-{rng.randrange(400):04d}",
        "text": rng.choice(("Lovely!", "When will it be back?", "Mine broke after a week")) if kind in ("comment", "mention") else None,
        "occurred_at": moments.iso(at),
    }  # fmt: skip


def response(lead_id: str, number: int, *, rng: Random, at: int) -> dict[str, Any]:
    """How a lead answered a campaign."""
    campaign = rng.randrange(len(_CAMPAIGNS))
    return {
        "response_id": f"rs{number:08d}", "campaign_id": f"mkt-{campaign + 1:03d}", "lead_id": lead_id, "response_type": rng.choice(_KINDS),
        "value": round(rng.uniform(5, 80), 2) if rng.random() < 0.2 else None, "responded_at": moments.to_datetime(at),
    }  # fmt: skip


def history(persons: Sequence[Person], crm_leads: Mapping[int, str], companies: Mapping[int, str], *, rng: Random, now: int) -> History:
    """Leads, their answers and profiles up to now. `crm_leads`: person → lead of the CRM; `companies`: company → name."""
    made = History([], [], [], [], [])
    for person in persons:
        if rng.random() >= 0.1:
            continue
        created = now - int(rng.random() * 500 * moments.DAY) - moments.HOUR
        company = companies.get(person.company_id) if person.company_id else None
        new = lead(person, len(made.leads) + 1, crm_lead_id=crm_leads.get(person.person_id), company=company, rng=rng, created=created)
        made.leads.append(new)
        made.records.append((f"marketing.leads:{new.id}", person.person_id, person.household_id, person.locale.replace("_", "-")))
        for _ in range(rng.randrange(4)):
            made.responses.append(response(new.id, len(made.responses) + 1, rng=rng, at=moments.between(rng, created, now)))
        if rng.random() < 0.35:
            handle = profile(person, new.id, len(made.profiles) + 1, rng=rng, at=created)
            made.profiles.append(handle)
            for _ in range(rng.randrange(4)):
                at = moments.between(rng, created, now)
                made.interactions.append(interaction(handle["profile_id"], len(made.interactions) + 1, rng=rng, at=at))
    return made
