"""The end of a shutdown: one moment for everything that closes, so that patience in one place never adds to that in another."""

import math
import time

SECONDS = 18.0
"""From the signal until nothing is waited for any more; what is then cut off is found out after the next start."""


class Shutdown:
    """When this process has to be done. Until a shutdown begins there is no such moment."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Not begun."""
        self._seconds = seconds
        self._ends = math.inf

    def begin(self) -> None:
        """Now; a second time changes nothing."""
        self._ends = min(self._ends, time.monotonic() + self._seconds)

    def left(self, at_most: float) -> float:
        """Seconds for which something may still wait: so many at most, and never beyond the end."""
        return max(0.0, min(at_most, self._ends - time.monotonic()))
