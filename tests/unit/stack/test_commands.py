"""`compose/stack`: down and logs are about what is up, whatever `.env` says today."""

import os
import subprocess
from pathlib import Path

import pytest

from paybell_sandbox.stack import __main__ as stack

ROOT = Path(__file__).resolve().parents[3]
DOCKER = """#!/bin/sh
case "$1" in compose) [ "$2" = version ] && exit 0; shift; echo "$@" >>"$SAID"; env | grep -c live >>"$SAID";; esac
exit 0
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a docker that only listens was told."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_1")
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    (tmp_path / "docker-compose.yml").write_text((ROOT / "docker-compose.yml").read_text())
    return tmp_path / "said"


@pytest.mark.parametrize(
    "env", ["", "STRIPE_API_KEY=sk_live_1", "this is no setting"], ids=["none", "half", "unreadable"]
)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["down", "-v"], "down --remove-orphans -v"),
        (["logs", "-f"], "logs -f"),
        (["why", "evt_1"], "ingest-service why evt_1"),
    ],
)
def test_what_is_up_is_found_with_all_of_it_whatever_env_says(
    said: Path, env: str, arguments: list[str], told: str
) -> None:
    (said.parent / ".env").write_text(env)
    assert stack.main(arguments) == 0
    command, keys = said.read_text().splitlines()
    assert command.startswith("--project-name paybell --env-file compose/none.env --profile sandbox ")
    assert command.endswith(told)
    assert keys == "0", "the shell's key was passed on"


def test_half_a_set_of_keys_brings_nothing_up(said: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (said.parent / ".env").write_text("TWILIO_API_KEY=SK1\nTWILIO_API_SECRET=s\n")
    assert stack.main(["up"]) == 1
    assert not said.exists()
    assert "STRIPE_API_KEY is missing" in capfd.readouterr().err


def test_a_python_that_is_too_old_is_told_so() -> None:
    env = {**os.environ, "PYTHON": "false"}
    finished = subprocess.run([ROOT / "compose/stack", "up"], env=env, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "Python 3.11 or later is needed" in finished.stderr
