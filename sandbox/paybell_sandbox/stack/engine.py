"""Docker Compose as this machine has it: the plugin, or the docker-compose of old."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROJECT = "paybell"


class NoEngineError(RuntimeError):
    """Docker or its Compose is missing or does not answer; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Compose:
    """Runs Compose on our file, with this environment and never with a file of settings that it reads by itself."""

    program: tuple[str, ...]
    root: Path
    environment: Mapping[str, str]

    def command(self, *arguments: str, sandbox: bool = True) -> list[str]:
        """The whole command. Without `sandbox` its service is as if it were not in the file."""
        profile = ("--profile", "sandbox") if sandbox else ()
        return [*self.program, "--project-name", PROJECT, "--env-file", "compose/none.env", *profile, *arguments]

    def run(self, *arguments: str, sandbox: bool = True, output: IO[bytes] | None = None) -> int:
        """Runs it and returns its exit code. What it says goes to `output`, or to the terminal."""
        return subprocess.run(
            self.command(*arguments, sandbox=sandbox),
            cwd=self.root,
            env=dict(self.environment),
            check=False,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        ).returncode

    def said(self, *arguments: str) -> str:
        """What it says; nothing where it fails."""
        finished = subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=dict(self.environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return finished.stdout if finished.returncode == 0 else ""

    def health(self, service: str) -> str:
        """Docker's word for a service's container: starting, healthy, unhealthy; nothing where there is none."""
        container = self.said("ps", "-q", service).split()
        if not container:
            return ""
        asked = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container[0]]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def find(root: Path, environment: Mapping[str, str]) -> Compose:
    """The Compose of this machine.

    Raises:
        NoEngineError: where there is none, or no engine behind it.
    """
    instead = "or use `make run`, which needs none"
    docker, old = shutil.which("docker"), shutil.which("docker-compose")
    if docker and _succeeds(docker, "compose", "version"):
        program: tuple[str, ...] = (docker, "compose")
    elif old:
        program = (old,)
    else:
        raise NoEngineError(f"Docker Compose is needed: install Docker, {instead}.")
    if not docker or not _succeeds(docker, "info"):
        raise NoEngineError(f"The Docker engine does not answer: start it, {instead}.")
    return Compose(program, root, environment)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
