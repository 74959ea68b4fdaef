"""Delivery as the composition root sees it: made from accounts and neighbours, started on the supervised loops."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notify_service.accounts import Account
from notify_service.consent.policy import Policy
from notify_service.loops import Loops
from notify_service.replies.consent import LedgerConsent
from notify_service.replies.handling import Replies
from notify_service.replies.polling import InboundPolling
from notify_service.replies.reply import Reply
from notify_service.sealing import Finder, Sealer
from notify_service.wake import Bells

from . import expiry
from .case import Times
from .claim import Claimer
from .gatekeeping import LedgerGatekeeper
from .listed import From
from .ports import Clock, Outcomes
from .receipts import CallbackWord, Records, Wakes
from .record import Recorder
from .resolver import Resolver
from .senders import Credentials, Sender, SendingAccount
from .sending import Sending
from .twilio_client import TwilioClient
from .twilio_transport import TwilioTransport
from .vault import SealedVault

Count = Callable[[str, Mapping[str, str], int], None]
"""A counter's name, its labels, and by how much: never a number, name or text in a label."""


def sending_bell(account_id: str) -> str:
    """The name of the bell that wakes an account's sending: ring it after a commit that queued something."""
    return f"sending {account_id}"


def replies_bell(account_id: str) -> str:
    """The name of the bell that wakes the handling of an account's replies."""
    return f"replies {account_id}"


OUTCOMES_BELL = "outcomes"


def bell_names(accounts: Mapping[str, Account]) -> list[str]:
    """Every bell that delivery rings or waits for."""
    return [OUTCOMES_BELL, *(name(account) for account in accounts for name in (sending_bell, replies_bell))]


@dataclass(frozen=True)
class Neighbours:
    """What delivery shares with the rest of the process. `policy`: the one in force for an account, at this moment."""

    pool: Any
    clock: Clock
    sealer: Sealer
    finder: Finder
    policy: Callable[[str], Policy]
    outcomes: Outcomes
    bells: Bells
    count: Count


@dataclass(frozen=True)
class Line:
    """Everything that delivers for one account."""

    account: Account
    sending: Sending
    resolver: Resolver
    records: Records
    replies: Replies
    polling: InboundPolling | None
    neighbours: Neighbours

    async def tell(self, word: CallbackWord) -> None:
        """A signed callback said something: recorded when this returns."""
        await self.records.words.add(word)

    async def take(self, reply: Reply) -> None:
        """A reply came: stored when this returns."""
        if await self.replies.take(reply):
            self.neighbours.bells[replies_bell(self.account.account_id)].ring()


