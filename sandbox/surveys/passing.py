"""What the survey tool takes in while time passes."""

from __future__ import annotations

from sandbox import documents, moments
from sandbox.passage import Passage
from sandbox.surveys import records


def survey_answer(passage: Passage) -> None:
    """Somebody fills in a questionnaire, for the first time or again."""
    person = passage.somebody()
    at = min(passage.moment(), passage.now - moments.MINUTE)
    known = passage.world.records_of(person.person_id, "surveys.respondents")
    if known:
        respondent_id = known[0]
    else:
        made = records.respondent(person, passage.take_id("respondent"), rng=passage.rng, at=at)
        documents.add(passage.world.connection, [made])
        passage.surveys["respondents"].append(dict(made.body))
        passage.note(f"surveys.respondents:{made.id}", person.person_id, person.household_id, person.locale.replace("_", "-"))
        respondent_id = made.id
    rows = records.answers(respondent_id, passage.next_ids["answer"], rng=passage.rng, at=at)
    passage.next_ids["answer"] += len(rows)
    passage.surveys["answers"] += rows
