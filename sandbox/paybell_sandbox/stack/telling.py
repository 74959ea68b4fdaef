"""What Compose is told: `.env` as we read it, or the sandbox's own settings. Nothing of ours comes from the shell but ports.

Compose would let a variable of the shell win over any file, and a real key that happens to be exported would reach the
sandbox's stack. So every name that docker-compose.yml asks for is set for it, also to nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paybell_sandbox.business import FOR_INGEST, FOR_NOTIFY
from paybell_sandbox.stack import asked
from paybell_sandbox.stack.files import UnseenFileError, seen_by_containers
from paybell_sandbox.supervisor import env_file
from paybell_sandbox.supervisor.environment import OURS
from paybell_sandbox.supervisor.mode import DATA, Incomplete, Sandboxed, any_set, decide

NOT_HERE = (
    f"{', '.join(DATA)} in .env are for `make run`. The stack has a database and keys of its own, and would not know whom you "
    "wrote to and who said STOP. Keep to one of the two."
)


ADD = "Add what is missing to .env, or take the keys out and the sandbox plays both vendors."


class CannotStartError(Exception):
    """The stack cannot be brought up so; each line says why and what to do."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a stack is brought up with.

    Attributes:
        played: the sandbox plays both vendors.
        environment: for Compose, whole.
        left_out: names of settings that reach no container.
    """

    played: bool
    environment: dict[str, str]
    left_out: tuple[str, ...]


def for_bringing_up(root: Path, shell: Mapping[str, str]) -> Told:
    """What `.env` of this clone says, checked.

    Raises:
        CannotStartError: with everything that is wrong.
    """
    try:
        settings = env_file.read(root / ".env")
        mode = decide(settings)
        if isinstance(mode, Incomplete):
            raise CannotStartError("\n".join([*mode.problems, ADD]))
        played = isinstance(mode, Sandboxed)
        if not played and any_set(settings, DATA):
            raise CannotStartError(NOT_HERE)
        names = asked.names(root / "docker-compose.yml")
        seen = seen_by_containers({name: value for name, value in settings.items() if name in names}, root)
    except (env_file.UnreadableEnvFileError, UnseenFileError) as error:
        raise CannotStartError(str(error)) from None
    if played:
        said = {name: value for name, value in seen.items() if value}
        seen = {**FOR_INGEST, **FOR_NOTIFY, **said, **env_file.read(root / "compose" / "sandbox.env")}
    return Told(played, _environment(names, seen, shell), tuple(sorted(settings.keys() - names - set(asked.PORTS))))


def for_anything_else(root: Path, shell: Mapping[str, str]) -> dict[str, str]:
    """For taking down and looking: what is up is found by its name, whatever `.env` says today."""
    return _environment(asked.names(root / "docker-compose.yml"), {}, shell)


def _environment(names: frozenset[str], settings: Mapping[str, str], shell: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in shell.items() if not name.startswith((*OURS, "COMPOSE_PROFILES"))}
    ports = {name: shell[name] for name in asked.PORTS if shell.get(name)}
    return passed | dict.fromkeys(names, "") | {name: settings[name] for name in names & settings.keys()} | ports
