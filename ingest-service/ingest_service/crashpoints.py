"""Named places at which a test can kill this process, to prove that every window between two effects is survived."""

import os
import signal

_CRASH_AT = os.environ.get("CRASH_AT", "")


def reach(name: str) -> None:
    """Passes through the point `name`; kills the process there (SIGKILL: nothing is cleaned up) if CRASH_AT names it."""
    if _CRASH_AT and name == _CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
