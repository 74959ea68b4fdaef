"""The processes of a run: started bound to our life, ended by the keeper.

Start them from the main thread: Linux takes the death of the thread that started a process for the parent's.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from paybell_sandbox.supervisor.unprivileged import User

HERE = Path(__file__).parent
GRACE_SECONDS = 18.0
"""For a program to end after SIGTERM. With the database's own grace all is gone within 25 s."""
WHOLE_STOP = 40.0
"""Seconds after which a keeper that still has not ended everything is itself at fault: longer than all graces."""


class Keeper:
    """The process that ends the others. Closing it ends everything it keeps and waits until that is done.

    `holding` is an open lock: whatever becomes of us, it stays locked until all of that is done.
    """

    def __init__(self, holding: int | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(HERE / "keeper.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            pass_fds=() if holding is None else (holding,),
        )
        self._kept: list[subprocess.Popen[bytes]] = []

    def folder(self, path: Path) -> None:
        """Removes this folder in the end. Tell it before making the folder: a kill may come between the two."""
        self._tell({"folder": str(path)})

    def keep(self, path: Path) -> None:
        """Leaves this folder after all."""
        self._tell({"keep": str(path)})

    def postgres(self, server: int, cluster: Path) -> None:
        """Removes the shared memory of this PostgreSQL server, by its process, should it not do so itself."""
        self._tell({"postgres": str(cluster), "server": server})

    def process(self, process: subprocess.Popen[bytes], ending: signal.Signals, grace: float, stage: int) -> None:
        """Ends this process with the signal, and kills it when it is still there after `grace` seconds."""
        self._kept.append(process)
        self._tell({"process": process.pid, "signal": int(ending), "grace": grace, "stage": stage})

    def _tell(self, entry: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(entry).encode() + b"\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Ends everything and returns when it is gone. Doing it twice does no harm."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait(WHOLE_STOP)
        for process in self._kept:
            process.wait(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Child:
    """A running program of ours, with its output in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        keeper: Keeper,
        env: Mapping[str, str],
        log: Path,
        cwd: Path,
        ending: signal.Signals = signal.SIGTERM,
        grace: float = GRACE_SECONDS,
        stage: int = 1,
        user: User | None = None,
    ) -> None:
        self.name = name
        self.log = log
        uid, gid = (str(user.uid), str(user.gid)) if user else ("-", "-")
        launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(os.getpid()), str(int(ending)), uid, gid]
        with log.open("ab") as output:
            self._process = _start([*launcher, *command], env, output, cwd)
        keeper.process(self._process, ending, grace, stage)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """What it ended with (negative: the signal), or None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """Waits for its end; raises subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of its output, for saying why it died."""
        return self.log.read_text(errors="replace").splitlines()[-count:] if self.log.exists() else []


def _start(command: Sequence[str], env: Mapping[str, str], output: IO[bytes], cwd: Path) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal is for us, and we end the children in order.
    return subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
    )
