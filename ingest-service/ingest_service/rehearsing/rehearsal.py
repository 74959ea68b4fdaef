"""A rehearsal from end to end: matters are read, played under two sets of rules, tried at notify, and added up. It writes nothing."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import asyncpg

from ingest_service.accounts import Account
from ingest_service.folding.resolving import Holds
from ingest_service.planning import rules_store
from ingest_service.planning.rules import Rules
from ingest_service.planning.rules_store import FixTheRulesFile, RulesInForce
from ingest_service.rehearsing import inbox
from ingest_service.rehearsing.event_list import EventList
from ingest_service.rehearsing.simulation import End, Matter, Message, Rehearsed, rehearse
from ingest_service.rehearsing.tally import Tally
from ingest_service.rehearsing.trial import Answer, Trial
from ingest_service.sealing import Sealer, UnsealableError
from ingest_service.stripe_reads import StripeReads

Source = Literal["inbox", "stripe"]
PAGE: Final = 1_000
"""So many messages are tried together."""

Told = Callable[[str, int, int | None], None]
"""Told how far it is: what is being done, how much more of it was done, of how many (None: nobody knows)."""


@dataclass(slots=True)
class AccountRehearsed:
    """What one account's facts came to.

    Attributes:
        then: under the rules that were given.
        now: under the rules in force; None where there are none.
        problems: what could not be taken into account although it should be, and why.
        notes: what production would leave out as well.
    """

    account_id: str
    facts: int = 0
    then: Tally = field(default_factory=Tally)
    now: Tally | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Everything that a rehearsal needs. `files`: the rules to rehearse, by account."""

    pool: asyncpg.Pool
    sealer: Sealer
    accounts: Mapping[str, Account]
    files: Mapping[str, Path]
    now: datetime
    trial: Trial
    holds: Holds
    reads: Callable[[], AbstractAsyncContextManager[StripeReads]]
    told: Told = lambda *_: None

    async def run(self, source: Source, past: timedelta, show: int) -> list[AccountRehearsed]:
        """Each account in turn.

        Raises:
            FixTheRulesFile: with every problem of every file, before anything is read.
            CannotReadError: Stripe's list could not be read.
            TryLater, ConfigureAccount, DoNotRepeat: notify cannot be asked.
        """
        given = {account_id: rules_store.read(self.files[account_id])[1] for account_id in self.accounts}
        since = self.now - past
        return [await self._account(account_id, given[account_id], source, since, show) for account_id in self.accounts]

    async def _account(
        self, account_id: str, rules: Rules, source: Source, since: datetime, show: int
    ) -> AccountRehearsed:
        done = AccountRehearsed(account_id)
        in_force = await self._in_force(account_id, done)
        done.now = Tally() if in_force is not None else None
        page: list[Matter] = []
        async with self._matters(account_id, source, since, done) as found:
            async for matter in found:
                page.append(matter)
                if len(page) >= PAGE // 4:
                    await self._page(page, rules, in_force, since, show, done)
                    page = []
        await self._page(page, rules, in_force, since, show, done)
        return done

    async def _in_force(self, account_id: str, done: AccountRehearsed) -> Rules | None:
        try:
            async with inbox.reading(self.pool) as conn:
                found = await RulesInForce(self.sealer).of(conn, account_id)
        except (FixTheRulesFile, UnsealableError) as error:
            done.problems.append(f"the rules in force cannot be read ({type(error).__name__}), so nothing is compared")
            return None
        return found.rules if found is not None else None

    @asynccontextmanager
    async def _matters(
        self, account_id: str, source: Source, since: datetime, done: AccountRehearsed
    ) -> AsyncIterator[AsyncIterator[Matter]]:
        if source == "inbox":
            async with inbox.reading(self.pool) as conn:
                yield self._of_inbox(conn, account_id, since, done)
        else:
            async with self.reads() as reads:
                yield self._of_stripe(reads, account_id, since, done)

    async def _of_inbox(
        self, conn: Any, account_id: str, since: datetime, done: AccountRehearsed
    ) -> AsyncIterator[Matter]:
        total, sealed = await inbox.count(conn, account_id, since, self.now), 0
        async for matter, unreadable in inbox.matters(conn, account_id, since, self.now, self.sealer):
            sealed += unreadable
            self.told("facts", len(matter.heard) + unreadable, total)
            yield matter
        if sealed:
            done.problems.append(f"{sealed} facts cannot be opened: check INGEST_DATA_KEYS")

    async def _of_stripe(
        self, reads: StripeReads, account_id: str, since: datetime, done: AccountRehearsed
    ) -> AsyncIterator[Matter]:
        listed = EventList(
            self.accounts[account_id],
            reads,
            self.holds,
            self.now,
            lambda more: self.told("events read", more, None),
            lambda more: self.told("events folded", more, None),
        )
        matters, memory = await listed.matters(since)
        for matter in matters:
            yield matter
        if memory.malformed:
            done.notes.append(f"{memory.malformed} events cannot be read")
        done.problems += [f"{number} facts are left out: {why}" for why, number in sorted(memory.unsettled.items())]

    async def _page(
        self,
        page: Sequence[Matter],
        rules: Rules,
        in_force: Rules | None,
        since: datetime,
        show: int,
        done: AccountRehearsed,
    ) -> None:
        tried: list[tuple[Matter, Rehearsed, Tally, int]] = []
        for matter in page:
            done.facts += sum(each.fact.occurred_at >= since for each in matter.heard)
            tried.append((matter, _of_time(rehearse(matter, rules, self.now), since), done.then, show))
            if in_force is not None and done.now is not None:
                tried.append((matter, _of_time(rehearse(matter, in_force, self.now), since), done.now, 0))
        asked: list[tuple[int, int, Message]] = [
            (index, place, message)
            for index, (_, rehearsed, _, _) in enumerate(tried)
            for place, message in enumerate(rehearsed.messages)
            if message.end in (End.DUE, End.TO_COME)
        ]
        answers = await self.trial.answers([message for _, _, message in asked], done.account_id)
        by_index: dict[int, dict[int, Answer]] = {}
        for (index, place, _), answer in zip(asked, answers, strict=True):
            by_index.setdefault(index, {})[place] = answer
        self.told("messages", len(asked), None)
        for index, (matter, rehearsed, tally, shown) in enumerate(tried):
            counts = frozenset(each.fact.key for each in matter.heard if each.fact.occurred_at >= since)
            tally.add(rehearsed, by_index.get(index, {}), counts, shown)


def _of_time(rehearsed: Rehearsed, since: datetime) -> Rehearsed:
    """Without what was said before the time that is rehearsed."""
    return Rehearsed([message for message in rehearsed.messages if message.at >= since], rehearsed.taken)
