"""Reads the objects of an HTTP API as their contract declares it: dlt's documented `rest_api` form, without a dlt pipeline.

The contract's `client` (auth, paginator, data_selector, headers) and each object's `endpoint` go to dlt's REST client.
`{fields}`, `{object}`, `{since}` and `{since_epoch}` in the endpoint's texts stand for the declared source names, the object's source
name and the lower bound of the cursor, in its own form or in seconds since 1970.

An API whose lists do not say when a record changed is listed once; from then on its `feed` of events is read (see
`rest_feed`). When the feed no longer reaches back far enough the list is read again.

A place lost between two pages (a page token that expired) is taken up at the greatest cursor read so far where records come in
its order, else from the beginning: rows that come twice in one load are told apart by their key.

Where the request names its fields, the API answers for each of them. A declared field that it does not know, or that no
record holds, is reported as missing: the load is then refused by the gate, with the field's name, rather than crashing here.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

# dlt reads these when it is imported: no usage statistics, and no import of Airflow to look for secrets there.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from dlt.sources.helpers.rest_client import RESTClient
from requests.exceptions import RequestException

from customer360.contracts.model import ChangeFeed, Field, SourceContract, SourceObject
from customer360.extract import json_documents, rest_feed, rest_session
from customer360.extract.protocol import MissingFields, Part, ReadRequest, Reject, Row, Rows, RowsCounted, SourceRefused, SourceUnavailable
from customer360.extract.rest_paging import LOST_PLACE_STATUS, Place, counted, paginator
from customer360.extract.rest_session import ApiError, Patience

logger = logging.getLogger(__name__)

_VISITS = 3  # of one page's address: a page served twice is deduplicated later, a circle would never end
_FIRST_SINCE = {"date": "1970-01-01", "integer": "0", "number": "0"}
_REQUEST_KEYS = ("path", "method", "params", "json", "data", "headers")
_EPOCH = "1970-01-01T00:00:00.000Z"
_UNKNOWN_FIELD_CODES = {"INVALID_FIELD", "invalid_field", "unknown_field"}
_NAMED_COLUMN = re.compile(r"[Nn]o such column '([^']+)'")
_QUOTED = re.compile(r"['\"`]([A-Za-z_][\w.]*)['\"`]")


def _now() -> datetime:
    return datetime.now(UTC)


class RestReader:
    """Reads one API. `uri`: `https://client_id:client_secret@host[:port][/path]`; what stands in it is never logged."""

    def __init__(
        self, contract: SourceContract, uri: str, *, patience: Patience | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        self._clock = clock
        self._system = contract.system
        self._client_config: Mapping[str, Any] = contract.server.get("client") or {}
        patience = patience or Patience()
        address = rest_session.Address.of(uri, str(contract.server.get("location") or ""), contract.system)
        self._origin = address.origin
        self._auth = rest_session.authentication(self._client_config.get("auth"), address, contract.system, patience)
        self._session = rest_session.open_session(contract.system, self._auth, patience)
        self._client = RESTClient(
            base_url=address.base_url,
            headers=self._client_config.get("headers"),
            auth=self._auth,
            session=self._session,
            data_selector=self._client_config.get("data_selector"),
        )

    def read(self, request: ReadRequest) -> Iterator[Part]:
        """The rows from `since` on, page by page, then the declared fields that the API does not have."""
        obj = request.object
        feed = None if request.full else self._feed_since(obj, request.since)
        path = str((feed.endpoint if feed else obj.extract.endpoint).get("path", ""))
        asked = list(obj.fields)
        missing: set[str] = set()
        place = Place(since=request.since)
        while True:
            try:
                unseen = yield from self._read_pages(obj, asked, place, feed)
            except ApiError as error:
                unknown = _unknown_field(error, obj)
                if unknown is None and place.pages and error.status in LOST_PLACE_STATUS and place.take_up():
                    logger.warning("%s: lost its place while paging (%s); taking it up again", obj.full_name, error)
                    continue
                if unknown is None:
                    raise SourceRefused(f"{obj.full_name}: {path} was refused ({error}); check the contract's endpoint") from None
                missing.add(unknown.name)
                if asked == [unknown] or unknown not in asked:  # the query needs it elsewhere, as its cursor: nothing can be read
                    break
                asked.remove(unknown)
                continue
            missing |= unseen
            break
        if missing:
            yield MissingFields(fields=frozenset(missing), place=path)

    def read_keys(self, obj: SourceObject) -> Iterator[Sequence[tuple[str | None, ...]]]:
        """The keys of all records that are not flagged as deleted; asks for nothing but key and flag where fields can be named."""
        for page in self._keys(obj, since=None):
            yield [key for key, is_living in page if is_living]

    def _keys(self, obj: SourceObject, *, since: str | None) -> Iterator[list[tuple[tuple[str | None, ...], bool]]]:
        """Page by page the keys of records that changed since then, or of all; and whether each is not flagged as deleted."""
        flag = obj.extract.deletes.flag
        asked = [field for field in obj.fields if field.name in obj.key or field.name == flag]
        places = [obj.place(name) for name in obj.key]
        flag_place = obj.place(flag) if flag is not None else None
        try:
            for part in self._read_pages(obj, asked, Place(since=since), self._feed_since(obj, since)):
                if isinstance(part, Rows):
                    living = [flag_place is None or row[flag_place] != "true" for row in part.rows]
                    yield list(zip([tuple(row[place] for place in places) for row in part.rows], living, strict=True))
        except ApiError as error:
            raise SourceRefused(f"{obj.full_name}: its keys cannot be listed ({error})") from None

    def _feed_since(self, obj: SourceObject, since: str | None) -> ChangeFeed | None:
        """The feed of events that tells what changed since then; None where the list has to be read."""
        feed = obj.extract.feed
        return feed if feed and since is not None and rest_feed.is_within_reach(feed, since, self._clock()) else None

    def count(self, request: ReadRequest) -> RowsCounted:
        """Records that are not deleted, and those of them that changed after `since`, as the contract's `count` asks.

        Where their keys are listed to be counted, those that changed at that very moment are among the latter, and those deleted
        since are counted too.
        """
        obj, after = request.object, request.since
        declared = obj.extract.count
        if declared is None:
            raise SourceRefused(f"{obj.full_name}: the contract does not say how the API counts; add count: {{endpoint, total}}")
        # The total comes first: what changes meanwhile then counts as in flight, not as missing.
        if declared.endpoint is None:
            total = sum(self._keys_told(obj, since=None).values())
            if after is None:
                return RowsCounted(held=total, in_flight=total)
            return RowsCounted.beside(self._keys_told(obj, since=after), held=total)
        rest_session.sign_in(self._system, self._auth)
        total = self._counted(obj, declared.endpoint, declared.total, None)
        return RowsCounted(held=total, in_flight=self._counted(obj, declared.endpoint, declared.total, after))

    def _keys_told(self, obj: SourceObject, *, since: str | None) -> dict[tuple[str | None, ...], bool]:
        """Whether each record lives; what is told last of one counts."""
        return {key: is_living for page in self._keys(obj, since=since) for key, is_living in page if None not in key}

    def _counted(self, obj: SourceObject, asked: Mapping[str, Any], where: str, since: str | None) -> int:
        endpoint = _filled(asked, obj, (), since)
        try:
            answer: Any = self._client.request(**_request(endpoint)).json()
        except ApiError as error:
            raise SourceRefused(f"{obj.full_name}: its count was refused ({error}); check the contract's count") from None
        except RequestException as error:
            raise rest_session.as_ours(self._system, error) from None
        for name in where.split("."):
            answer = answer.get(name) if isinstance(answer, dict) else None
        if type(answer) is not int:
            raise SourceRefused(f"{obj.full_name}: there is no whole number at {where} of the count's answer")
        return answer

    def acknowledge(self) -> None:
        """Nothing to do: an API can be asked again."""

    def close(self) -> None:
        """Give back the connections."""
        self._session.close()

    def _read_pages(
        self, obj: SourceObject, asked: Sequence[Field], place: Place, feed: ChangeFeed | None
    ) -> Generator[Part, None, frozenset[str]]:
        """Yields rows and rejects; returns the contract names of asked fields that no record held, if that can be known."""
        endpoint = _filled(feed.endpoint if feed else obj.extract.endpoint, obj, asked, place.since)
        if endpoint.get("response_actions"):
            raise SourceRefused(f"{obj.full_name}: endpoint.response_actions is not supported; leave it out")
        rest_session.sign_in(self._system, self._auth)
        make = json_documents.row_maker(obj)
        cursor_at = obj.place(obj.extract.cursor) if obj.extract.cursor is not None else None
        drop_attributes = not any(field.source_name.split(".")[0] == "attributes" for field in obj.fields)
        seen: set[str] = set()
        count = 0
        for records in self._records(obj, endpoint, place, feed):
            rows: list[Row] = []
            for record in records:
                count += 1
                reason = _unfit(record)
                if reason:
                    if rows:
                        yield Rows(rows=rows)
                        rows = []
                    yield Reject(raw=json_documents.safe_text(record), reason=reason, place=f"{endpoint['path']} record {count}")
                    continue
                # Salesforce describes each record in `attributes`: its type and its address, no data of the customer's
                if drop_attributes and _is_description(record.get("attributes")):
                    del record["attributes"]
                seen.update(record)
                rows.append(make(record))
                place.pass_over(rows[-1][cursor_at] if cursor_at is not None else None)
            if rows:  # handed over before the next page is asked for, at which our place may be lost
                yield Rows(rows=rows)
        if not count or not _names_fields(obj.extract.endpoint):
            return frozenset()
        return frozenset(field.name for field in asked if field.source_name.split(".")[0] not in seen)

    def _records(self, obj: SourceObject, endpoint: Mapping[str, Any], place: Place, feed: ChangeFeed | None) -> Iterator[list[Any]]:
        """The records of each page, with the moment they were so where the API tells that beside them."""
        pages = self._pages(obj, endpoint)
        if feed is not None:
            events = rest_feed.backwards(counted(pages, place)) if feed.newest_first else counted(pages, place)
            for page in events:
                yield [rest_feed.record_of(feed, obj, event) for event in page]
            return
        listed_at: str | int | None = None
        for page in counted(pages, place):
            if obj.extract.feed is not None:
                if listed_at is None:  # when the first page was given out; what changes later is in the feed too
                    listed_at = rest_feed.listed_at(obj, page.response.headers)
                yield [rest_feed.listed(obj, record, listed_at) for record in page]
            else:
                yield page

    def _pages(self, obj: SourceObject, endpoint: Mapping[str, Any]) -> Iterator[Any]:
        visits: dict[str, int] = {}
        pages = self._client.paginate(
            **_request(endpoint),
            paginator=paginator(endpoint.get("paginator") or self._client_config.get("paginator")),
            data_selector=endpoint.get("data_selector"),
            hooks={"response": []},  # the session has judged the answer; dlt's own check would quote its body
        )
        for page in self._outages_named(pages):
            yield page
            if not page.paginator.has_next_page:
                return
            upcoming = f"{page.request.url} {page.request.params or ''} {page.request.json or ''}"
            if rest_session.origin_of(str(page.request.url)) != rest_session.origin_of(self._origin):
                raise SourceRefused(f"{obj.full_name}: its next page is on another host; our token does not go there")
            visits[upcoming] = visits.get(upcoming, 0) + 1
            if visits[upcoming] > _VISITS:
                raise SourceUnavailable(f"{obj.full_name}: its pages lead in a circle")

    def _outages_named(self, pages: Iterator[Any]) -> Iterator[Any]:
        """The pages; what goes wrong between two of them (a token that cannot be renewed) in our words."""
        while True:
            try:
                page = next(pages, None)
            except RequestException as error:
                raise rest_session.as_ours(self._system, error) from None
            if page is None:
                return
            yield page


def _request(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What of an endpoint makes up its request."""
    return {"method": "GET", **{key: endpoint[key] for key in _REQUEST_KEYS if key in endpoint}}


