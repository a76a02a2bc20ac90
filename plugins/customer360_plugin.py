"""What Customer 360 adds to Airflow's web interface: the warehouse's documentation, made by dbt, for whoever may log in.

Every Airflow process imports this file, tasks included: nothing of the web server may be imported before a page is asked for.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/customer360/docs"


class DocumentationApp:
    """An ASGI application that is built when it is first called, which only the API server does."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self._app is None:
            from customer360_airflow.dbt_docs import create_app

            self._app = create_app()
        await self._app(scope, receive, send)


class Customer360Plugin(AirflowPlugin):
    """Registered by Airflow at start."""

    name = "customer360"
    fastapi_apps: ClassVar[list[Any]] = [{"app": DocumentationApp(), "url_prefix": PREFIX, "name": "Customer 360 data documentation"}]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Data docs",  # a longer one is cut off in the menu
            "href": f"{PREFIX}/index.html",
            "url_route": "customer360-docs",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]
