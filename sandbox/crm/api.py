"""The CRM over HTTP, in the shape of Salesforce's REST API v61.0: token, query, queryAll, describe, single records.

Only what an extraction meets is there; status codes, error bodies and paging are Salesforce's. The faults of `sandbox.faults` are
applied here.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from sandbox.crm import queries
from sandbox.crm.objects import OBJECTS, SObject, named
from sandbox.crm.queries import Page, QueryRunner
from sandbox.crm.soql import SoqlError, parse
from sandbox.crm.tokens import ORGANISATION, Tokens
from sandbox.faults import crm as crm_faults
from sandbox.faults.registry import ActiveFault
from sandbox.faults.requests import RequestFaults
from sandbox.live_world import LiveWorld

VERSION = "61.0"
API = f"/services/data/v{VERSION}"
PAGE_SIZE = 2000
_AGAIN = ".again"  # marks the second time a page is given, under the fault duplicated_pages


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = Response(
            json.dumps([{"message": message, "errorCode": code}]), status, dict(headers or {}), "application/json;charset=UTF-8"
        )


class CrmService:
    """State of the running CRM: tokens, open queries, request counters for faults."""

    def __init__(self, world: LiveWorld, *, client_id: str, client_secret: str, page_size: int = PAGE_SIZE) -> None:
        self.world = world
        self.client_id = client_id
        self.client_secret = client_secret
        self.page_size = page_size
        self.tokens = Tokens(client_secret)
        self.runner = QueryRunner(api_path=API)
        self._requests = RequestFaults(world, "crm", Refusal)

    # ------------------------------------------------------------------------------------------------ faults
    def faults(self) -> dict[str, ActiveFault]:
        """The CRM's faults that are on now, by name."""
        return self.world.faults("crm")

    def meet_request_faults(self, faults: Mapping[str, ActiveFault]) -> None:
        """Faults that hit before the request is looked at. Raises Refusal."""
        self._requests.meet(faults)

    def authorise(self, authorization: str | None, faults: Mapping[str, ActiveFault]) -> None:
        """Raises Refusal (401 INVALID_SESSION_ID) unless the request carries a token that is still good."""
        kind, _, token = (authorization or "").partition(" ")
        good = kind.lower() == "bearer" and self.tokens.is_valid(token)
        expired = faults.get("expired_tokens")
        if good and expired and self.tokens.use(token) >= int(expired.options["uses"]):
            good = False
        if not good:
            raise Refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")

    # ----------------------------------------------------------------------------------------------- queries
    def query(self, soql: str, *, include_deleted: bool, page_size: int, faults: Mapping[str, ActiveFault]) -> Response:
        """Run a query and answer with its first page. Raises Refusal."""
        try:
            parsed = parse(soql)
            hidden = crm_faults.refused_field(faults, parsed.item)
            if hidden in parsed.fields:
                raise SoqlError("INVALID_FIELD", f"\nNo such column '{hidden}' on entity '{parsed.item.name}'.")
            page = self.runner.start(self.world.connection(), parsed, include_deleted=include_deleted, page_size=page_size)
        except SoqlError as error:
            raise Refusal(400, error.code, error.message) from None
        return self._respond(page, locator=None, faults=faults)

    def more(self, locator: str, *, page_size: int, faults: Mapping[str, ActiveFault]) -> Response:
        """Answer with the page a locator stands for. Raises Refusal."""
        try:
            page = self.runner.page(self.world.connection(), locator.removesuffix(_AGAIN), page_size=page_size)
        except SoqlError as error:
            raise Refusal(400, error.code, error.message) from None
        return self._respond(page, locator=locator, faults=faults)

    def _respond(self, page: Page, *, locator: str | None, faults: Mapping[str, ActiveFault]) -> Response:
        if "duplicated_pages" in faults and page.count is None and page.start_locator and not (locator or "").endswith(_AGAIN):
            page = page.continued_at(page.start_locator + _AGAIN)
        records = crm_faults.spoil(faults, page.query.item, page.records)
        text = queries.body(page, api_path=API, records=records)
        return self._requests.answer(text, faults)


def page_size_of(options: str | None, default: int) -> int:
    """The page size a client asks for by `Sforce-Query-Options: batchSize=500` (200 to 2000, as Salesforce allows)."""
    if options and options.strip().lower().startswith("batchsize="):
        text = options.strip().partition("=")[2]
        if text.isdecimal():
            return min(max(int(text), 200), 2000)
    return default


