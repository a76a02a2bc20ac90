"""Golden values against checked ones: what somebody found out of a sample of people, by telephone or because they know.

A file `record_id,attribute,value`: the person whom the record shows has that value. Several true values (mail addresses) are several rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection

from customer360.identity.models.labels import LabelError, labelled_rows
from customer360.identity.standardise import SEMANTIC_TYPES, standardise

COLUMNS = ("record_id", "attribute", "value")


class TrueValue(NamedTuple):
    """A value, in standard form, of the person whom a record shows. Personal."""

    record_id: str
    attribute: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedValue:
    """A golden value of the customer that `record_id` belongs to, and whether it is true of the person whom that record shows: a customer
    of two people's records is wrong about one of them. `evidence`: log-odds before calibration."""

    record_id: str
    attribute_group: str
    attribute: str
    evidence: float
    confidence: float
    is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`missing`: checked (record, attribute) of which the golden record says nothing, or whose record it does not know."""

    checked: Sequence[CheckedValue]
    missing: int


def read_values(path: Path) -> list[TrueValue]:
    """The file of checked values. Raises LabelError with the line of an attribute that does not exist or a value without a valid form."""
    found = []
    for line, row in labelled_rows(path, COLUMNS):
        record_id, attribute, raw = (row[name] or "" for name in COLUMNS)
        if not record_id:
            raise LabelError(f"{path}, line {line}: record_id is empty; write a source record, like shop.customers:123.")
        if attribute not in SEMANTIC_TYPES:
            raise LabelError(f"{path}, line {line}: no attribute is called {attribute!r}; there are {', '.join(SEMANTIC_TYPES)}.")
        standard = standardise(attribute, raw).value
        if standard is None:
            raise LabelError(f"{path}, line {line}: the value is no {attribute} in a valid form; mend it or drop the line.")
        found.append(TrueValue(record_id, attribute, standard))
    if not found:
        raise LabelError(f"{path} holds no row: nothing can be compared with it.")
    return found


def compare(connection: Connection[Any], values: Sequence[TrueValue]) -> Comparison:
    """The golden values of today against true ones, spellings apart. Needs a reader of unmasked marts (steward); `marts` must be built."""
    rows = connection.execute(
        """
        select truth.record_id, golden.attribute_group, truth.attribute, golden.evidence, golden.confidence,
               bool_or(golden_form = true_form or identity.may_mean(truth.attribute, golden_form, true_form)) as is_right
          from unnest(%s::text[], %s::text[], %s::text[]) as truth (record_id, attribute, value)
          join marts.bridge_customer_record as record on record.record_id = truth.record_id
          join marts.dim_customer_attribute as golden
            on golden.customer_id = record.customer_id and golden.attribute = truth.attribute and golden.is_winner
         cross join lateral (
            select identity.agreement_form(truth.attribute, golden.standard_value), identity.agreement_form(truth.attribute, truth.value)
         ) as forms (golden_form, true_form)
         where golden.evidence is not null and not golden.is_pinned
         group by truth.record_id, golden.attribute_group, truth.attribute, golden.evidence, golden.confidence
         order by truth.record_id, truth.attribute
        """,
        [list(column) for column in zip(*values, strict=True)],
    ).fetchall()
    checked = [
        CheckedValue(
            record_id=record, attribute_group=group, attribute=attribute, evidence=float(evidence), confidence=float(sure), is_right=right
        )
        for record, group, attribute, evidence, sure, right in rows
    ]
    return Comparison(checked=checked, missing=len({(one.record_id, one.attribute) for one in values}) - len(checked))
