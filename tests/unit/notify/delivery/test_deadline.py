"""By when a call must have started, whatever one of the clocks says."""

import time
from datetime import timedelta

import pytest

from notify_service.delivery.deadline import Deadline


@pytest.mark.parametrize(
    ("monotonic", "wall", "in_time"),
    [
        (0.0, 0.0, True),
        (9.9, 9.9, True),
        (10.1, 10.1, False),
        (0.1, 3600.0, False),  # the machine slept: the monotonic clock stood still
        (10.1, -3600.0, False),  # the wall clock was set back
        (9.9, -3600.0, True),
    ],
)
def test_a_call_may_start_only_while_both_clocks_say_so(
    monkeypatch: pytest.MonkeyPatch, monotonic: float, wall: float, in_time: bool
) -> None:
    start_before = Deadline.after(timedelta(seconds=10))
    later = time.monotonic() + monotonic, time.time() + wall
    monkeypatch.setattr(time, "monotonic", lambda: later[0])
    monkeypatch.setattr(time, "time", lambda: later[1])
    assert (start_before.left() > 0) == in_time
