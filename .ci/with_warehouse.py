"""Run a command beside an empty, migrated warehouse of its own: `python .ci/with_warehouse.py COMMAND …`.

For tools that ask dbt to compile, which connects. The server and its folder go when the command ends.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from customer360.contracts.reader import load_contracts
from customer360.pipeline import dbt_run
from customer360.platform import home
from customer360.warehouse import tables
from customer360.warehouse.connections import connect
from customer360.warehouse.embedded import EmbeddedServer
from customer360.warehouse.migrations import migrate


def main(command: list[str]) -> int:
    """Run the command; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then too
    with tempfile.TemporaryDirectory(prefix="c360-lint-") as folder:
        port = next(port for port in range(24460, 25460) if home.port_is_free(port))
        server = EmbeddedServer(Path(folder) / "pg", port, password=secrets.token_urlsafe(12), settings={"fsync": "off"})
        server.start()
        try:
            with psycopg.connect(server.uri(), autocommit=True) as connection:
                connection.execute("create database customer360")
            os.environ |= {"C360_HOME": folder, "C360_CONN_WAREHOUSE": server.uri("customer360"), "DBT_TARGET_PATH": f"{folder}/target"}
            with connect() as warehouse:
                migrate(warehouse)
                for contract in load_contracts().values():
                    for obj in contract.objects:
                        tables.ensure(warehouse, obj)
            return subprocess.run(command, env=os.environ | dbt_run.environment(), check=False).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
