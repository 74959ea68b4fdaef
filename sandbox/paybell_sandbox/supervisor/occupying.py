"""Data that is kept belongs to one run at a time: a lock beside it, held until all of that run is gone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OccupiedError(RuntimeError):
    """Another run has this data; the text names it."""


@contextmanager
def occupied(state: Path) -> Iterator[int]:
    """Takes the folder for us; gives the open lock, for the keeper to hold too.

    Raises:
        OccupiedError: where another run has it, or has not quite ended.
    """
    state.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise OccupiedError(
                f"Paybell already runs here (pid {lock.read().strip() or 'unknown'}): {state} holds its data, which one "
                "run at a time can use. Stop that one first; one that was killed is gone within half a minute."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock.fileno()
