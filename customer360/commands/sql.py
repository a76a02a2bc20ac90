"""`customer360 sql`: run a query, CSV comes out."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg import sql

from customer360.errors import UserError
from customer360.warehouse.connections import connect
from customer360.warehouse.roles import Role

_ROLES = {role.removeprefix("c360_"): role for role in Role}
_COMMENT = re.compile(r"\s+|--[^\n]*|/\*.*?\*/", re.DOTALL)

app = typer.Typer()


class SqlError(UserError):
    """The query is not one the server can run."""


@app.command("sql")
def run(
    query: Annotated[str | None, typer.Argument(help="The query; - or nothing reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the query from a file.")] = None,
    role: Annotated[str | None, typer.Option(help=f"Run it as: {', '.join(_ROLES)}.")] = None,
    connection: Annotated[str, typer.Option(help="Connection to run it on.")] = "warehouse",
) -> None:
    """Run one query and print its rows as CSV, as PostgreSQL writes them; what it changes is committed."""
    text = _query_text(query, file)
    with connect(connection, role=_role(role)) as session:
        try:
            _print_result(session, text)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            message = error.diag.message_primary or str(error)
            raise SqlError("; ".join(part for part in (message, error.diag.message_hint) if part)) from error


def _role(name: str | None) -> Role | None:
    if name is None:
        return None
    role = _ROLES.get(name.removeprefix("c360_"))
    if role is None:
        raise SqlError(f"no role is called {name!r}; use one of: {', '.join(_ROLES)}")
    return role


def _query_text(query: str | None, file: Path | None) -> str:
    if file is not None and query is not None:
        raise SqlError("give the query or a file, not both")
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise SqlError(f"cannot read {file}: {error.strerror}") from error
    elif query is None or query == "-":
        text = sys.stdin.read()
    else:
        text = query
    text = text.strip().rstrip(";").rstrip()
    if not text:
        raise SqlError('the query is empty; write customer360 sql "select …"')
    return text


def _print_result(session: psycopg.Connection[Any], text: str) -> None:
    if first_word(text) in ("select", "with", "values", "table"):
        try:
            _copy_out(session, text)
            return
        except psycopg.errors.FeatureNotSupported:  # WITH … INSERT without RETURNING
            session.rollback()
    cursor = session.execute(sql.SQL(text))
    result = cursor.pgresult
    if cursor.description is not None and result is not None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(column.name for column in cursor.description)
        for row in range(result.ntuples):
            values = (result.get_value(row, column) for column in range(result.nfields))
            writer.writerow("" if value is None else value.decode() for value in values)


def _copy_out(session: psycopg.Connection[Any], text: str) -> None:
    """Streams, so that the size of the result does not matter."""
    statement = sql.SQL("copy (\n{}\n) to stdout with (format csv, header)").format(sql.SQL(text))
    sys.stdout.flush()
    with session.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy:
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def first_word(text: str) -> str:
    """The first word of a statement, comments left out, in small letters."""
    position = 0
    while match := _COMMENT.match(text, position):
        position = match.end()
    word = re.match(r"[A-Za-z]+", text[position:])
    return word[0].lower() if word else ""
