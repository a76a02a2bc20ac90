"""The SOQL subset: what it reads, what it refuses, and in which words."""

from __future__ import annotations

import pytest

from sandbox.crm.soql import SoqlError, parse


def test_a_full_query() -> None:
    query = parse(
        "SELECT Id, LastName, systemmodstamp FROM contact WHERE SystemModstamp >= 2026-11-22T20:00:00+01:00 AND IsDeleted = FALSE "
        "AND LastName IN ('O\\'Brien', 'Müller') ORDER BY SystemModstamp ASC, Id DESC NULLS LAST LIMIT 10 OFFSET 5"
    )
    assert query.item.name == "Contact"
    assert query.fields == ("Id", "LastName", "SystemModstamp")
    assert query.where == "SystemModstamp >= ? and IsDeleted = ? and LastName in (?, ?)"
    assert query.parameters == ("2026-11-22T19:00:00.000+0000", 0, "O'Brien", "Müller")
    assert query.order == "SystemModstamp, Id desc nulls last, row_number"
    assert (query.limit, query.offset) == (10, 5)


def test_null_and_not_in_and_like() -> None:
    query = parse("SELECT Id FROM Lead WHERE Email != null AND Status NOT IN ('a') AND Company LIKE 'A%' AND City = null")
    assert query.where == "Email is not null and Status not in (?) and Company like ? and City is null"


def test_count() -> None:
    assert parse("select count() from Account").is_count


def test_text_cannot_leave_its_quotes() -> None:
    query = parse("SELECT Id FROM Contact WHERE LastName = 'x\\' OR 1=1 --'")
    assert query.parameters == ("x' OR 1=1 --",)
    assert query.where == "LastName = ?"


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Foo FROM Contact", "INVALID_FIELD", "No such column 'Foo' on entity 'Contact'"),
        ("SELECT Id FROM Contact WHERE Foo = 'x'", "INVALID_FIELD", "ERROR at Row:1:Column:30"),
        ("SELECT Id, Id FROM Contact", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Case", "INVALID_TYPE", "sObject type 'Case' is not supported"),
        ("SELECT Id FROM contacts", "INVALID_TYPE", "sObject type 'contacts' is not supported"),
        ("SELECT FROM Contact", "MALFORMED_QUERY", "unexpected token: 'Contact'"),
        ("SELECT Id", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY", "<EOF>"),
        ("SELECT Id FROM Contact; DROP TABLE Contact", "MALFORMED_QUERY", "unexpected token: ';"),
        ("SELECT Id FROM Contact LIMIT 5 x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Contact WHERE IsDeleted = 'false'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01'", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-13-45T00:00:00Z", "MALFORMED_QUERY", "invalid dateTime"),
        ("", "MALFORMED_QUERY", "<EOF>"),
    ],
)
def test_refusals(soql: str, code: str, words: str) -> None:
    with pytest.raises(SoqlError) as refused:
        parse(soql)
    assert refused.value.code == code
    assert words in refused.value.message