def _names_fields(endpoint: Any) -> bool:
    if isinstance(endpoint, str):
        return "{fields}" in endpoint
    if isinstance(endpoint, Mapping):
        return any(_names_fields(value) for value in endpoint.values())
    return isinstance(endpoint, list) and any(_names_fields(value) for value in endpoint)


def _filled(endpoint: Mapping[str, Any], obj: SourceObject, asked: Sequence[Field], since: str | None) -> dict[str, Any]:
    """The endpoint with its placeholders filled in."""
    if not endpoint.get("path"):
        raise SourceRefused(f"{obj.full_name}: the contract's extract names no endpoint; add `endpoint: {{path: …}}`")
    values = {
        "{fields}": ", ".join(field.source_name for field in asked),
        "{object}": obj.source_name,
        "{since}": _since(obj, since),
        "{since_epoch}": _since_epoch(since),
    }

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            for placeholder, text in values.items():
                value = value.replace(placeholder, text)
            return value
        if isinstance(value, Mapping):
            return {key: fill(inner) for key, inner in value.items()}
        return [fill(inner) for inner in value] if isinstance(value, list) else value

    filled: dict[str, Any] = fill(endpoint)
    return filled


def _since(obj: SourceObject, since: str | None) -> str:
    """The lower bound as APIs write it: timestamps in UTC to the millisecond, cut off so that nothing is passed over."""
    kind = obj.field(obj.extract.cursor).logical_type if obj.extract.cursor else "timestamp"
    epoch = obj.field(obj.extract.cursor).epoch if obj.extract.cursor else None
    if since is None:
        return "0" if epoch else _FIRST_SINCE.get(kind, _EPOCH)
    if kind != "timestamp":
        return since
    moment = datetime.fromisoformat(since).astimezone(UTC)
    if epoch:
        return str(math.floor(moment.timestamp() * (1_000 if epoch == "milliseconds" else 1)))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _since_epoch(since: str | None) -> str:
    """The lower bound in whole seconds since 1970; cursors that are no moments stay as they are."""
    if since is None:
        return "0"
    try:
        return str(math.floor(datetime.fromisoformat(since).timestamp()))
    except ValueError:
        return since


def _unknown_field(error: ApiError, obj: SourceObject) -> Field | None:
    """The declared field that the API says it does not know."""
    if error.code not in _UNKNOWN_FIELD_CODES:
        return None
    by_source = {field.source_name.lower(): field for field in obj.fields}
    # Salesforce quotes the query first and names the column at the end
    for name in [*_NAMED_COLUMN.findall(error.message), *reversed(_QUOTED.findall(error.message))]:
        if found := by_source.get(name.lower()):
            return found
    return None


def _unfit(record: Any) -> str | None:
    """Why a record cannot become a row, if so."""
    if type(record) is not dict:
        return "not a JSON object"
    return json_documents.unstorable(record)


def _is_description(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and set(value) <= {"type", "url"}
