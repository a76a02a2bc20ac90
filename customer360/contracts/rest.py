"""How an api source is read: the client of the server entry and the endpoint of an object, in dlt's documented rest_api form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from customer360.contracts import vocabulary as words
from customer360.contracts.document import Document, Path_
from customer360.contracts.model import ChangeFeed, Count, Field
from customer360.contracts.problems import did_you_mean
from customer360.contracts.properties import duration_at, text_at

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")


def check_client(document: Document, path: Path_, value: Any) -> None:
    """Check `client: {auth, paginator, data_selector, headers}`."""
    if not document.check_keys(path, value, words.CLIENT_KEYS):
        return
    if "auth" in value:
        _check_typed(document, (*path, "auth"), value["auth"], dict(words.AUTH_KEYS), secret=words.SECRET_KEYS)
    _check_shared(document, path, value)


def check_endpoint(document: Document, path: Path_, value: Any) -> None:
    """Check an object's `endpoint`, placeholders included."""
    if not document.check_keys(path, value, words.ENDPOINT_KEYS):
        return
    if not isinstance(value.get("path"), str) or not value["path"]:
        document.report((*path, "path"), "path is missing", "give the endpoint's path below the server's location")
    if str(value.get("method") or "GET").upper() not in ("GET", "POST"):
        document.report((*path, "method"), f"method {value['method']!r} does not read", "use GET or POST")
    for key in ("params", "json", "headers"):
        if key in value and not isinstance(value[key], dict):
            document.report((*path, key), f"{key} must be a mapping", "write it as key: value")
    _check_shared(document, path, value)
    for where, text in _texts(value, path):
        for name in _PLACEHOLDER.findall(text):
            if name not in words.PLACEHOLDERS:
                document.report(where, f"unknown placeholder {{{name}}}", did_you_mean(name, words.PLACEHOLDERS))


def build_feed(
    document: Document, path: Path_, value: Any, *, has_cursor: bool, has_flag: bool, fields: Mapping[str, Field]
) -> ChangeFeed | None:
    """Check an object's `feed: {endpoint, record, changed_at, gone, reach, order, made_at}` and build it; None when it says too little."""
    if not document.check_keys(path, value, words.FEED_KEYS):
        return None
    if not has_cursor:
        document.report(path, "a feed needs a cursor", "name the field that takes each event's moment: cursor: changed_at")
    endpoint = value.get("endpoint")
    check_endpoint(document, (*path, "endpoint"), endpoint)
    record = text_at(document, path, value, "record", fix="give the path of the record in an event: data.object")
    changed_at = text_at(document, path, value, "changed_at", fix="give the path of an event's moment: created")
    order = value.get("order", "oldest_first")
    document.check_word((*path, "order"), order, words.FEED_ORDERS)
    gone = _gone(document, (*path, "gone"), value.get("gone"), has_flag=has_flag)
    reach = duration_at(document, path, value, "reach")
    made_at = value.get("made_at")
    moments = [name for name, field in fields.items() if field.logical_type == "timestamp"]
    if made_at is not None and made_at not in moments:
        document.report((*path, "made_at"), f"made_at {made_at!r} is no timestamp of the object", did_you_mean(str(made_at), moments))
    if not isinstance(endpoint, dict) or record is None or changed_at is None:
        return None
    return ChangeFeed(
        endpoint=endpoint,
        record=record,
        changed_at=changed_at,
        gone=gone,
        reach=reach,
        newest_first=order == "newest_first",
        made_at=made_at,
    )


def build_count(document: Document, path: Path_, value: Any, *, has_cursor: bool) -> Count | None:
    """Check an object's `count: {endpoint, total}` or `count: keys` and build it; None when it says too little."""
    if value == "keys":
        return Count()
    if isinstance(value, str):
        document.report(path, "count must be {endpoint, total} or the word keys", "write count: keys to have the keys listed and counted")
        return None
    if not document.check_keys(path, value, words.COUNT_KEYS):
        return None
    endpoint = value.get("endpoint")
    check_endpoint(document, (*path, "endpoint"), endpoint)
    total = text_at(document, path, value, "total", fix="give the path of the number in the answer: totalSize")
    if not isinstance(endpoint, dict) or total is None:
        return None
    asks_since = any("{since" in text for _, text in _texts(endpoint, path))
    if has_cursor and not asks_since:
        document.report(
            (*path, "endpoint"),
            "a count must leave out what changed after the last load",
            "put {since} or {since_epoch} where the API takes the time of change",
        )
    return Count(endpoint=endpoint, total=total)


def _gone(document: Document, path: Path_, value: Any, *, has_flag: bool) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str | list) for text in value.values()):
        document.report(path, "gone must say which events are deletions", "write gone: {type: customer.deleted}")
        return {}
    if not has_flag:
        document.report(path, "deletions need a flag to be put in", "add deletes: {flag: <boolean field>}")
    return {str(name): tuple(map(str, text)) if isinstance(text, list) else (text,) for name, text in value.items()}


def _check_shared(document: Document, path: Path_, value: dict[str, Any]) -> None:
    if "paginator" in value:
        _check_typed(document, (*path, "paginator"), value["paginator"], dict(words.PAGINATOR_KEYS))
    if "data_selector" in value and not (isinstance(value["data_selector"], str) and value["data_selector"]):
        document.report((*path, "data_selector"), "data_selector must be the path of the rows in a page", "write data_selector: records")


def _check_typed(document: Document, path: Path_, value: Any, keys: dict[str, tuple[str, ...]], *, secret: tuple[str, ...] = ()) -> None:
    """A mapping whose `type` says which keys it may have; or the type alone."""
    kind = value.get("type") if isinstance(value, dict) else value
    place: Path_ = (*path, "type") if isinstance(value, dict) else path
    if not (isinstance(kind, str) and kind in keys):
        document.report(place, f"unknown {path[-1]} type {kind!r}", did_you_mean(kind, keys))
        return
    if not isinstance(value, dict):
        return
    for key in value:
        if key in secret:
            document.report(
                (*path, key), f"{key} must not stand in a contract", "put credentials in the connection's URI (C360_CONN_<NAME>)"
            )
        elif key not in keys[kind] and not (path[-1] == "paginator" and key == words.LAST_PAGE_KEY):
            document.report((*path, key), f"unknown key {key!r}", did_you_mean(key, set(keys[kind]) - set(secret)))


def _texts(value: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _texts(child, (*path, key))
    elif isinstance(value, list):
        for position, child in enumerate(value):
            yield from _texts(child, (*path, position))
