"""The compose stack as files: what both Compose v2 and docker-compose 1.29 take, and how the containers are closed in."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import need

ROOT = Path(__file__).parents[2]
STACK: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = ("ingest-service", "notify-service", "ingest-migrate", "notify-migrate", "sandbox")


def test_only_what_the_old_compose_knows_is_used() -> None:
    assert "name" not in STACK
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"start_interval|^secrets:", text, re.MULTILINE)


@pytest.mark.parametrize("service", OURS)
def test_our_containers_can_write_nowhere_and_may_do_nothing_special(service: str) -> None:
    described = STACK["services"][service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in described


@pytest.mark.parametrize("package", ["ingest-service", "notify-service", "sandbox"])
def test_images_run_as_a_user_of_their_own_and_install_by_hash(package: str) -> None:
    lines = (ROOT / package / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if re.fullmatch(r"USER 1000[123]", line)]
    assert any("--require-hashes" in line for line in lines)
    assert not [line for line in lines if line.startswith("RUN --mount")]  # the classic builder knows none


def test_only_public_listeners_are_published_and_only_on_this_machine() -> None:
    ports = [port for service in STACK["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not [port for port in ports if port.endswith((":9080", ":9081", ":50051", ":5432"))]


def test_no_secret_stands_in_the_files() -> None:
    for service in STACK["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if (
                re.search(r"KEY|TOKEN|SECRET|PASSWORD", name)
                and not name.endswith("_FILE")
                and not name.startswith("GRPC_")
            ):
                assert str(value).startswith("${"), name


def test_compose_itself_takes_the_files() -> None:
    program = need("docker", "docker-compose", "docker")
    command = [program] if program.endswith("docker-compose") else [program, "compose"]
    subprocess.run(
        [*command, "--env-file", "compose/sandbox.env", "--profile", "sandbox", "config", "-q"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
