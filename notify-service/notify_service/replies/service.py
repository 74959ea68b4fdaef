"""Replies as the composition root sees them: made from accounts and neighbours, started on the supervised loops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from notify_service.accounts import Account
from notify_service.challenges.answering import Answers
from notify_service.delivery.listed import Listed
from notify_service.loops import Loops
from notify_service.sealing import Finder, Sealer
from notify_service.wake import Bells

from .consent import LedgerConsent
from .dating import Dating
from .handling import Replies
from .keywords import Meaning
from .polling import InboundPolling
from .ports import Clock, Provider
from .reply import Reply
from .whose import WrittenTo, whose, written_to


def replies_bell(account_id: str) -> str:
    """The name of the bell that wakes the handling of an account's replies."""
    return f"replies {account_id}"


def bell_names(accounts: Mapping[str, Account]) -> list[str]:
    """Every bell that replies ring or wait for."""
    return [replies_bell(account_id) for account_id in accounts]


@dataclass(frozen=True)
class Neighbours:
    """What replies share with the rest of the process. `count`: a counter's name, its labels, and by how much."""

    pool: Any
    clock: Clock
    sealer: Sealer
    finder: Finder
    bells: Bells
    count: Callable[[str, Mapping[str, str], int], None]


@dataclass(frozen=True)
class Desk:
    """Everything that reads replies for one account."""

    replies: Replies
    dating: Dating
    polling: InboundPolling | None


class ReplyService:
    """Replies of all accounts. `providers`: whom to ask, by account; `polled`: no webhook brings replies, so lists are read.

    `answers`: who takes replies as answers, by account.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        providers: Mapping[str, Provider],
        neighbours: Neighbours,
        *,
        polled: bool,
        time_scale: float = 1.0,
        answers: Mapping[str, Answers] | None = None,
    ) -> None:
        self._answers = answers or {}
        self._bells = neighbours.bells
        self._time_scale = time_scale
        self._written_to = {account_id: written_to(account) for account_id, account in accounts.items()}
        self.desks = {
            account_id: self._desk(account, providers[account_id], neighbours, polled=polled)
            for account_id, account in accounts.items()
        }

    async def take(self, account_id: str, reply: Reply) -> None:
        """A reply came: stored when this returns."""
        if await self.desks[account_id].replies.take(reply):
            self._bells[replies_bell(account_id)].ring()

    def whose(self, account_sid: str, to: str, service: str) -> list[str]:
        """The accounts that a reply is for; see `whose.py`."""
        return whose(self._written_to.values(), account_sid, to, service)

    def start(self, loops: Loops) -> None:
        """Adds the loops. What asks the provider may be cut off anywhere: it only reads, and what it stores is stored once."""
        for account_id, desk in self.desks.items():
            loops.add(f"replies {account_id}", self._handle(loops, account_id, desk.replies))
            every = max(1.0 * self._time_scale, 0.1)
            self._every(loops, f"reply dates {account_id}", every, desk.dating.turn)
            if desk.polling is not None:
                every = max(10.0 * self._time_scale, 0.25)
                self._every(loops, f"inbound {account_id}", every, self._poll(account_id, desk.polling))

    def _desk(self, account: Account, provider: Provider, n: Neighbours, *, polled: bool) -> Desk:
        account_id = account.account_id
        ours = self._written_to[account_id]
        consent = LedgerConsent(n.sealer, n.finder)

        def count(meant: Meaning) -> None:
            n.count("reply", {"account": account_id, "meaning": meant.value}, 1)

        def owners(one: Listed) -> list[str]:
            return self.whose(ours.account_sid, one.to, one.messaging_service_sid)

        senders = {sender.name: sender for sender in account.senders}
        replies = Replies(account_id, n.pool, n.sealer, consent, n.clock, count, self._answers.get(account_id), senders)
        asked_again = timedelta(seconds=max(30 * self._time_scale, 0.5))
        dating = Dating(account_id, provider, n.pool, consent, n.clock, asked_again)
        polling = InboundPolling(
            account_id, provider, n.pool, replies, _numbers(account, ours),
            lambda one: account_id in owners(one), lambda one: len(owners(one)) > 1,
        ) if polled else None  # fmt: skip
        return Desk(replies, dating, polling)

    async def _handle(self, loops: Loops, account_id: str, replies: Replies) -> None:
        bell = self._bells[replies_bell(account_id)]
        found: list[int] = []

        async def turn() -> None:
            found[:] = [await replies.turn()]

        while not loops.stopping.is_set():
            if not (await loops.turn(f"replies {account_id}", turn) and any(found)):
                await bell.wait(1.0)

    def _every(self, loops: Loops, name: str, seconds: float, turn: Callable[[Callable[[], None]], Any]) -> None:
        step = 10.0 * self._time_scale
        loops.every(name, seconds, lambda: turn(lambda: loops.beat(name)), step_seconds=step, heeds_stop=False)

    def _poll(self, account_id: str, polling: InboundPolling) -> Callable[[Callable[[], None]], Any]:
        async def poll(beat: Callable[[], None]) -> None:
            if await polling.turn(beat):
                self._bells[replies_bell(account_id)].ring()

        return poll


def _numbers(account: Account, ours: WrittenTo) -> list[str] | None:
    """Our numbers that people can text to; None where a Messaging Service picks numbers that we do not know."""
    if ours.pools:
        return None
    prefix = {"whatsapp": "whatsapp:"}
    return sorted(
        {f"{prefix.get(s.channel, '')}{s.number}" for s in account.senders if s.channel != "voice" and s.number}
    )
