"""Delivery as the composition root sees it: made from accounts and neighbours, started on the supervised loops."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from notify_service.accounts import Account
from notify_service.consent.policy import Policy
from notify_service.loops import Loops
from notify_service.sealing import Sealer
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
from .tally import Count, Tally
from .twilio_client import TwilioClient
from .twilio_transport import TwilioTransport
from .vault import SealedVault

_log = structlog.get_logger()
_LONGEST_CLOSE_SECONDS = 60.0
_READS = 16
"""Connections of an account for listings and looks, beside a call for each slot of each of its senders: a call never waits for one."""


def sending_bell(account_id: str) -> str:
    """The name of the bell that wakes an account's sending: ring it after a commit that queued something."""
    return f"sending {account_id}"


OUTCOMES_BELL = "outcomes"


def bell_names(accounts: Mapping[str, Account]) -> list[str]:
    """Every bell that delivery rings or waits for."""
    return [OUTCOMES_BELL, *map(sending_bell, accounts)]


@dataclass(frozen=True)
class Neighbours:
    """What delivery shares with the rest of the process.

    `policy`: the one in force for an account, at this moment. `patience`: how many of so many seconds may still be waited.
    """

    pool: Any
    clock: Clock
    sealer: Sealer
    policy: Callable[[str], Policy]
    outcomes: Outcomes
    bells: Bells
    count: Count
    patience: Callable[[float], float] = lambda seconds: seconds


@dataclass(frozen=True)
class Line:
    """Everything that delivers for one account."""

    account: SendingAccount
    client: TwilioClient
    sending: Sending
    resolver: Resolver
    records: Records

    async def tell(self, word: CallbackWord) -> None:
        """A signed callback said something: recorded when this returns."""
        await self.records.words.add(word)


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
            api_base,
            timeout=self._times.timeout.total_seconds(),
            connections=sum(slots * len(account.senders) + _READS for account in accounts.values()),
        )
        self.lines = {account_id: self._line(account) for account_id, account in accounts.items()}

    def start(self, loops: Loops) -> None:
        """Adds the loops. When the process is to stop, each finishes its turn; calls under way are recorded.

        The resolver only asks, under leases: it is cut off at a stop and goes on after the next start.
        """
        for account_id, line in self.lines.items():
            loops.add(f"sending {account_id}", line.sending.run(loops))
            self._resolve(loops, f"resolver {account_id}", line.resolver)
            loops.every(f"expiry {account_id}", max(30.0 * self._time_scale, 0.5), self._expiry(line.account))
            loops.every(f"orphans {account_id}", 60.0, line.records.adopt_orphans)

    def halted(self) -> dict[str, dict[str, str]]:
        """Account to what does not send at present and why; "" is the account as a whole. Visible, but not unready."""
        found = {account_id: line.sending.halted() for account_id, line in self.lines.items()}
        return {account_id: halts for account_id, halts in found.items() if halts}

    async def tell(self, account_id: str, word: CallbackWord) -> None:
        """A signed callback said something about a message of an account: recorded when this returns."""
        await self.lines[account_id].tell(word)

    async def close(self) -> None:
        """Lets calls under way be recorded, as long as there is patience, and closes the connections to the provider."""
        try:
            async with asyncio.timeout(self._neighbours.patience(_LONGEST_CLOSE_SECONDS)):
                for line in self.lines.values():
                    await line.sending.drain()
        except TimeoutError:
            _log.warning("delivery.cut_off")
        await self._transport.close()

    def _line(self, account: Account) -> Line:
        n = self._neighbours
        sending_account = sending_account_of(account, takes_keys=self._public_url is not None)
        client = TwilioClient(sending_account.credentials, self._transport)
        vault = SealedVault(n.sealer)
        gatekeeper = LedgerGatekeeper(n.sealer, n.policy, account.account_id)
        bell = n.bells[sending_bell(account.account_id)]

        def count(what: str, labels: Mapping[str, str], by: int) -> None:
            n.count(what, {"account": account.account_id, **labels}, by)

        def heard(sender: str, status: str, code: int) -> None:
            sending.heard(sender, status, code)

        wakes = Wakes(
            queued=bell.ring,
            outcomes=lambda: n.bells.ring(OUTCOMES_BELL),
            heard=heard,
            count=count,
        )
        recorder = Recorder(sending_account, self._times, gatekeeper, n.outcomes)
        records = Records(recorder, n.pool, n.clock, wakes, n.patience)
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
        resolver = Resolver(sending_account, client, n.pool, vault, records, self._times)
        return Line(sending_account, client, sending, resolver, records)

    def _resolve(self, loops: Loops, name: str, resolver: Resolver) -> None:
        async def turn() -> int:
            return await resolver.turn(lambda: loops.beat(name))

        step = self._times.timeout.total_seconds()
        loops.every(name, max(1.0 * self._time_scale, 0.1), turn, step_seconds=step, heeds_stop=False)

    def _expiry(self, account: SendingAccount) -> Callable[[], Awaitable[int]]:
        n = self._neighbours

        async def turn() -> int:
            now, tally = n.clock.now(), Tally(n.outcomes)
            async with n.pool.acquire() as conn, conn.transaction():
                expired = await expiry.expire(conn, account.account_id, tally, now)
                stranded = await expiry.unstrand(conn, account, tally, now)
            if expired or stranded:
                _log.info("expiry.batch", account_id=account.account_id, count=expired, stranded=stranded)
                tally.committed(n.count)
                n.bells.ring(OUTCOMES_BELL, sending_bell(account.account_id))
            return expired + stranded

        return turn


def sending_account_of(account: Account, *, takes_keys: bool = False) -> SendingAccount:
    """What delivery needs of an account; `takes_keys`: the provider reaches us."""
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
    credentials = Credentials(account.twilio_account_sid, username, password)
    return SendingAccount(account.account_id, credentials, by_scope, account.brand, takes_keys)


def _with_prefix(channel: str, number: str) -> str:
    return f"whatsapp:{number}" if channel == "whatsapp" and number else number
