"""Lets the library find its connections among Airflow's, so that the command line and the DAGs run the same code."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlencode

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

_DATABASES = frozenset({"postgres", "postgresql"})
# Ours need other things than Airflow's hooks for these kinds; alerts.py reads them itself.
_ALERTS = frozenset({"slackwebhook", "smtp"})


def find(name: str) -> Connection | None:
    """The Airflow connection with this id, or None."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def resolve(name: str) -> str | None:
    """URI of the Airflow connection with this id, as `customer360.warehouse.connections.uri` describes it; None if there is none.

    Databases go through PostgresHook, which adds what only Airflow knows (IAM tokens, a login from a secrets backend).
    """
    connection = find(name)
    if connection is None or connection.conn_type in _ALERTS:
        return None
    if connection.conn_type in _DATABASES:
        from airflow.providers.postgres.hooks.postgres import PostgresHook

        url = PostgresHook(postgres_conn_id=name).sqlalchemy_url
        return str(url.set(drivername="postgresql").render_as_string(hide_password=False))
    return _uri(connection)


def register() -> None:
    """Make `resolve` the library's first place to look; called at the start of every task."""
    from customer360.warehouse import connections

    connections.register_resolver(resolve)


def _uri(connection: Connection) -> str:
    """`scheme://login:password@host:port/path?extras`. Airflow's own get_uri() escapes the slashes of a path (file, s3)."""
    login = quote(connection.login or "", safe="")
    if connection.password:
        login += f":{quote(connection.password, safe='')}"
    host = (connection.host or "") + (f":{connection.port}" if connection.port else "")
    path = f"/{unquote(connection.schema).lstrip('/')}" if connection.schema else ""
    extras = {key: value for key, value in connection.extra_dejson.items() if isinstance(value, str | int | float)}
    query = f"?{urlencode(extras)}" if extras else ""
    return f"{connection.conn_type}://{login}{'@' if login else ''}{host}{path}{query}"
