"""Ends what a run started, whatever ended the run.

Run by path, never imported: `python -I -S keeper.py`. It reads one JSON object a line from its standard input:

    {"process": 123, "signal": 15, "grace": 20.0, "stage": 1}
    {"folder": "/…"}
    {"keep": "/…"}
    {"postgres": "/…/data", "server": 123}

When the input closes, because the run is over or because it was killed, the processes of the highest stage get their
signal and their seconds of grace, then SIGKILL; then the next lower stage; then the folders are removed, and the shared
memory of a PostgreSQL that was killed, which it cannot remove itself. So an orderly stop and a kill -9 end in the same
code. It stands in a session of its own, where no Ctrl-C reaches it.

What a run locked is locked by the keeper too, which was given the lock open: it is free when all of the run is gone.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

IPC_RMID = 0
REMOVE_SECONDS = 5.0
"""In which a program that was told to end may still write into a folder that is being removed."""


@dataclass
class Process:
    """A process to end. The descriptor names this very process, so that a reused number is never hit."""

    pid: int
    ending: int
    grace: float
    stage: int
    descriptor: int | None

    def send(self, number: int) -> None:
        try:
            if sys.platform == "linux" and self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def is_gone(self) -> bool:
        if self.descriptor is not None:
            return bool(select.select([self.descriptor], [], [], 0)[0])
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False


@dataclass
class Kept:
    processes: list[Process] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    servers: list[tuple[int, Path]] = field(default_factory=list)


def read(lines: TextIO) -> Kept:
    """Takes down what there is to end until the input closes. A process that is gone already is left out."""
    kept = Kept()
    for line in lines:
        entry = json.loads(line)
        if "folder" in entry:
            kept.folders.append(Path(entry["folder"]))
            continue
        if "keep" in entry:
            kept.folders.remove(Path(entry["keep"]))
            continue
        if "postgres" in entry:
            kept.servers.append((entry["server"], Path(entry["postgres"])))
            continue
        descriptor = None
        if sys.platform == "linux":
            try:
                descriptor = os.pidfd_open(entry["process"])
            except ProcessLookupError:
                continue
        kept.processes.append(Process(entry["process"], entry["signal"], entry["grace"], entry["stage"], descriptor))
    return kept


def end(processes: list[Process]) -> None:
    """Asks all to end at once; whoever has not when its grace is over is killed."""
    for process in processes:
        process.send(process.ending)
    began = time.monotonic()
    waiting = processes
    while waiting := [process for process in waiting if not process.is_gone()]:
        for process in waiting:
            if time.monotonic() - began > process.grace:
                process.send(signal.SIGKILL)
        time.sleep(0.01)


def free_shared_memory(server: int, cluster: Path) -> None:
    """Removes the segment by which this server marks its data as in use. One that ended by itself has removed it.

    The data may be another server's by now: that one's segment is what keeps a second one out, and is not touched.
    """
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        owner, segment = int(lines[0]), int(lines[6].split()[1])
    except (OSError, IndexError, ValueError):
        return
    if owner == server:
        ctypes.CDLL(None).shmctl(segment, IPC_RMID, None)


def remove(folder: Path) -> None:
    """Removes a folder, again while somebody whose parent was killed still writes into it.

    Without a pause: deleting is faster than writing, so each pass finds less, and a pause would give that back.
    """
    until = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kept = read(sys.stdin)
    for stage in sorted({process.stage for process in kept.processes}, reverse=True):
        end([process for process in kept.processes if process.stage == stage])
    for server, cluster in kept.servers:
        free_shared_memory(server, cluster)
    for folder in kept.folders:
        remove(folder)


if __name__ == "__main__":
    main()
