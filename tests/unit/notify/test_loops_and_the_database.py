"""A loop outlives its database, however asyncpg says that it is gone."""

import pytest

from notify_service.database import GONE
from notify_service.loops import Loops


@pytest.mark.parametrize("error", GONE, ids=lambda error: error.__name__)
async def test_a_loop_whose_database_goes_away_turns_again(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = Loops()
    monkeypatch.setattr("notify_service.loops.TROUBLE_SECONDS", 0.0)

    async def turn() -> None:
        raise error("gone")

    assert not await loops.turn("a loop", turn)
