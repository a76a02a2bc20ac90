"""What marketing's tool takes in while time passes."""

from __future__ import annotations

from typing import Any

from sandbox import documents, moments
from sandbox.marketing import records
from sandbox.passage import Passage
from sandbox.population.people import Person


def marketing_lead(passage: Passage) -> None:
    """Somebody fills in a form, or gives their card away at a fair."""
    person, at = passage.somebody(), passage.moment()
    crm_leads = passage.world.records_of(person.person_id, "crm.leads")
    company = passage.companies.get(person.company_id) if person.company_id else None
    made = records.lead(
        person, passage.take_id("marketing_lead"), crm_lead_id=crm_leads[0] if crm_leads else None,
        company=company.name if company else None, rng=passage.rng, created=at,
    )  # fmt: skip
    documents.add(passage.world.connection, [made])
    passage.marketing["leads"].append(dict(made.body))
    passage.note(f"marketing.leads:{made.id}", person.person_id, person.household_id, person.locale.replace("_", "-"))


def campaign_response(passage: Passage) -> None:
    """A lead answers a campaign, or does something with a post of ours."""
    newest = passage.next_ids["marketing_lead"] - 1
    if newest < 1:
        return
    lead_id, at = f"L{passage.rng.randint(1, newest):07d}", passage.moment()
    row = records.response(lead_id, passage.take_id("response"), rng=passage.rng, at=at)
    passage.marketing["responses"].append(row)
    if passage.rng.random() < 0.4 and passage.next_ids["profile"] > 1:
        profile = f"sp{passage.rng.randint(1, passage.next_ids['profile'] - 1):07d}"
        passage.marketing["interactions"].append(records.interaction(profile, passage.take_id("interaction"), rng=passage.rng, at=at))


def tell(passage: Passage, person: Person, values: dict[str, Any], *, at: int) -> None:
    """A lead's details change; the next export holds the lead again."""
    for id_ in passage.world.records_of(person.person_id, "marketing.leads")[:1]:
        found = documents.get(passage.world.connection, "marketing.leads", id_)
        if found is not None:
            body = {**found, **values, "updated_at": max(found["updated_at"], moments.iso(at))}
            documents.change(passage.world.connection, documents.Document("marketing.leads", id_, at // moments.SECOND, body))
            passage.marketing["leads"].append(body)
