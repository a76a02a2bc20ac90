"""Which standardiser a semantic type has."""

from __future__ import annotations

from collections.abc import Callable

from customer360.identity.standardise import contact, dates, identifiers, names, places, text
from customer360.identity.standardise.result import NOTHING, Standardised

STANDARDISER_VERSION = "2"  # raise it when any standard form changes: stored attributes and models name the version they were made with

_BY_TYPE: dict[str, Callable[[str, str | None], Standardised]] = {
    "first_name": lambda value, region: names.first_name(value),
    "middle_name": lambda value, region: names.middle_name(value),
    "last_name": lambda value, region: names.last_name(value),
    "full_name": lambda value, region: names.full_name(value),
    "birth_date": dates.birth_date,
    "birth_year": lambda value, region: dates.birth_year(value),
    "birth_place": lambda value, region: places.city(value),
    "gender": lambda value, region: identifiers.gender(value),
    "email": lambda value, region: contact.email(value),
    "phone": contact.phone,
    "street": lambda value, region: places.street(value),
    "house_number": lambda value, region: places.house_number(value),
    "address": lambda value, region: places.address(value),
    "city": lambda value, region: places.city(value),
    "region": lambda value, region: places.region(value),
    "postal_code": places.postal_code,
    "country": lambda value, region: places.country(value),
    "national_id": identifiers.national_id,
    "organisation": lambda value, region: names.organisation(value),
    "occupation": lambda value, region: text.text(value),
    "external_id": lambda value, region: identifiers.identifier(value),
    "text": lambda value, region: text.text(value),
}

SEMANTIC_TYPES: tuple[str, ...] = tuple(_BY_TYPE)


def standardise(semantic_type: str, value: str, *, region: str | None = None) -> Standardised:
    """The standard form of `value`, read as a `semantic_type`.

    Pure and deterministic; `standardise(t, standardise(t, v).value)` gives the same value. Any string is accepted: one that
    has no valid form gives `value=None`. `region` (ISO 3166-1 alpha-2) is the country a national phone number is read in.
    Raises KeyError for a semantic type that does not exist, and nothing else.
    """
    standardiser = _BY_TYPE[semantic_type]
    if not value or not value.strip():
        return NOTHING
    return standardiser(value, region)
