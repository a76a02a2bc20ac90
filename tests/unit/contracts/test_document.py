from __future__ import annotations

import pytest

from customer360.contracts.document import parse
from customer360.contracts.problems import ContractError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no contract"),
        (b"- a\n- b\n", "holds no contract"),
        (b"a: [1, 2\nb: 3\n", "is not YAML"),
        (b"a: 1\n\tb: 2\n", "is not YAML"),
        (b"a: \xff\xfe\n", "is not UTF-8"),
        (b"a: \x07\n", "is not YAML"),
        (b"a: 1\n---\nb: 2\n", "is not YAML"),
        (b"{a: 1}: 2\n", "a key is a list or mapping"),
        (b"a: &x [*x]\n", "an alias that holds itself"),
        (b"a: !!python/object/apply:os.system [ls]\n", None),
        (
            b"x: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*" + bytes([c - 1])] * 10)) for c in range(98, 106)),
            "too many",
        ),
        (b"a: " + b"[" * 3000 + b"]" * 3000, "nested|too many"),
    ],
)
def test_what_is_no_contract_is_refused_with_its_place(content, words):
    if words is None:
        assert parse(content, shown_as="x.yaml").data == {"a": ["ls"]}  # tags are not obeyed
        return
    with pytest.raises(ContractError) as caught:
        parse(content, shown_as="x.yaml")
    assert any(word in str(caught.value) for word in words.split("|")), str(caught.value)


def test_a_key_given_twice_is_a_problem_because_yaml_keeps_the_last_in_silence():
    document = parse(b"a: 1\nb: 2\na: 3\n", shown_as="x.yaml")
    assert [(problem.line, problem.message) for problem in document.problems] == [(1, "'a' is given twice")]


def test_dates_stay_text_so_that_an_impossible_one_is_no_crash():
    document = parse(b"a: 2024-02-31\nb: 2024-01-01T00:00:00Z\n", shown_as="x.yaml")
    assert document.data == {"a": "2024-02-31", "b": "2024-01-01T00:00:00Z"}
    assert document.problems == []


def test_anchors_and_merges_are_followed():
    document = parse(b"a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n", shown_as="x.yaml")
    assert document.data == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def test_keys_that_yaml_takes_for_something_else_are_named():
    document = parse(b"on: 1\n12: 2\n", shown_as="x.yaml")
    assert [problem.message for problem in document.problems] == ["the key 'on' is no text to YAML", "the key '12' is no text to YAML"]


def test_a_problem_found_while_reading_has_a_place_too():
    """Names are not known yet then, so the place is the position."""
    document = parse(b"schema:\n  - properties:\n      - {name: a, name: b}\n", shown_as="x.yaml")
    assert [(problem.line, problem.place) for problem in document.problems] == [(3, "schema[0].properties[0]")]


def test_lines_are_counted_from_one():
    document = parse(b"a:\n  - b: 1\n    c: 2\n", shown_as="x.yaml")
    assert document.lines[("a", 0, "c")] == 3
