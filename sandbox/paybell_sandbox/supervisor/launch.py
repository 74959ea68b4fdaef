"""Becomes another program: as an unprivileged user where asked, and bound to the life of the process that started it.

Run by path, never imported: `python -I -S launch.py PARENT_PID SIGNAL UID GID PROGRAM ARGUMENT…` (UID and GID may be `-`).
A program of its own rather than a `preexec_fn`, because code between fork and exec in a process with threads may hang.

On Linux the kernel then sends SIGNAL when the parent dies, even of kill -9. Elsewhere the keeper alone watches.
The order matters: the kernel forgets the signal when the user changes, and keeps it across exec.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, ending: signal.Signals, user: str, group: str, command: list[str]) -> None:
    """Replaces this process by the command; returns only if the parent is already gone."""
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(ending), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606 - a shell would stand between us and the signal


if __name__ == "__main__":
    become(int(sys.argv[1]), signal.Signals(int(sys.argv[2])), sys.argv[3], sys.argv[4], sys.argv[5:])
    sys.exit(1)
