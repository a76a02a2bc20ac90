"""A small CRM that speaks Salesforce's query API over HTTP, with faults met exactly where a test wants them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Crm(ThreadingHTTPServer):
    """Records of one object in pages of `page_size`; `faults` are met one by one, each by one request to the query API."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.records: list[Any] = []
        self.columns = {"Id", "Email", "SystemModstamp", "Amount"}
        self.raw_page: bytes | None = None
        self.faults: list[Callable[[Handler], bool]] = []
        self.queries: list[str] = []
        self.page_size = 2
        self.tokens = 0
        self.used = 0  # requests with the current token
        self.requests_per_token = 1_000
        self.token_status = 200
        self.next_host = ""
        self.forms: list[dict[str, list[str]]] = []  # what the token endpoint was sent
        self.rotates = False  # whether each sign-in brings another refresh token

    @property
    def uri(self) -> str:
        return f"http://client-7:s3cr%2Ft@127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Crm
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.server.token_status != 200 or form["client_id"] != ["client-7"] or form["client_secret"] != ["s3cr/t"]:
            return self.answer(self.server.token_status if self.server.token_status != 200 else 401, {"error": "invalid_client"})
        self.server.tokens += 1
        self.server.used = 0
        self.server.forms.append(form)
        again = {"refresh_token": f"refresh-{self.server.tokens}"} if self.server.rotates else {}
        return self.answer(200, {"access_token": f"token-{self.server.tokens}", **again})

    def do_GET(self) -> None:
        server = self.server
        if self.headers.get("Authorization") != f"Bearer token-{server.tokens}" or server.used >= server.requests_per_token:
            return self.answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}])
        server.used += 1
        parts = urlsplit(self.path)
        assert parts.path.startswith("/services/data/v61.0/query")
        query = parse_qs(parts.query).get("q", [""])[0]
        server.queries.append(query or parts.path)
        if server.faults and server.faults.pop(0)(self):
            return None
        if query.startswith("SELECT COUNT()"):
            since = query.rpartition("> ")[2]
            found = [r for r in server.records if not r.get("IsDeleted") and r["SystemModstamp"].replace("+0000", "Z") > since]
            return self.answer(200, {"totalSize": len(found), "done": True, "records": []})
        if query:
            asked = re.split(r",\s*", query.removeprefix("SELECT ").split(" FROM ")[0])
            for column in [*asked, "SystemModstamp"]:
                if column not in server.columns:
                    message = (
                        f"\n{query}\n ^\nERROR at Row:1:Column:8\nNo such column '{column}' on entity 'Contact'. Use '__c' for custom ones."
                    )
                    return self.answer(400, [{"errorCode": "INVALID_FIELD", "message": message}])
        if server.raw_page is not None:
            return self.answer_raw(200, server.raw_page)
        start = int(parts.path.rpartition("-")[2]) if not query else 0
        page = {"totalSize": len(server.records), "done": True, "records": server.records[start : start + server.page_size]}
        if start + server.page_size < len(server.records):
            page |= {"done": False, "nextRecordsUrl": f"{server.next_host}/services/data/v61.0/query/01g-{start + server.page_size}"}
        return self.answer(200, page)

    def answer(self, status: int, body: Any, **headers: str) -> None:
        self.answer_raw(status, json.dumps(body).encode(), **headers)

    def answer_raw(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def status(code: int, **headers: str) -> Callable[[Handler], bool]:
    def fault(handler: Handler) -> bool:
        handler.answer(code, [{"errorCode": "TROUBLE", "message": "ann@example.com is in trouble"}], **headers)
        return True

    return fault


def cut(handler: Handler) -> bool:
    """The connection ends in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"records": [')
    handler.close_connection = True
    return True


def fine(handler: Handler) -> bool:
    return False
