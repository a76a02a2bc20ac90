"""Airflow's REST API, as much of it as the demo and the tests need."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from customer360.errors import UserError

_ENDED = frozenset({"success", "failed"})


class AirflowRunFailed(UserError):
    """A DAG run failed, or did not end in time; the message names the tasks and where to look."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of a run. `seconds` is None until it has ended."""

    task_id: str
    state: str | None
    seconds: float | None


class AirflowApi:
    """A session with one Airflow, as one user. Use as a context manager."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> AirflowApi:
        self._authorise()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """One call below /api/v2; JSON in and out. Raises AirflowRunFailed with Airflow's own words."""
        answer = self._client.request(method, f"/api/v2{path}", **arguments)
        if answer.status_code == httpx.codes.UNAUTHORIZED:  # a long run outlives its token
            self._authorise()
            answer = self._client.request(method, f"/api/v2{path}", **arguments)
        if answer.is_error:
            raise AirflowRunFailed(f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def page(self, path: str) -> httpx.Response:
        """A page that Airflow serves besides its API, as this user."""
        return self._client.get(path)

    def dags(self) -> dict[str, dict[str, Any]]:
        """All DAGs by id."""
        return {dag["dag_id"]: dag for dag in self.request("GET", "/dags", params={"limit": 100, "exclude_stale": True})["dags"]}

    def import_errors(self, *, since: datetime | None = None) -> list[str]:
        """What Airflow could not import, when it last read the files or since a moment (UTC)."""
        return [
            f"{error['filename']}: {error['stack_trace']}"
            for error in self.request("GET", "/importErrors")["import_errors"]
            if since is None or datetime.fromisoformat(error["timestamp"]) >= since
        ]

    def wait_for_dags(self, wanted: set[str], *, timeout: float = 180) -> None:
        """Return when Airflow has read all of these DAGs. What it could not import before now may have been mended: that is read again."""
        begun, end = datetime.now(UTC), time.monotonic() + timeout
        while missing := wanted - set(self.dags()):
            if errors := self.import_errors(since=begun):
                raise AirflowRunFailed("Airflow cannot import the DAGs:\n" + "\n".join(errors))
            if time.monotonic() > end:
                raise AirflowRunFailed(f"Airflow has not read the DAGs {', '.join(sorted(missing))} after {timeout:.0f} s")
            time.sleep(0.5)

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Switch a DAG off or on."""
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, *, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run; returns its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self.request("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The latest runs, newest first."""
        return list(self.request("GET", f"/dags/{dag_id}/dagRuns", params={"limit": 25, "order_by": "-run_after"})["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[Task]:
        """The tasks of a run."""
        found, offset = [], 0
        while True:
            page = self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100, "offset": offset})
            found += [Task(task_id=each["task_id"], state=each["state"], seconds=each["duration"]) for each in page["task_instances"]]
            offset += 100
            if offset >= page["total_entries"]:
                return found

    def wait(self, dag_id: str, run_id: str, *, timeout: float, on_task: Callable[[Task], None] | None = None, poll: float = 0.5) -> str:
        """Return 'success' or 'failed' when the run has ended; `on_task` hears of each task as it ends."""
        end = time.monotonic() + timeout
        told: set[str] = set()
        while True:
            state = self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
            if on_task:
                for task in self.tasks(dag_id, run_id):
                    if task.state in ("success", "failed", "skipped", "upstream_failed") and task.task_id not in told:
                        told.add(task.task_id)
                        on_task(task)
            if state in _ENDED:
                return str(state)
            if time.monotonic() > end:
                raise AirflowRunFailed(f"{dag_id} has not ended after {timeout:.0f} s; see {self.run_url(dag_id, run_id)}")
            time.sleep(poll)

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The run's page."""
        return f"{self._url}/dags/{dag_id}/runs/{run_id}"

    def _authorise(self) -> None:
        answer = self._client.post("/auth/token", json=self._login)
        if answer.is_error:
            raise AirflowRunFailed(f"Airflow refused the login of {self._login['username']}: {answer.status_code}")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
