"""docs/add-a-source.md, followed to the letter: its files, its commands, against a real HTTP server that answers as that CRM does."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from customer360.cli import main
from tests.conftest import REPO

_PAGE = REPO / "docs" / "add-a-source.md"
_TOKEN = "only-for-this-test"  # no secret of anybody's
_CONTACTS = [("Ada", "Nowak"), ("Ben", "Okafor"), ("Chloé", "Martin")]


def _blocks() -> dict[str, str]:
    """The page's files by path."""
    found = re.findall(r"```(?:yaml|json)\n# (\S+)\n(.*?)```", _PAGE.read_text(), flags=re.DOTALL)
    assert len(found) == 2, "the page shows a contract and a suite"
    return dict(found)


def _contact(number: int) -> dict[str, Any]:
    first, last = _CONTACTS[number]
    mail = "no address" if number == 1 else f"{first}.{last}@example.com"
    return {
        "id": str(1000 + number),
        "properties": {
            "firstname": first,
            "lastname": last,
            "email": mail,
            "phone": None,
            "city": "Gent",
            "hs_object_id": str(1000 + number),
        },
        "createdAt": "2026-01-05T09:00:00.000Z",
        "updatedAt": f"2026-06-0{number + 1}T12:00:00.000Z",
        "archived": False,
    }


class _Crm(BaseHTTPRequestHandler):
    """One contact per page, the way `paging.next.link` leads."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] != f"Bearer {_TOKEN}":
            self.send_error(401)
            return
        address = urlsplit(self.path)
        at = int(parse_qs(address.query).get("after", ["0"])[0])
        body: dict[str, Any] = {"results": [_contact(at)]}
        if at + 1 < len(_CONTACTS):
            host = f"http://127.0.0.1:{self.server.server_address[1]}"
            body["paging"] = {"next": {"after": str(at + 1), "link": f"{host}{address.path}?after={at + 1}"}}
        text = json.dumps(body).encode()
        self.send_response(200 if address.path == "/crm/v3/objects/contacts" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def crm() -> Iterator[str]:
    """The CRM's connection URI."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Crm)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://:{_TOKEN}@127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of what is data, with the page's files added."""
    folder = tmp_path / "checkout"
    for name in ("contracts", "great_expectations", "identity", "dbt_project"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("target", "logs"))
    for path, text in _blocks().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.setenv("C360_REPO", str(folder))
    monkeypatch.setenv("C360_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


def _run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str) -> str:
    """Run one of the page's commands in this process; returns what it printed."""
    program, *arguments = command.split()
    assert program == "customer360"
    monkeypatch.setattr("sys.argv", [program, *arguments])
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    assert not code, f"{command}: exit code {code}\n{printed.out}\n{printed.err}"
    return printed.out


@pytest.mark.integration
def test_the_page_works(
    checkout: Path, crm: str, warehouse: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C360_CONN_HUBSPOT", crm)
    steps = _PAGE.read_text().partition("\n# Other kinds")[0]
    commands = re.findall(r"^(customer360 [^#\n]+?)\s*(?:#.*)?$", steps, flags=re.MULTILINE)
    assert [" ".join(command.split()[1:3]) for command in commands] == [
        "contracts check",
        "load hubspot",
        "load hubspot",
        "resolve",
        "build",
    ]

    assert "hubspot: 1 objects, 9 fields, no problem" in _run(monkeypatch, capsys, commands[0])
    _run(monkeypatch, capsys, commands[1])
    assert warehouse.fetch(
        "select to_regclass('raw.hubspot__contacts') is null or not exists (select from ops.load where published > 0)"
    ) == [(True,)]
    _run(monkeypatch, capsys, commands[2])
    assert warehouse.fetch(
        "select extracted, published, quarantined from ops.load where state = 'published' order by load_id desc limit 1"
    ) == [(3, 2, 1)]
    assert warehouse.fetch(
        "select _extra ->> 'properties.hs_object_id' is not null or _extra::text like '%hs_object_id%' from raw.hubspot__contacts"
    ) == [
        (True,),
        (True,),
    ]
    _run(monkeypatch, capsys, commands[3])
    _run(monkeypatch, capsys, commands[4])
    golden = warehouse.fetch("select first_name, email from marts.dim_customer order by 1")
    assert golden == [("Ada", "ada.nowak@example.com"), ("Chloé", "chloé.martin@example.com")]
