"""The in-memory DuckDB every matching step works in."""

from __future__ import annotations

import os

import duckdb


def connect(*, memory_limit: str | None = None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A fresh in-memory database. `C360_MATCH_MEMORY` (e.g. `3GB`) and `C360_MATCH_THREADS` set what is not given."""
    connection = duckdb.connect(":memory:")
    if limit := memory_limit or os.environ.get("C360_MATCH_MEMORY"):
        connection.execute(f"SET memory_limit = '{limit}'")
    if count := threads or int(os.environ.get("C360_MATCH_THREADS", "0")):
        connection.execute(f"SET threads = {count}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")  # it would write into the output of slow commands
    return connection
