"""The production files, as far as they can be checked without a container engine: schema, secrets, health, pinned versions."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[3]
COMPOSE = REPO / "docker-compose.yml"
PARTS = {"postgres", "redis", "initialise", "api-server", "scheduler", "dag-processor", "triggerer", "webhooks", "worker"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(found) == PARTS
    return found


def test_it_is_a_compose_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_compose_file_with_a_mistake_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("restart: unless-stopped", "restart: [sometimes]", 1))
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0


def test_each_service_has_a_health_check(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = service["healthcheck"]
        if name == "initialise":  # it ends, and the others wait for its success
            assert check == {"disable": True}
        else:
            assert check["test"] and check["interval"] and check["retries"], name


def test_what_starts_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    assert {name: each["condition"] for name, each in services["initialise"]["depends_on"].items()} == {
        "postgres": "service_healthy", "redis": "service_healthy"}  # fmt: skip
    for name in PARTS - {"postgres", "redis", "initialise"}:
        assert services[name]["depends_on"] == {"initialise": {"condition": "service_completed_successfully"}}, name


def test_no_password_stands_in_the_file_and_none_has_a_default(services: dict[str, Any]) -> None:
    text = COMPOSE.read_text()
    assert not re.search(r"://[^/\s:]+:[^$@\s/]+@", text), "a URI with a password"
    assert not re.search(r"(?i)\$\{[^}]*(password|secret|key|token)[^}]*:-", text), "a secret with a default"
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"(?i)password|secret|token|fernet", variable):
                assert variable.endswith("_FILE") and str(value).startswith("/run/secrets/"), (name, variable)
    for name, source in yaml.safe_load(text)["secrets"].items():
        assert source == {"file": f"./secrets/{name}"}
    assert "/secrets/" in (REPO / ".gitignore").read_text().split()
    assert "secrets" in (REPO / ".dockerignore").read_text().split()


def test_every_image_is_pinned(services: dict[str, Any]) -> None:
    images = [service["image"] for service in services.values()]
    images += re.findall(r"^FROM (\S+)", (REPO / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == len(PARTS) + 2
    for image in images:
        tag = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", image).partition(":")[2]
        assert re.match(r"\d+\.\d+", tag), f"{image} names no version"


def test_only_airflow_and_webhooks_are_reached_from_outside_and_on_this_machine_alone_by_default(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if service.get("ports")] == ["api-server", "webhooks"]
    for name in ("api-server", "webhooks"):
        assert [port.startswith("${C360_LISTEN:-127.0.0.1}:") for port in services[name]["ports"]] == [True]
    for name in ("postgres", "redis", "scheduler", "dag-processor"):
        assert services[name]["networks"] == ["inside"], name


def test_the_entry_point_reads_exactly_the_secrets_that_the_file_declares() -> None:
    declared = set(yaml.safe_load(COMPOSE.read_text())["secrets"])
    read = set(re.findall(r"(?:secret |escape |/run/secrets/)(\w+)", (REPO / "docker" / "entrypoint").read_text())) - {"1"}
    assert read == declared


def test_the_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    script = REPO / "docker" / "make-secrets"
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(first) == set(yaml.safe_load(COMPOSE.read_text())["secrets"])
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "secrets").iterdir())
    passwords = {user["password"] for user in json.loads(first["airflow_users"])}
    assert len(passwords) == 3 and min(map(len, passwords)) >= 20
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == first


def test_the_entry_point_makes_settings_from_secrets_and_prints_none(tmp_path: Path) -> None:
    """Run for real, with /run/secrets replaced by a folder."""
    subprocess.run([sys.executable, str(REPO / "docker" / "make-secrets")], cwd=tmp_path, check=True, capture_output=True)
    secrets = tmp_path / "secrets"
    (secrets / "postgres_password").write_text("p@ss/word:1\n")
    (secrets / "airflow_connections").write_text("# shops\n\nshop=postgresql://reader:x%2Fy@shop:5432/shop?sslmode=verify-full\n")
    entrypoint = tmp_path / "entrypoint"
    entrypoint.write_text((REPO / "docker" / "entrypoint").read_text().replace("/run/secrets/", f"{secrets}/"))
    done = subprocess.run(["sh", str(entrypoint), "env"], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert found["AIRFLOW_CONN_WAREHOUSE"] == "postgresql://customer360:p%40ss%2Fword%3A1@postgres:5432/customer360"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@postgres:5432/airflow")
    assert found["AIRFLOW_CONN_SHOP"] == found["C360_CONN_SHOP"] == "postgresql://reader:x%2Fy@shop:5432/shop?sslmode=verify-full"
    quiet = subprocess.run(["sh", str(entrypoint), "true"], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    assert quiet.stdout == quiet.stderr == ""
