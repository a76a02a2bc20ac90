"""Kept blocking keys: two records that a rule pairs have a key in common, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.identity.evidence import blocks
from customer360.identity.evidence.blocks import Blocker, wide_frame
from customer360.identity.match.columns import frame_of_wide
from customer360.identity.match.model import Model, ModelError
from customer360.identity.match.splinking import settings
from customer360.identity.standardise.contact import of_standard_phone, phone

RULES = ["l.email = r.email", "l.first_key = r.first_key and substr(l.birth_date, 6) = substr(r.birth_date, 6)"]
COMPARISON = {
    "output_column_name": "email",
    "comparison_levels": [
        {"sql_condition": "email_l = email_r", "label_for_charts": "exact", "m_probability": 0.9, "u_probability": 0.1},
        {"sql_condition": "ELSE", "label_for_charts": "different", "m_probability": 0.1, "u_probability": 0.9},
    ],
}
VALUES = {"email": ["a@b.de", "c@d.de"], "first_name": ["anna", "ann", "bernd"], "birth_date": ["1980-03-04", "1991-03-04", "1980-05-04"]}
records = st.fixed_dictionaries({name: st.lists(st.sampled_from(values), max_size=1) for name, values in VALUES.items()})


def _model(rules: list[str]) -> Model:
    return Model(splink=settings([COMPARISON], rules, 0.1), match_threshold=0.9, review_threshold=0.5)


BLOCKER = Blocker(_model(RULES))


@given(records, records)
def test_a_common_key_means_that_a_rule_holds(left: dict[str, list[str]], right: dict[str, list[str]]) -> None:
    keys = BLOCKER.keys(wide_frame([("s.o:1", left), ("s.o:2", right)]))
    same_mail = bool(left["email"]) and left["email"] == right["email"]
    first_keys = {"anna": "an", "ann": "an", "bernd": "brnd"}
    names = [first_keys[record["first_name"][0]] if record["first_name"] else None for record in (left, right)]
    days = [record["birth_date"][0][5:] if record["birth_date"] else None for record in (left, right)]
    same_person = names[0] is not None and names[0] == names[1] and days[0] is not None and days[0] == days[1]
    assert len(set(keys["s.o:1"]) & set(keys["s.o:2"])) == same_mail + same_person


def test_a_record_without_the_columns_of_a_rule_has_no_key() -> None:
    assert BLOCKER.keys(wide_frame([("s.o:1", {"city": ["bonn"]})])) == {"s.o:1": []}


def test_the_rule_of_every_pair_is_one_key_for_all() -> None:
    keys = Blocker(_model(["1 = 1"])).keys(wide_frame([("s.o:1", {"city": ["bonn"]}), ("s.o:2", {})]))
    assert keys["s.o:1"] == keys["s.o:2"] != []


def test_a_rule_that_is_no_equality_is_refused() -> None:
    with pytest.raises(ModelError, match="no conjunction of equalities"):
        Blocker(_model(["levenshtein(l.email, r.email) < 2"]))


MANY = {
    **VALUES,
    "last_name": ["schneider", "maier", "de la cruz"],
    "full_name": ["anna schneider", "maier bernd"],
    "phone": ["+4922812345678", "+4922887654321", "+3312345678"],
    "street": ["hauptstrasse 5", "markt 1"],
    "address": ["hauptstrasse 5 53111 bonn"],
    "postal_code": ["53111", "89073"],
    "city": ["bonn", "ulm"],
    "external_id": ["l1", "l2"],
    "text": ["x", "y"],
}
several = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True) for name, values in MANY.items()}
)


@given(st.lists(several, max_size=7), st.integers(1, 3))
def test_a_frame_made_in_chunks_is_the_frame(drawn: list[dict[str, list[str]]], size: int) -> None:
    rows = [(f"s{number % 2}.o:{number}", record) for number, record in enumerate(drawn)]
    whole = wide_frame(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_CHUNK", size)
        chunked = wide_frame(iter(rows))
    assert sorted(chunked.column_names) == sorted(whole.column_names)
    assert chunked.select(whole.column_names).to_pylist() == whole.to_pylist()


@given(st.from_regex(r"\+?[0-9 ()/-]{6,18}", fullmatch=True))
def test_a_standard_phone_is_not_parsed_again_and_keeps_its_parts(value: str) -> None:
    found = phone(value, "DE")
    if found.value is not None:
        assert of_standard_phone(found.value).parts == found.parts


def test_the_frame_of_standard_values_is_the_frame_of_raw_ones() -> None:
    import pyarrow as pa

    raw = {"record_id": ["1", "2"], "p": ["+49 30 1234567", "0228/123456"], "n": ["Dr. Anna Meier", "Bernd"], "m": ["A@b.de", None]}
    types = {"p": "phone", "n": "full_name", "m": "email"}
    first = frame_of_wide(pa.table(raw), types, record_id="record_id", region="DE")
    standard = {**raw, "p": ["+49301234567", "+49228123456"], "n": ["anna meier", "bernd"], "m": ["a@b.de", None]}
    assert frame_of_wide(pa.table(standard), types, record_id="record_id", is_standard=True).to_pylist() == first.to_pylist()
