"""The compose stack as files: what both Compose v2 and docker-compose 1.29 take, and how the containers are closed in."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose import make_secrets
from paybell_sandbox.stack.files import USERS
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


def test_postgres_runs_as_itself_with_no_right_of_roots() -> None:
    described = STACK["services"]["postgres"]
    assert described["user"] == f"{make_secrets.POSTGRES_UID}:{make_secrets.POSTGRES_UID}"
    assert described["cap_drop"] == ["ALL"]
    assert "cap_add" not in described
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["read_only"] is True


def test_nothing_of_the_clone_is_read_by_a_container_whatever_its_modes_are() -> None:
    """A clone made under umask 077 works too: only root reads it, and what `.env` names is looked at before."""
    for name, described in STACK["services"].items():
        bound = [volume for volume in described.get("volumes", []) if volume.startswith("./")]
        assert name == "secrets" or all(volume.startswith("./config/") for volume in bound), name
    for package in ("ingest-service", "notify-service", "sandbox"):
        build, final = (ROOT / package / "Dockerfile").read_text().rsplit("\nFROM ", 1)
        assert "chmod -R a+rX /opt/paybell" in build
        assert not re.search(r"^COPY (?!--from=build)", final, re.MULTILINE)


def test_each_service_sees_its_own_folder_of_files_and_not_the_others() -> None:
    for service, described in STACK["services"].items():
        seen = {volume.split(":")[0] for volume in described.get("volumes", []) if volume.startswith("./config")}
        owner = service.partition("-")[0]
        assert seen == ({f"./config/{owner}"} if owner in ("ingest", "notify") else set())


def test_the_users_that_files_are_checked_for_are_those_of_the_images() -> None:
    assert USERS == {"ingest": make_secrets.INGEST_UID, "notify": make_secrets.NOTIFY_UID}
    for service, user in USERS.items():
        assert f"USER {user}\n" in (ROOT / f"{service}-service" / "Dockerfile").read_text()


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
