"""Record ids and tokens are Salesforce's."""

from __future__ import annotations

from sandbox.crm import ids
from sandbox.crm.tokens import LIFETIME, Tokens


def test_check_characters_follow_the_published_rule() -> None:
    assert ids.checked("0015000000Gv7qJ") == "0015000000Gv7qJAAR"
    assert ids.checked("003000000000000") == "003000000000000AAA"


def test_ids_are_eighteen_characters_ordered_and_differ_even_where_case_does_not_count() -> None:
    made = [ids.record_id(ids.CONTACT, number) for number in range(1, 9000)]
    assert all(len(name) == 18 and name.startswith("003") for name in made)
    assert made == sorted(made)
    assert len({name.lower() for name in made}) == len(made)


def test_a_token_ends_and_only_its_signer_can_make_it() -> None:
    tokens = Tokens("secret")
    token = tokens.issue(now=1000)
    assert tokens.is_valid(token, now=1000 + LIFETIME - 1)
    assert not tokens.is_valid(token, now=1000 + LIFETIME)
    assert Tokens("secret").is_valid(token, now=1001), "a restarted server knows its tokens"
    assert not Tokens("other").is_valid(token, now=1001)
    assert not tokens.is_valid(token[:-1] + "x", now=1001)
    assert not tokens.is_valid("nonsense")
    assert tokens.issue() != tokens.issue()
