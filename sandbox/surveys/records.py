"""Respondents and answers, as rows of the survey tool's exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from sandbox import moments
from sandbox.documents import Document
from sandbox.email.export import csv_bytes
from sandbox.population.appearance import SURVEY, appear, country_name, full_name
from sandbox.population.people import Person
from sandbox.truth import Record

RESPONDENT_FIELDS = ("respondent_id", "email", "full_name", "birth_year", "gender", "city", "country", "loyalty_id", "updated_at")
ANSWER_FIELDS = ("answer_id", "respondent_id", "survey_id", "question_code", "score", "comment", "answered_at")
_COMMENTS = ("Fast delivery, thank you.", "The box was too large.", "Good prices; poor search.", 'They said "soon", it took weeks', "")


def respondent(person: Person, number: int, *, rng: Random, at: int) -> Document:
    """A person as they described themselves."""
    shown = appear(person, SURVEY, rng=rng, day=moments.day_of(at))
    body = {
        "respondent_id": f"R{number:07d}", "email": shown.email or "", "full_name": full_name(shown),
        "birth_year": shown.birth[:4] if shown.birth else "", "gender": person.gender if rng.random() < 0.6 else "",
        "city": (shown.address.city_latin if shown.in_latin else shown.address.city) if rng.random() < 0.7 else "",
        "country": country_name(shown.address.country, rng=rng),
        "loyalty_id": person.loyalty_id if person.loyalty_id and rng.random() < 0.3 else "", "updated_at": moments.iso(at),
    }  # fmt: skip
    return Document("surveys.respondents", str(body["respondent_id"]), at // moments.SECOND, body)


def answers(respondent_id: str, first: int, *, rng: Random, at: int) -> list[dict[str, Any]]:
    """One questionnaire: recommendation 0 to 10, buying again 1 to 5, and what people like to add."""
    happy = rng.random()
    survey = f"nps-{moments.day_of(at)[:4]}q{(int(moments.day_of(at)[5:7]) + 2) // 3}"
    nps = min(10, max(0, round(10 * happy**0.5 + rng.gauss(0, 1))))
    rows: list[tuple[str, Any, str]] = [("recommend", nps, ""), ("buy_again", 1 + min(4, int(happy * 5)), "")]
    if rng.random() < 0.4:
        rows.append(("why", "", rng.choice(_COMMENTS[:-1])))
    return [
        {"answer_id": f"A{first + i:08d}", "respondent_id": respondent_id, "survey_id": survey, "question_code": code, "score": score,
         "comment": comment, "answered_at": moments.iso(at + i * 20 * moments.SECOND)}
        for i, (code, score, comment) in enumerate(rows)
    ]  # fmt: skip


def history(persons: Sequence[Person], *, rng: Random, now: int) -> tuple[list[Document], list[dict[str, Any]], list[Record]]:
    """Who answered up to now, and what."""
    respondents: list[Document] = []
    given: list[dict[str, Any]] = []
    records: list[Record] = []
    for person in persons:
        if rng.random() >= 0.08:
            continue
        at = now - int(rng.random() * 380 * moments.DAY) - moments.HOUR
        made = respondent(person, len(respondents) + 1, rng=rng, at=at)
        respondents.append(made)
        records.append((f"surveys.respondents:{made.id}", person.person_id, person.household_id, person.locale.replace("_", "-")))
        given += answers(made.id, len(given) + 1, rng=rng, at=at)
    return respondents, given, records


def csv_of(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """An export of respondents or answers."""
    fields = RESPONDENT_FIELDS if name == "respondents" else ANSWER_FIELDS
    return csv_bytes(fields, ([row[field] for field in fields] for row in rows))
