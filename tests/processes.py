"""What runs on this machine, read from /proc: for saying that nothing was left behind."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One process; the start time tells it from a later one with the same number."""

    pid: int
    started: int
    command: str

    def is_gone(self) -> bool:
        """Whether it has ended. One that waits to be reaped by whoever adopted it has."""
        now = _read(self.pid)
        return now is None or now[0].started != self.started or now[2] in "ZX"


def family(pid: int) -> set[Process]:
    """A process and all that descend from it now."""
    found = [read for path in Path("/proc").glob("[0-9]*") if (read := _read(int(path.name))) is not None]
    members = {pid}
    while more := {process.pid for process, parent, _ in found if parent in members} - members:
        members |= more
    return {process for process, _, _ in found if process.pid in members}


def mentioning(text: str) -> set[Process]:
    """The processes that have this in their command."""
    found = [read for path in Path("/proc").glob("[0-9]*") if (read := _read(int(path.name))) is not None]
    return {process for process, _, _ in found if text in process.command and not process.is_gone()}


def _read(pid: int) -> tuple[Process, int, str] | None:
    """The process, its parent and its state letter."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return None
    return Process(pid, int(fields[19]), command), int(fields[1]), fields[0]


def listens(port: int) -> bool:
    """Whether anybody takes connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def makers_of_shared_memory() -> set[int]:
    """The processes that made the segments there are now."""
    return {int(line.split()[4]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits until something holds, and fails naming it when it still does not."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"after {seconds} s still not: {what}"
        time.sleep(0.02)
