"""The REST part of a contract, which dlt would only complain of once a source is read."""

from __future__ import annotations

import copy

import pytest

CLIENT = {
    "auth": {"type": "oauth2_client_credentials", "access_token_url": "/token"},
    "paginator": {"type": "json_link", "next_url_path": "next"},
    "data_selector": "records",
}
ENDPOINT = {"path": "query", "params": {"q": "SELECT {fields} FROM {object} WHERE changed >= {since}"}}


@pytest.fixture
def problems_of_api(problems_of):
    def problems(break_it):
        def make_api(data):
            client, endpoint = copy.deepcopy(CLIENT), copy.deepcopy(ENDPOINT)
            break_it(client, endpoint)
            del data["schema"][1]
            data["servers"][0].update(type="api", location="/v1", customProperties=[{"property": "client", "value": client}])
            data["schema"][0]["customProperties"][1]["value"]["endpoint"] = endpoint

        return problems_of(make_api)

    return problems


def test_the_unbroken_one_is_legal(problems_of_api):
    assert problems_of_api(lambda client, endpoint: None) == []


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda c, e: c.update(paginatr={}), "did you mean 'paginator'?"),
        (lambda c, e: c["auth"].update(type="oauth"), "unknown auth type 'oauth'"),
        (lambda c, e: c["auth"].update(client_secret="hush"), "must not stand in a contract"),
        (lambda c, e: c["auth"].update(scope="x"), "unknown key 'scope'"),
        (lambda c, e: c.update(paginator="jsonlink"), "did you mean 'json_link'?"),
        (lambda c, e: c["paginator"].update(next_page="x"), "unknown key 'next_page'"),
        (lambda c, e: c.update(data_selector=3), "path of the rows"),
        (lambda c, e: e.pop("path"), "path is missing"),
        (lambda c, e: e.update(method="DELETE"), "does not read"),
        (lambda c, e: e.update(params="q=1"), "must be a mapping"),
        (lambda c, e: e["params"].update(q="{fieldz}"), "unknown placeholder {fieldz}; did you mean 'fields'?"),
        (lambda c, e: e.update(json={"deep": [{"x": "{sinse}"}]}), "unknown placeholder {sinse}; did you mean 'since'?"),
        (lambda c, e: e.update(pth="x"), "did you mean 'path'?"),
        (lambda c, e: c["paginator"].update(last_page_pth="x"), "unknown key 'last_page_pth'"),
        (lambda c, e: c["auth"].update(last_page_path="x"), "unknown key 'last_page_path'"),
    ],
)
def test_one_broken_rule_is_named(problems_of_api, break_it, words):
    found = problems_of_api(break_it)
    assert len(found) == 1, found
    assert words in f"{found[0].message}; {found[0].fix}"


def assert_told(problems_of, break_it, words, **declared):
    """An API whose object declares this besides its endpoint, then broken: one problem with these words, or none."""

    def make_api(data):
        del data["schema"][1]
        data["servers"][0].update(type="api", location="/v1", customProperties=[{"property": "client", "value": copy.deepcopy(CLIENT)}])
        extract = data["schema"][0]["customProperties"][1]["value"]
        extract.update(endpoint=copy.deepcopy(ENDPOINT), **copy.deepcopy(declared))
        break_it(extract)

    found = problems_of(make_api)
    assert len(found) == (words is not None), found
    assert words is None or words in f"{found[0].message}; {found[0].fix}"


FEED = {"endpoint": {"path": "events"}, "record": "data.object", "changed_at": "created", "gone": {"type": "gone"}, "reach": "29d"}


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda extract: None, None),
        (lambda extract: extract["feed"].update(recrd="x"), "did you mean 'record'?"),
        (lambda extract: extract["feed"].pop("record"), "record is missing"),
        (lambda extract: extract["feed"].pop("changed_at"), "changed_at is missing"),
        (lambda extract: extract["feed"]["endpoint"].pop("path"), "path is missing"),
        (lambda extract: extract["feed"].update(order="newest"), "did you mean 'newest_first'?"),
        (lambda extract: extract["feed"].update(gone=["x"]), "which events are deletions"),
        (lambda extract: extract["feed"].update(reach="a month"), "no time span"),
        (lambda extract: extract["feed"].update(made_at=extract["cursor"]), None),
        (lambda extract: extract["feed"].update(made_at="made"), "made_at 'made' is no timestamp of the object"),
        (lambda extract: extract.pop("deletes"), "deletions need a flag"),
        (lambda extract: [extract.pop("cursor"), extract.pop("lookback")], "a feed needs a cursor"),
    ],
)
def test_a_feed_says_all_it_must(problems_of, break_it, words):
    assert_told(problems_of, break_it, words, feed=FEED)


COUNT = {"endpoint": {"path": "query", "params": {"q": "count after {since}"}}, "total": "size"}


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda extract: None, None),
        (lambda extract: extract.update(count="keys"), None),
        (lambda extract: extract.update(count="keyz"), "write count: keys"),
        (lambda extract: extract["count"].pop("total"), "total is missing"),
        (lambda extract: extract["count"].update(totl="x"), "did you mean 'total'?"),
        (lambda extract: extract["count"]["endpoint"].pop("path"), "path is missing"),
        (lambda extract: extract["count"]["endpoint"].update(params={"q": "count"}), "put {since} or {since_epoch}"),
    ],
)
def test_a_count_says_all_it_must(problems_of, break_it, words):
    assert_told(problems_of, break_it, words, count=COUNT)


def test_a_secret_is_not_repeated_in_the_message(problems_of_api):
    found = problems_of_api(lambda client, endpoint: client["auth"].update(client_secret="hush"))
    assert "hush" not in str(found[0])


def test_braces_that_are_no_placeholder_are_let_pass(problems_of_api):
    assert problems_of_api(lambda client, endpoint: endpoint.update(json={"query": "{ customers { id } }"})) == []
