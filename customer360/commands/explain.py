"""`customer360 explain`: why two records are one customer or not, and what a customer consists of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from customer360.commands.terminal import check_folders, steward

app = typer.Typer()


@app.command("explain")
def show(
    first: Annotated[
        str,
        typer.Argument(metavar="RECORD|CUSTOMER", help="A record (<system>.<object>:<key>, e.g. shop.customers:100042), or a customer id."),
    ],
    second: Annotated[str | None, typer.Argument(metavar="[RECORD]", help="Another record: are the two one customer, and why?")] = None,
    values: Annotated[bool, typer.Option("--values", help="Also show what the records say: personal data.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with pictures here; it needs no network.")] = None,
) -> None:
    """Why two records are one customer or not: the path of evidence, what each field contributed, what was decided.

    With one record or customer id: what the customer consists of and what happened to it. Levels and weights are shown, no values of
    records unless --values asks for them. Needs the steward's rights.
    """
    check_folders(html)
    from customer360.identity.explain.document import document  # the matcher's libraries take a second to import
    from customer360.identity.explain.text import text
    from customer360.pipeline.explain import explain, write_page

    with steward() as connection:
        found = explain(connection, *(one for one in (first, second) if one is not None), values=values)
    if html is not None:
        write_page(found, html)
    if as_json:
        sys.stdout.write(json.dumps(document(found), ensure_ascii=False, indent=2) + "\n")
    elif html is not None:
        sys.stdout.write(f"{html}\n")
    else:
        sys.stdout.write(text(found))
