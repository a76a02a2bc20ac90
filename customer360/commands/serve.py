"""`customer360 serve`: run one of the platform's HTTP services in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Run an HTTP service in the foreground. Put a proxy with TLS before it."""


@app.command()
def webhooks(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8361,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Take webhooks in: POST /webhooks/SYSTEM/OBJECT, for every contract of protocol webhook."""
    import uvicorn

    from customer360.service.webhooks import application

    uvicorn.run(application(), host=host, port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=10)