class Delivery:
    """Delivery for all accounts. Make it inside the running loop; close it after the loops have ended.

    `public_url`: where the provider reaches us; None: statuses and replies are polled. `time_scale`: shrinks the provider's times.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        neighbours: Neighbours,
        *,
        api_base: str,
        public_url: str | None,
        time_scale: float = 1.0,
        slots: int = 64,
    ) -> None:
        self._times = Times.scaled(time_scale, polled=public_url is None)
        self._time_scale = time_scale
        self._public_url = public_url
        self._neighbours = neighbours
        self._slots = slots
        self._transport = TwilioTransport(
            api_base, timeout=self._times.timeout.total_seconds(), connections=max(100, slots * len(accounts))
        )
        self.lines = {account_id: self._line(account) for account_id, account in accounts.items()}

    def start(self, loops: Loops) -> None:
        """Adds the loops. When the process is to stop, each finishes its turn; calls under way are recorded."""
        for account_id, line in self.lines.items():
            loops.add(f"sending {account_id}", line.sending.run(loops))
            loops.add(f"replies {account_id}", self._handle_replies(loops, line))
            loops.every(f"resolver {account_id}", max(1.0 * self._time_scale, 0.1), _until_none(line.resolver.turn))
            loops.every(f"expiry {account_id}", max(30.0 * self._time_scale, 0.5), _until_none(self._expiry(line)))
            loops.every(f"orphans {account_id}", 60.0, line.records.adopt_orphans)
            if line.polling is not None:
                loops.every(f"inbound {account_id}", max(10.0 * self._time_scale, 0.25), self._poll(line, line.polling))

    def halted(self) -> dict[str, dict[str, str]]:
        """Account to what does not send at present and why; "" is the account as a whole. Visible, but not unready."""
        found = {account_id: line.sending.halted() for account_id, line in self.lines.items()}
        return {account_id: halts for account_id, halts in found.items() if halts}

    async def close(self) -> None:
        """Lets calls under way be recorded and closes the connections to the provider."""
        for line in self.lines.values():
            await line.sending.drain()
        await self._transport.close()

    def _line(self, account: Account) -> Line:
        n = self._neighbours
        sending_account = sending_account_of(account)
        client = TwilioClient(sending_account.credentials, self._transport)
        vault = SealedVault(n.sealer)
        gatekeeper = LedgerGatekeeper(n.sealer, n.policy, account.account_id)
        bell = n.bells[sending_bell(account.account_id)]

        def count(what: str, by: int) -> None:
            n.count(what, {"account": account.account_id}, by)

        wakes = Wakes(queued=bell.ring, outcomes=lambda: n.bells.ring(OUTCOMES_BELL), count=count)
        records = Records(Recorder(sending_account, self._times, gatekeeper, n.outcomes), n.pool, n.clock, wakes)
        claimer = Claimer(sending_account, self._times, vault, gatekeeper, n.outcomes)
        sending = Sending(
            claimer=claimer,
            client=client,
            pool=n.pool,
            clock=n.clock,
            record=records.answers,
            bell=bell,
            public_url=self._public_url,
            slots=self._slots,
            time_scale=self._time_scale,
            count=lambda what, labels: n.count(what, labels, 1),
            told=lambda: n.bells.ring(OUTCOMES_BELL),
        )
        replies = Replies(account.account_id, client, n.pool, n.sealer, LedgerConsent(n.sealer, n.finder), n.clock)
        return Line(
            account=account,
            sending=sending,
            resolver=Resolver(sending_account, client, n.pool, vault, records, self._times),
            records=records,
            replies=replies,
            polling=None
            if self._public_url is not None
            else InboundPolling(account.account_id, client, n.pool, replies, _polled_numbers(sending_account)),
            neighbours=n,
        )

    async def _handle_replies(self, loops: Loops, line: Line) -> None:
        bell = self._neighbours.bells[replies_bell(line.account.account_id)]
        name = f"replies {line.account.account_id}"
        while not loops.stopping.is_set():
            await loops.turn(name, _until_none(line.replies.turn))
            await bell.wait(1.0)

    def _expiry(self, line: Line) -> Callable[[], Any]:
        n, account = self._neighbours, sending_account_of(line.account)

        async def turn() -> int:
            now = n.clock.now()
            async with n.pool.acquire() as conn, conn.transaction():
                expired = await expiry.expire(conn, account.account_id, n.outcomes, now)
                stranded = await expiry.unstrand(conn, account, n.outcomes, now)
            if expired or stranded:
                n.bells.ring(OUTCOMES_BELL, sending_bell(account.account_id))
            return expired + stranded

        return turn

    def _poll(self, line: Line, polling: InboundPolling) -> Callable[[], Any]:
        async def poll() -> None:
            if await polling.turn():
                self._neighbours.bells[replies_bell(line.account.account_id)].ring()

        return poll


def sending_account_of(account: Account) -> SendingAccount:
    """What delivery needs of an account."""
    username = account.api_key or account.twilio_account_sid
    password = account.api_secret if account.api_key else account.auth_tokens[0]
    by_scope: dict[tuple[str, str], Sender] = {
        (s.scope, s.channel): Sender(
            s.name,
            s.channel,
            From(_with_prefix(s.channel, s.number), s.messaging_service_sid),
            s.segments_per_second,
        )
        for s in account.senders
    }
    return SendingAccount(account.account_id, Credentials(account.twilio_account_sid, username, password), by_scope)


def _with_prefix(channel: str, number: str) -> str:
    return f"whatsapp:{number}" if channel == "whatsapp" and number else number


def _polled_numbers(account: SendingAccount) -> Sequence[str] | None:
    """Our numbers that people can write to; None where a Messaging Service picks numbers that we do not know."""
    texting = [s for s in account.senders().values() if s.channel != "voice"]
    if any(s.origin.messaging_service_sid for s in texting):
        return None
    return sorted({s.origin.number for s in texting})


def _until_none(turn: Callable[[], Any]) -> Callable[[], Any]:
    """Turns until there is nothing left to do."""

    async def run() -> None:
        while await turn():
            pass

    return run
