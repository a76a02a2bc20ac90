from __future__ import annotations

import typing

import pytest

from customer360.contracts import vocabulary as words


def test_auth_and_paginator_keys_are_those_of_dlt():
    """The contract promises dlt's documented form; when dlt adds a key this says so."""
    from dlt.sources.rest_api import typing as dlt

    def keys(config):
        return set(typing.get_type_hints(config)) - {"session"}  # an object, which no file can hold

    assert {kind: set(known) for kind, known in words.AUTH_KEYS.items()} == {
        "bearer": keys(dlt.BearerTokenAuthConfig),
        "api_key": keys(dlt.ApiKeyAuthConfig),
        "http_basic": keys(dlt.HttpBasicAuthConfig),
        "oauth2_client_credentials": keys(dlt.OAuth2ClientCredentialsConfig),
    }
    link = keys(dlt.JSONLinkPaginatorConfig)
    assert {kind: set(known) for kind, known in words.PAGINATOR_KEYS.items()} == {
        "auto": {"type"},
        "single_page": {"type"},
        "json_link": link,
        "json_response": link,
        "header_link": keys(dlt.HeaderLinkPaginatorConfig),
        "header_cursor": keys(dlt.HeaderCursorPaginatorConfig),
        "cursor": keys(dlt.JSONResponseCursorPaginatorConfig),
        "offset": keys(dlt.OffsetPaginatorConfig),
        "page_number": keys(dlt.PageNumberPaginatorConfig),
    }
    assert set(words.PAGINATOR_KEYS) == set(typing.get_args(dlt.PaginatorType))
    assert set(words.ENDPOINT_KEYS) == set(typing.get_type_hints(dlt.Endpoint)) - {
        "incremental",
        "auth",
    }  # ours: the cursor and the connection


@pytest.mark.parametrize(
    ("text", "logical_type", "expected"),
    [
        ("bigint", "integer", "bigint"),
        ("INT8", "integer", "bigint"),
        ("numeric( 12 , 2 )", "number", "numeric(12,2)"),
        ("decimal(10)", "number", "numeric(10,0)"),
        ("character varying (30)", "string", "varchar(30)"),
        ("char", "string", "char(1)"),
        ("timestamp  with time zone", "timestamp", "timestamptz"),
    ],
)
def test_physical_types_are_spelled_one_way(text, logical_type, expected):
    assert words.parse_physical_type(text, logical_type) == expected


@pytest.mark.parametrize(
    ("text", "logical_type"),
    [
        ("", "string"),
        ("serial", "integer"),
        ("timestamp", "timestamp"),  # without a zone nobody knows when it was
        ("numeric(0)", "number"),
        ("numeric(3,4)", "number"),
        ("bigint(3)", "integer"),
        ("varchar(3,4)", "string"),
        ("text, drop", "string"),
        ("numeric(12,2", "number"),
    ],
)
def test_other_types_are_refused(text, logical_type):
    with pytest.raises(ValueError, match="physicalType"):
        words.parse_physical_type(text, logical_type)


def test_every_type_the_reader_lets_through_is_one_postgres_knows_by_that_name():
    known = {"text", "varchar", "char", "uuid", "inet", "smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean"}
    known |= {"date", "timestamptz", "time", "jsonb"}
    assert {spelling for spelling, _, _ in words.PHYSICAL_TYPES.values()} == known
    assert set(words.DEFAULT_SQL_TYPE.values()) <= known
