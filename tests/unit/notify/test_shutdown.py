"""Everything that closes shares one end."""

from types import SimpleNamespace

import pytest

from notify_service import shutdown
from notify_service.shutdown import Shutdown


def test_patience_is_its_own_until_a_shutdown_begins_and_then_never_goes_beyond_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = SimpleNamespace(now=100.0)
    moment.monotonic = lambda: moment.now
    monkeypatch.setattr(shutdown, "time", moment)
    ending = Shutdown(18.0)
    assert ending.left(60.0) == 60.0
    ending.begin()
    assert ending.left(60.0) == 18.0
    assert ending.left(5.0) == 5.0
    moment.now += 15.0
    ending.begin()  # a second signal moves nothing
    assert ending.left(60.0) == 3.0
    moment.now += 15.0
    assert ending.left(60.0) == 0.0
