"""Serves dbt's generated documentation, one static page, to logged-in Airflow users.

Cosmos brings a page of its own for this, but serves it to anyone who can reach the port. It names every column of the
warehouse, so here it is behind Airflow's login.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

_NOT_YET = """<!doctype html><title>Data documentation</title><body style="font-family: sans-serif; margin: 3rem">
<h2>No documentation yet</h2><p>The DAG <b>customer_360_nightly</b> writes it at the end of its run.</p></body>"""


def page() -> Path:
    """Where the nightly run leaves the page: $C360_DBT_DOCS, or dbt-docs/index.html below $C360_HOME."""
    from customer360.platform.home import home

    configured = os.environ.get("C360_DBT_DOCS")
    return Path(configured) if configured else home() / "dbt-docs" / "index.html"


def create_app() -> FastAPI:
    """The application that customer360_plugin mounts."""
    app = FastAPI(title="Customer 360 data documentation", openapi_url=None)

    @app.get("/index.html")
    def index(user: GetUserDep) -> Response:
        # Only our own page may frame it, and it needs no other host.
        headers = {"Content-Security-Policy": "frame-ancestors 'self'", "Cache-Control": "no-store"}
        try:
            return HTMLResponse(page().read_text(encoding="utf-8"), headers=headers)
        except FileNotFoundError:
            return HTMLResponse(_NOT_YET, headers=headers)

    return app
