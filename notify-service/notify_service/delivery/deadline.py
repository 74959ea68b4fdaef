"""By when a call must have started: the lease of its attempt, on this machine's clocks. Pure.

Linux stops the monotonic clock while the machine sleeps, and the wall clock can be set back. A call starts only while both say that
there is time: whoever slept through its lease must not send what the resolver has meanwhile decided about.
"""

import time
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on both clocks, in seconds."""

    monotonic: float
    wall: float

    @staticmethod
    def after(wait: timedelta) -> "Deadline":
        """So long from now."""
        seconds = wait.total_seconds()
        return Deadline(time.monotonic() + seconds, time.time() + seconds)

    def left(self) -> float:
        """Seconds that both clocks still leave; 0 or less once either shows that it is too late."""
        return min(self.monotonic - time.monotonic(), self.wall - time.time())
