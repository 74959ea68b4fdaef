"""Where a run that is up listens, written down in its own folder: ports move when the usual ones are taken.

The folder goes when the run does, and only its owner can read it. What stands there opens nothing.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from paybell_sandbox.supervisor.listeners import url

FOLDER = "paybell-run-"
"""How the folder's name begins."""
FILE = "whereabouts.json"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A run that is up: the program that runs everything, and host and port of each listener."""

    pid: int
    listeners: dict[str, str]

    @property
    def ingest(self) -> str:
        """The address of ingest-service's webhook."""
        return url(self.listeners["INGEST_HTTP_LISTEN"])

    @property
    def sandbox(self) -> str:
        """The sandbox's address; empty where the vendors are real."""
        return url(self.listeners["SANDBOX_LISTEN"]) if "SANDBOX_LISTEN" in self.listeners else ""


def write(folder: Path, listeners: Mapping[str, str]) -> None:
    """Writes down where we listen."""
    (folder / FILE).write_text(json.dumps(asdict(Whereabouts(os.getpid(), dict(listeners)))))


def forget(folder: Path) -> None:
    """Takes it back, where the folder stays after a failure."""
    (folder / FILE).unlink(missing_ok=True)


def of_a_run_that_is_up() -> Whereabouts | None:
    """The newest run of ours that is up, or None."""
    try:
        found = sorted(Path(tempfile.gettempdir()).glob(f"{FOLDER}*/{FILE}"), key=lambda file: -file.stat().st_mtime)
    except OSError:
        found = []
    for file in found:
        try:
            if file.stat().st_uid != os.geteuid():
                continue
            run = Whereabouts(**json.loads(file.read_text()))
            os.kill(run.pid, 0)
        except (OSError, ValueError, TypeError):
            continue
        return run
    return None
