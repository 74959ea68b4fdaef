"""The loops of planning and submitting, as the composition root starts them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from ingest_service.accounts import Account
from ingest_service.apart import AccountsApart
from ingest_service.beat import Beat
from ingest_service.clock import Clock
from ingest_service.deciding import decision_store
from ingest_service.deciding.deciding import Deciding
from ingest_service.links.link import LinkMaker
from ingest_service.loops import Loops
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import StripeReads
from ingest_service.submitting import stripe_look
from ingest_service.submitting.cancels import Cancels
from ingest_service.submitting.handing_over import HandingOver
from ingest_service.submitting.looking import Looking
from ingest_service.submitting.looks import Looks, slots
from ingest_service.submitting.notify_client import ConfigureAccount, DoNotRepeat, NotifyClient, TryLater
from ingest_service.submitting.outcomes import Outcomes
from ingest_service.submitting.sorting import Sorting
from ingest_service.submitting.submission import Submission
from ingest_service.submitting.truth import Seen
from ingest_service.wake import Bells
from ingest_service.webhooks.calling import Calling

log = structlog.get_logger()

BELLS: Final = ("planning", "submitting", "looking", "cancels", "deciding", "webhooks")
"""The bells these loops wait for."""

LOOK_ANYWAY_SECONDS: Final = 1.0
BETWEEN_LOOKS_SECONDS: Final = 0.1
"""While looks are under way their queue is asked so often: several slots are filled at once."""
UNANSWERED_SECONDS: Final = 3.0
SUBMITTERS: Final = 2
"""One may wait for notify's answer while the other takes what came meanwhile."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the planning side, on one database and one notify."""

    planning: Planning
    submission: Submission
    looking: Looking
    cancels: Cancels
    outcomes: Outcomes
    deciding: Deciding | None = None
    calling: Calling | None = None


def parts(
    pool: asyncpg.Pool,
    accounts: Mapping[str, Account],
    clock: Clock,
    sealer: Sealer,
    notify: NotifyClient,
    reads: StripeReads,
    per_second: int,
    links: LinkMaker | None = None,
    deciding: Deciding | None = None,
    calling: Calling | None = None,
) -> Parts:
    """Makes the parts for these accounts; `per_second` is the budget of reads that looks are measured by."""

    async def look(account_id: str, subject_id: str, fact: Mapping[str, Any]) -> Seen:
        return await stripe_look.look(reads, account_id, subject_id, fact)

    account_ids = sorted(accounts)
    zones = {account_id: ZoneInfo(account.zone) for account_id, account in accounts.items()}
    sorting, handing_over = Sorting(zones, sealer, links), HandingOver(pool, clock, notify)
    return Parts(
        planning=Planning(pool, account_ids, clock, sealer, RulesInForce(sealer)),
        submission=Submission(pool, account_ids, clock, sorting, handing_over),
        looking=Looking(pool, account_ids, clock, sorting, handing_over, look, Looks(slots(per_second))),
        cancels=Cancels(pool, account_ids, notify),
        outcomes=Outcomes(pool, account_ids, notify, clock),
        deciding=deciding,
        calling=calling,
    )


def add_loops(loops: Loops, bells: Bells, side: Parts) -> None:
    """Starts planning, submitting, looking, cancels and outcomes. Each drains its queue, then waits for its bell or a second."""

    async def plan(beat: Beat) -> int:
        planned = await side.planning.turn(beat)
        if planned:
            bells.ring("submitting")
        return planned

    async def submit(beat: Beat) -> int:
        submitted = await side.submission.turn(beat)
        if submitted.look_up:
            bells.ring("looking")
        if submitted.claimed:
            bells.ring("webhooks")
        return submitted.claimed

    async def look(beat: Beat) -> int:
        if side.looking.looks:
            await loops.pause(BETWEEN_LOOKS_SECONDS)
        return await side.looking.turn(beat)

    side.looking.looks.freed = bells["looking"].ring
    loops.add("planning", drain(loops, bells, "planning", "planning", plan))
    for number in range(1, SUBMITTERS + 1):
        loops.add(f"submitting-{number}", drain(loops, bells, f"submitting-{number}", "submitting", submit))
    loops.add("looking", drain(loops, bells, "looking", "looking", look))
    loops.add("cancels", drain(loops, bells, "cancels", "cancels", side.cancels.turn))
    loops.add("outcomes", listen(loops, bells, side.outcomes))
    if side.deciding is not None:
        _add_decisions(loops, bells, side.deciding)
    if side.calling is not None:
        loops.add("webhooks", drain(loops, bells, "webhooks", "webhooks", side.calling.turn))


def _add_decisions(loops: Loops, bells: Bells, deciding: Deciding) -> None:
    """Starts acting on answers. What came of them are facts, which planning takes from there."""

    async def due(account_ids: Sequence[str]) -> list[str]:
        async with deciding.pool.acquire() as conn:
            return await decision_store.accounts_with_due(conn, account_ids)

    async def decide(account_id: str) -> None:
        only = replace(deciding, accounts={account_id: deciding.accounts[account_id]})
        if await only.turn(lambda: loops.beat("decisions")):
            bells.ring("planning", "cancels", "webhooks")
            bells["deciding"].ring()

    async def sweep() -> int:
        swept = await deciding.sweep()
        if swept:
            bells.ring("deciding")
        return swept

    apart = AccountsApart("decisions", sorted(deciding.accounts), due, decide)
    loops.add("decisions", apart.run(loops, bells["deciding"], LOOK_ANYWAY_SECONDS))
    loops.every("unanswered", UNANSWERED_SECONDS, sweep)


async def drain(loops: Loops, bells: Bells, name: str, bell: str, turn: Callable[[Beat], Awaitable[int]]) -> None:
    """Turns until nothing is left, then waits; until the process stops. A turn says that it goes on after each of its steps."""
    found = 0

    async def counted() -> None:
        nonlocal found
        found = 0
        found = await turn(lambda: loops.beat(name))

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
            if await outcomes.turn(timedelta(seconds=5), lambda: loops.beat("outcomes")):
                bells.ring("submitting", "deciding")
            trouble = 0
        except (TryLater, ConfigureAccount, DoNotRepeat) as error:
            trouble += 1
            if trouble == 1:
                log.warning("outcomes.put_off", error=type(error).__name__)
            loops.beat("outcomes")
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
