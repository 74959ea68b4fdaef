"""The loops of planning and submitting, as the composition root starts them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from ingest_service.loops import Loops
from ingest_service.planning.planning import Planning
from ingest_service.submitting.cancels import Cancels
from ingest_service.submitting.notify_client import ConfigureAccount, DoNotRepeat, TryLater
from ingest_service.submitting.outcomes import Outcomes
from ingest_service.submitting.submission import Submission
from ingest_service.wake import Bells

log = structlog.get_logger()

BELLS: Final = ("planning", "submitting", "cancels")
"""The bells these loops wait for."""

LOOK_ANYWAY_SECONDS: Final = 1.0
SUBMITTERS: Final = 2
"""One may wait for notify's answer while the other takes what came meanwhile."""


def add_loops(
    loops: Loops, bells: Bells, planning: Planning, submission: Submission, cancels: Cancels, outcomes: Outcomes
) -> None:
    """Starts planning, submitting, cancels and outcomes. Each drains its queue, then waits for its bell or a second."""

    async def plan() -> int:
        planned = await planning.turn()
        if planned:
            bells.ring("submitting")
        return planned

    loops.add("planning", drain(loops, bells, "planning", "planning", plan))
    for number in range(1, SUBMITTERS + 1):
        loops.add(f"submitting-{number}", drain(loops, bells, f"submitting-{number}", "submitting", submission.turn))
    loops.add("cancels", drain(loops, bells, "cancels", "cancels", cancels.turn))
    loops.add("outcomes", listen(loops, bells, outcomes))


async def drain(loops: Loops, bells: Bells, name: str, bell: str, turn: Callable[[], Awaitable[int]]) -> None:
    """Turns until nothing is left, then waits; until the process stops."""
    found = 0

    async def counted() -> None:
        nonlocal found
        found = 0
        found = await turn()

    while not loops.stopping.is_set():
        await loops.turn(name, counted)
        if not found:
            await bells[bell].wait(LOOK_ANYWAY_SECONDS)


async def listen(loops: Loops, bells: Bells, outcomes: Outcomes) -> None:
    """Pulls outcomes for ever, one long poll after the other; a stop ends the poll at once."""
    stopping = asyncio.ensure_future(loops.stopping.wait())
    trouble = 0

    async def pull() -> None:
        nonlocal trouble
        try:
            if await outcomes.turn(timedelta(seconds=5)):
                bells.ring("submitting")
            trouble = 0
        except (TryLater, ConfigureAccount, DoNotRepeat) as error:
            trouble += 1
            if trouble == 1:
                log.warning("outcomes.put_off", error=type(error).__name__)
            await loops.pause(min(0.25 * 2**trouble, 5.0))

    try:
        while not loops.stopping.is_set():
            poll = asyncio.ensure_future(loops.turn("outcomes", pull))
            await asyncio.wait([poll, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                poll.cancel()
                await asyncio.gather(poll, return_exceptions=True)
            else:
                await poll
    finally:
        stopping.cancel()
