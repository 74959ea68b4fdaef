"""Ends what its parent started, also where the parent is killed without a chance to clean up.

The parent holds one end of a pipe and writes a line for each thing to end: ``pid 123`` or ``folder /path``. When the pipe
closes, for whatever reason, the guardian ends the processes and removes the folders. A parent that has cleaned up by
itself writes ``done`` first.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

PATIENCE_SECONDS = 8.0
"""How long a process may take to end after SIGTERM before it is killed."""


class Guardian:
    """The parent's side: names what must not outlive it."""

    def __init__(self) -> None:
        """Starts the guardian process."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__))], stdin=subprocess.PIPE, start_new_session=True, text=True
        )

    @property
    def pid(self) -> int:
        """The guardian's own process id."""
        return self._process.pid

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def watch_process(self, pid: int) -> None:
        """Ends the process when the parent is gone."""
        self._tell(f"pid {pid}")

    def watch_folder(self, folder: Path) -> None:
        """Removes the folder when the parent is gone, after the processes ended."""
        self._tell(f"folder {folder}")

    def dismiss(self) -> None:
        """Says that all is cleaned up; the guardian ends without touching anything."""
        self._tell("done")
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_SECONDS)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def watch(orders: IO[str]) -> None:
    """Reads orders until the pipe closes, then ends and removes what they named."""
    pids: list[int] = []
    folders: list[Path] = []
    for line in orders:
        word, _, rest = line.strip().partition(" ")
        if word == "pid":
            pids.append(int(rest))
        elif word == "folder":
            folders.append(Path(rest))
        elif word == "done":
            return
    for pid in reversed(pids):
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it goes only when its parent does
    watch(sys.stdin)
