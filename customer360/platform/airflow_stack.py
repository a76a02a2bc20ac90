"""Airflow's components as processes of this platform: their environment, start, health and stop.

`airflow standalone` is not used: it leaves children behind when it is stopped. The components are started one by one, at the
same time. Nothing here imports airflow.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from customer360.errors import UserError
from customer360.platform.home import secret
from customer360.platform.processes import ProcessBook

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    # Log servers are for workers on other machines; two platforms side by side would fight for their port.
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-api-server": ("api-server",),
    "airflow-dag-processor": ("dag-processor",),
    "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
}
USERS: Mapping[str, str] = {"admin": "Admin", "engineer": "Op", "analyst": "Analyst"}


class AirflowNotReady(UserError):
    """Airflow did not become healthy in time, or its metadata database could not be prepared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowStack:
    """One Airflow. `database` is the metadata database's URI, `connections` Airflow connections as URIs by id."""

    home: Path  # $C360_HOME
    repo: Path
    port: int
    database: str
    connections: Mapping[str, str]
    book: ProcessBook

    @property
    def url(self) -> str:
        """Where people and the REST API find it."""
        return f"http://localhost:{self.port}"

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    def password(self, user: str) -> str:
        """The generated password of one of USERS."""
        return secret(f"airflow-{user}")

    def environment(self) -> dict[str, str]:
        """What every component and every task sees. AIRFLOW* of the caller's own environment is not inherited."""
        # PYTHONDONTWRITEBYTECODE, common in containers, would have each task compile what it imports.
        left_out = ("AIRFLOW", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        options = {
            "core__dags_folder": self.repo / "dags",
            "core__plugins_folder": self.repo / "plugins",
            "core__load_examples": False,
            "core__auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "core__executor": "LocalExecutor",
            "core__parallelism": _parallelism(),
            "core__fernet_key": _fernet_key(),
            "core__execution_api_server_url": f"http://127.0.0.1:{self.port}/execution/",
            "database__sql_alchemy_conn": self.database,
            "api__host": "127.0.0.1",
            "api__port": self.port,
            "api__base_url": self.url,
            "api__secret_key": secret("airflow-secret-key"),
            "api__instance_name": "Customer 360",
            "api_auth__jwt_secret": secret("airflow-jwt-secret"),
            "logging__base_log_folder": self.home / "logs" / "tasks",
            "logging__dag_processor_child_process_log_directory": self.home / "logs" / "dag_processor",
            "logging__colored_console_log": False,
            "scheduler__scheduler_idle_sleep_time": 0.2,
            "dag_processor__min_file_process_interval": 120,  # files change with a deployment; a parse costs a second of CPU
            "dag_processor__refresh_interval": 30,
            "dag_processor__parsing_processes": 2,
            "cosmos__enable_telemetry": False,
            "cosmos__cache_dir": self.folder / "cosmos",
        }
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(str(self.repo / folder) for folder in ("config", "plugins", ".")),
            "AIRFLOW_HOME": str(self.folder),
            "C360_HOME": str(self.home),
            "C360_REPO": str(self.repo),
            "C360_DBT_MANIFEST": str(self.home / "dbt" / "manifest" / "manifest.json"),
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "NO_PROXY": "localhost,127.0.0.1",
            **{f"AIRFLOW__{key.upper()}": str(value) for key, value in options.items()},
            **{f"AIRFLOW_CONN_{name.upper()}": uri for name, uri in self.connections.items()},
        }

    def prepare(self, say: Callable[[str], None]) -> None:
        """Migrate the metadata database, create roles and users; done once per Airflow version and set of users."""
        self.folder.mkdir(parents=True, exist_ok=True)
        users = self._write_users()
        done = self.folder / "initialised"
        stamp = hashlib.sha256(f"{version('apache-airflow')} {self.database} {users.read_text()}".encode()).hexdigest()
        if done.exists() and done.read_text() == stamp:
            return
        say("Airflow: preparing the metadata database")
        log = self.home / "logs" / "airflow-initialise.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            result = subprocess.run(
                [sys.executable, "-m", "customer360_airflow.initialise", str(users)],
                env=self.environment(), cwd=self.repo, stdout=output, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if result.returncode:
            raise AirflowNotReady(f"Airflow's metadata database could not be prepared; see {log}")
        done.write_text(stamp)

    def start(self) -> None:
        """Start what is not running."""
        environment = self.environment()
        for name, arguments in COMPONENTS.items():
            self.book.start(
                name,
                [sys.executable, "-m", "airflow", *arguments],
                environment=environment,
                log=self.home / "logs" / f"{name}.log",
                cwd=self.repo,
            )

    def health(self) -> dict[str, str]:
        """Status per component as Airflow itself reports it ('healthy', 'unhealthy', 'starting')."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/api/v2/monitor/health", timeout=5, trust_env=False)
            report = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            report = {}
        return {
            part: (report.get(part) or {}).get("status") or "starting"
            for part in ("metadatabase", "scheduler", "dag_processor", "triggerer")
        }

    def wait_healthy(self, say: Callable[[str], None], *, timeout: float = 240.0) -> None:
        """Return when every component reports healthy. Raises ProcessDied or AirflowNotReady."""
        end = time.monotonic() + timeout
        reported: dict[str, str] = {}
        while True:
            health = self.health()
            for part, status in health.items():
                if status == "healthy" and reported.get(part) != "healthy":
                    say(f"Airflow: {part.replace('_', ' ')} is up")
            reported = health
            if all(status == "healthy" for status in health.values()):
                return
            for name in COMPONENTS:
                self.book.wait_died(name)
            if time.monotonic() > end:
                raise AirflowNotReady(f"Airflow is not healthy after {timeout:.0f} s: {health}; logs are in {self.home / 'logs'}")
            time.sleep(0.5)

    def _write_users(self) -> Path:
        users = [
            {
                "username": name,
                "role": role,
                "password": self.password(name),
                "first_name": name.capitalize(),
                "last_name": "Customer 360",
                "email": f"{name}@example.com",
            }
            for name, role in USERS.items()
        ]
        path = self.folder / "users.json"
        _write_private(path, json.dumps(users, indent=1))
        return path


def _write_private(path: Path, text: str) -> None:
    """Write a file only its owner may read, never for a moment otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def _fernet_key() -> str:
    """Encrypts what Airflow keeps in its own connections table; 32 bytes in URL-safe base 64."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret("airflow-fernet").encode()).digest()).decode()


def _parallelism() -> int:
    """Tasks at the same time: two per core pay off because most wait for the database, more only queue."""
    return max(4, 2 * (os.cpu_count() or 2))
