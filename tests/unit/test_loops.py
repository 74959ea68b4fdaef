"""A loop that hangs is seen, one that only waits for a vendor is not taken for it, and a stop waits for no more than it must."""

import asyncio
from collections.abc import Awaitable, Callable
from types import ModuleType, SimpleNamespace

import pytest

import ingest_service.database
import ingest_service.loops
import notify_service.database
import notify_service.loops


class Clock:
    """Monotonic time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture(params=[ingest_service.loops, notify_service.loops], ids=["ingest", "notify"])
def loops_module(request: pytest.FixtureRequest) -> ModuleType:
    """Either twin."""
    module: ModuleType = request.param
    return module


@pytest.fixture
def clock(loops_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the loops' time."""
    made = Clock()
    monkeypatch.setattr(loops_module, "time", SimpleNamespace(monotonic=lambda: made.now))
    beating = loops_module.Heartbeat  # its first beat was bound to the real time when the class was made
    monkeypatch.setattr(loops_module, "Heartbeat", lambda name, every: beating(name, every, made.now))
    return made


async def turned(loops_module: ModuleType, turn: Callable[[ModuleType], Awaitable[None]], **how: float) -> None:
    """One turn of a loop, to its end."""
    loops, done = loops_module.Loops(), asyncio.Event()

    async def once() -> None:
        await turn(loops)
        done.set()

    loops.every("vendor", 1.0, once, **how)
    async with asyncio.timeout(10):
        await done.wait()
    await loops.close(1.0)


async def test_a_turn_whose_every_step_waits_for_a_vendor_that_hangs_is_not_late(
    loops_module: ModuleType, clock: Clock
) -> None:
    """A hundred steps of ten seconds, as where each call runs into its timeout."""

    async def turn(loops: ModuleType) -> None:
        for _ in range(100):
            clock.now += 10.0
            assert loops.late() == []
            loops.beat("vendor")

    await turned(loops_module, turn, step_seconds=10.0)


async def test_a_turn_that_shows_nothing_for_three_of_its_steps_is_late(loops_module: ModuleType, clock: Clock) -> None:
    async def turn(loops: ModuleType) -> None:
        clock.now += 30.1
        assert loops.late() == ["vendor"]

    await turned(loops_module, turn, step_seconds=10.0)


async def test_a_loop_turns_again_at_once_while_it_finds_work(loops_module: ModuleType) -> None:
    """Its pause is a minute, so only work can be why it came back."""
    loops, left, done = loops_module.Loops(), [3, 2, 1, 0], asyncio.Event()

    async def turn() -> int:
        found = left.pop(0)
        if not found:
            done.set()
        return found

    loops.every("queue", 60.0, turn)
    async with asyncio.timeout(10):
        await done.wait()
    assert left == []
    await loops.close(1.0)


async def test_a_stop_cuts_off_at_once_what_only_asks_a_vendor(loops_module: ModuleType) -> None:
    """The other loops have long ended; the grace is not waited for."""
    loops, asked = loops_module.Loops(), asyncio.Event()

    async def turn() -> None:
        asked.set()
        await asyncio.Event().wait()

    loops.every("vendor", 1.0, turn, heeds_stop=False)
    async with asyncio.timeout(10):
        await asked.wait()
        await loops.close(60.0)


@pytest.mark.parametrize("database", [ingest_service.database, notify_service.database], ids=["ingest", "notify"])
async def test_a_loop_turns_again_after_every_word_of_a_database_that_is_away(
    database: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after what asyncpg says of a connection that was cut within a statement."""
    loops_module = ingest_service.loops if database is ingest_service.database else notify_service.loops
    monkeypatch.setattr(loops_module, "TROUBLE_SECONDS", 0.0)
    loops = loops_module.Loops()
    for error in database.GONE:

        async def turn(error: type[Exception] = error) -> None:
            raise error("gone")

        assert not await loops.turn("a loop", turn)