Authorization = Annotated[str | None, Header()]
QueryOptions = Annotated[str | None, Header(alias="Sforce-Query-Options")]


def router(service: CrmService) -> APIRouter:  # noqa: C901 - a list of routes, each simple
    """The CRM's routes."""
    routes = APIRouter()

    @routes.post("/services/oauth2/token")
    async def token(request: Request, authorization: Authorization = None) -> Response:
        faults = service.faults()
        await run_in_threadpool(service.meet_request_faults, faults)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization and authorization.lower().startswith("basic "):
            try:
                client_id, _, client_secret = base64.b64decode(authorization[6:]).decode().partition(":")
            except ValueError:
                client_id = ""
        problem = None
        if form.get("grant_type") != "client_credentials":
            problem = ("unsupported_grant_type", "grant type not supported")
        elif client_id != service.client_id:
            problem = ("invalid_client_id", "client identifier invalid")
        elif not secrets.compare_digest(client_secret, service.client_secret):
            problem = ("invalid_client", "invalid client credentials")
        if problem:
            return Response(json.dumps({"error": problem[0], "error_description": problem[1]}), 400, media_type="application/json")
        base = str(request.base_url).rstrip("/")
        return Response(
            json.dumps({
                "access_token": service.tokens.issue(), "signature": secrets.token_urlsafe(32), "scope": "api", "instance_url": base,
                "id": f"{base}/id/{ORGANISATION}/0055g00000SANDBOX", "token_type": "Bearer", "issued_at": str(int(time.time() * 1000)),
            }),
            media_type="application/json;charset=UTF-8",
        )  # fmt: skip

    def admitted(authorization: str | None) -> dict[str, ActiveFault]:
        faults = service.faults()
        service.meet_request_faults(faults)
        service.authorise(authorization, faults)
        return faults

    @routes.get(API + "/query")
    @routes.get(API + "/query/")
    def query(q: str = "", authorization: Authorization = None, options: QueryOptions = None) -> Response:
        faults = admitted(authorization)
        return service.query(q, include_deleted=False, page_size=page_size_of(options, service.page_size), faults=faults)

    @routes.get(API + "/queryAll")
    @routes.get(API + "/queryAll/")
    def query_all(q: str = "", authorization: Authorization = None, options: QueryOptions = None) -> Response:
        faults = admitted(authorization)
        return service.query(q, include_deleted=True, page_size=page_size_of(options, service.page_size), faults=faults)

    @routes.get(API + "/query/{locator}")
    @routes.get(API + "/queryAll/{locator}")
    def more(locator: str, authorization: Authorization = None, options: QueryOptions = None) -> Response:
        return service.more(locator, page_size=page_size_of(options, service.page_size), faults=admitted(authorization))

    @routes.get(API + "/sobjects")
    def objects(authorization: Authorization = None) -> dict[str, Any]:
        admitted(authorization)
        return {
            "encoding": "UTF-8",
            "maxBatchSize": 200,
            "sobjects": [
                {"name": o.name, "keyPrefix": o.prefix, "queryable": True, "urls": {"sobject": f"{API}/sobjects/{o.name}"}}
                for o in OBJECTS.values()
            ],
        }

    @routes.get(API + "/sobjects/{name}/describe")
    def describe(name: str, authorization: Authorization = None) -> dict[str, Any]:
        hidden = crm_faults.refused_field(admitted(authorization), item := _object(name))
        fields = [{"name": f, "type": kind, "custom": f.endswith("__c")} for f, kind in item.fields.items() if f != hidden]
        return {"name": item.name, "keyPrefix": item.prefix, "queryable": True, "fields": fields}

    @routes.get(API + "/sobjects/{name}/{record_id}")
    def record(name: str, record_id: str, authorization: Authorization = None) -> Response:
        faults = admitted(authorization)
        item = _object(name)
        quoted = record_id.replace("\\", "").replace("'", "")
        found = parse(f"SELECT {', '.join(item.fields)} FROM {item.name} WHERE Id = '{quoted}'")
        page = service.runner.start(service.world.connection(), found, include_deleted=False, page_size=1)
        if not page.records:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        return Response(crm_faults.spoil(faults, item, page.records)[0], media_type="application/json;charset=UTF-8")

    return routes


def _object(name: str) -> SObject:
    item = named(name)
    if item is None:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
    return item
