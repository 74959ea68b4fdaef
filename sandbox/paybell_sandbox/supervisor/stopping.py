"""When a run is to stop: Ctrl-C, SIGTERM, a closed terminal, or the end of whoever started it."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Stopping:
    """Notes the request to stop, and lets one wait for it. Waiting is the only thing a run does when all is up."""

    def __init__(self, *, with_parent: bool = False) -> None:
        self.reason: signal.Signals | None = None
        self._event = threading.Event()
        self._parent = os.getppid() if with_parent else None
        self._before: dict[signal.Signals, signal.Handlers | object] = {}

    def wait(self, seconds: float) -> bool:
        """Whether to stop, known at once when asked and after `seconds` when not."""
        if self._parent is not None and os.getppid() != self._parent:
            self._ask(signal.SIGTERM)
        return self._event.wait(seconds)

    @property
    def asked(self) -> bool:
        """Whether to stop, without waiting."""
        return self.wait(0)

    @property
    def exit_code(self) -> int:
        """Ctrl-C is how one ends a run: 0. Anything else that ended it: 128 and the signal's number, as shells do."""
        return 0 if self.reason in (None, signal.SIGINT) else 128 + int(self.reason)

    def _ask(self, number: signal.Signals) -> None:
        self.reason = self.reason or number
        self._event.set()

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._ask(signal.Signals(number))

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave it takes back
