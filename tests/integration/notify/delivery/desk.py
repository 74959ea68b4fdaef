"""Delivery as a whole against the sandbox's Twilio side: real PostgreSQL, the real SDK, real webhooks on a free port."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import phonenumbers
from aiohttp import web

from notify_service.accounts import Account, Sender
from notify_service.challenges.calls import Heard
from notify_service.consent import ledger, number_sealing, policy
from notify_service.consent.ledger import NewEntry
from notify_service.delivery import service as delivery_service
from notify_service.delivery.ports import NewOutcome
from notify_service.delivery.service import Delivery, sending_bell
from notify_service.delivery.tokens import CallbackToken
from notify_service.edge import twilio_http
from notify_service.loops import Loops
from notify_service.replies import service as reply_service
from notify_service.replies.service import ReplyService
from notify_service.sealing import Finder, Sealer
from notify_service.wake import Bells
from notify_service.words import body
from notify_service.words.body import Spoken
from notify_service.words.reference import reference
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings

T = TypeVar("T")
SEALER = Sealer({"k1": bytes(32)})
FINDER = Finder({"l1": bytes(range(32))})
POLICY = policy.parse((Path(__file__).parents[4] / "notify-service" / "policy.yaml").read_text())
FROM = "+14155550100"
SCALE = 0.05
"""The provider's times in these tests: a call may take 0.5 s, settle after 6.5 s."""


class MovableClock:
    """Business time that a test moves."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class StoredOutcomes:
    """The feed's table, plainly."""

    async def add(self, conn: Any, rows: Sequence[NewOutcome]) -> None:
        await conn.executemany(
            """INSERT INTO outcome (account_id, outcome_id, caller, kind, notification_id, request_id, round, concern, payload,
                                    occurred_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
            [
                (
                    *(r.account_id, uuid4(), r.caller, r.kind, r.notification_id, r.request_id, r.round, r.concern),
                    *(json.dumps(dict(r.payload)), r.occurred_at),
                )
                for r in rows
            ],
        )


def account(account_id: str = "main", **changes: Any) -> Account:
    plain = Account(
        account_id=account_id,
        brand="Acme",
        zone="UTC",
        language="en",
        twilio_account_sid="AC" + "0" * 32,
        auth_tokens=("sandbox-token",),
        api_key="",
        api_secret="",
        senders=(Sender("sms", "sms", "", FROM), Sender("voice", "voice", "", FROM)),
    )
    return replace(plain, **changes)


async def eventually(look: Callable[[], Awaitable[T]], seconds: float = 15) -> T:
    """What `look` finds, once it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 (what is looked for stands elsewhere)
            await asyncio.sleep(0.02)
    return found


@dataclass
class Desk:
    """What a test acts on."""

    pool: asyncpg.Pool
    box: RunningSandbox
    delivery: Delivery
    replies: ReplyService
    bells: Bells
    clock: MovableClock
    loops: Loops
    public_url: str
    counted: Counter[str]
    session: aiohttp.ClientSession
    close_http: Callable[[], Awaitable[None]]
    """Frees the port for a process of its own."""

    async def number(self, e164: str, *, account_id: str = "main", granted: Sequence[str] = ("sms", "voice")) -> UUID:
        """An address with its gate, and grants for its owner."""
        known = await self.pool.fetchval(
            "SELECT address_id FROM address WHERE account_id = $1 AND lookup_hash = $2", account_id, FINDER.hash(e164)
        )
        if known is not None:
            return UUID(str(known))
        address_id = uuid4()
        sealed = number_sealing.seal(SEALER, account_id, address_id, e164)
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or "US"
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO address VALUES ($1, $2, 'l1', $3, $4, $5, $6, 'mobile', '••••00')",
                *(account_id, address_id, FINDER.hash(e164), sealed.key_id, sealed.ciphertext, region),
            )
            await conn.execute("INSERT INTO gate (account_id, address_id) VALUES ($1, $2)", account_id, address_id)
            now = self.clock.now()
            entries = [
                NewEntry(address_id, "", channel, "all", "", granted=True, source="api", actor="test", occurred_at=now)
                for channel in granted
            ]
            if entries:
                await ledger.append(conn, SEALER, account_id, entries)
        return address_id

    async def submit(self, to: str, *, wake: bool = True, account_id: str = "main", **changes: Any) -> UUID:
        """A notification as intake leaves it: queued, with its sealed words."""
        address_id = await self.number(to, account_id=account_id)
        notification_id = uuid4()
        now = self.clock.now()
        today = datetime.now(UTC).date()
        values: dict[str, Any] = {
            "account_id": account_id,
            "notification_id": notification_id,
            "caller": "local",
            "request_id": f"r-{notification_id}",
            "round": 1,
            "content_hash": bytes(32),
            "created_on": today,
            "state": "queued",
            "sender": "sms",
            "concern": f"invoice:{notification_id}",
            "kind": "payment_failed",
            "role": "customer",
            "message_class": "transactional",
            "lane": 2,
            "channels": ["sms"],
            "person_id": "cus_1",
            "address_id": address_id,
            "template": "payment_failed",
            "variant": "default",
            "segments": 1,
            "policy_version": 1,
            "not_after": now + timedelta(hours=4),
            "truth_read_at": now,
            "due_at": now,
            "if_not_now": "hand_back",
            "if_unresolved": "resend_once",
            "business_created_at": now,
            "state_at": now,
        } | changes
        words = Spoken(f"Acme: your payment failed. Ref {reference(notification_id)}", reference(notification_id), "en")
        sealed = body.seal(SEALER, account_id, notification_id, 1, dict.fromkeys(values["channels"], words))
        names = ", ".join(values)
        places = ", ".join(f"${number + 1}" for number in range(len(values)))
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(f"INSERT INTO notification ({names}) VALUES ({places})", *values.values())
            await conn.execute(
                "INSERT INTO notification_body VALUES ($1, $2, $3, 1, $4, $5)",
                *(account_id, today, notification_id, sealed.key_id, sealed.ciphertext),
            )
            await conn.execute(
                "INSERT INTO gate_check VALUES ($1, $2, $3, 1, '[]')", account_id, today, notification_id
            )
        if wake:
            self.bells[sending_bell(account_id)].ring()
        return notification_id

    async def row(self, notification_id: UUID) -> Mapping[str, Any]:
        found = await self.pool.fetchrow("SELECT * FROM notification WHERE notification_id = $1", notification_id)
        assert found is not None
        return dict(found)

    async def attempts(self, notification_id: UUID) -> list[Mapping[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT * FROM attempt WHERE notification_id = $1 ORDER BY number", notification_id
        )
        return [dict(row) for row in rows]

    async def outcomes(self, notification_id: UUID) -> list[tuple[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT kind, payload FROM outcome WHERE notification_id = $1 ORDER BY created_at", notification_id
        )
        return [(row["kind"], json.loads(row["payload"])) for row in rows]

    async def until(self, notification_id: UUID, *states: str, seconds: float = 20) -> Mapping[str, Any]:
        """The row, once it stands in one of these states."""

        async def there() -> Mapping[str, Any] | None:
            row = await self.row(notification_id)
            return row if row["state"] in states else None

        found = await eventually(there, seconds)
        assert found is not None
        return found

    async def halted(self, cause: str) -> None:
        """Returns once the account does not send, for this cause."""

        async def halted() -> bool:
            return self.delivery.halted() == {"main": {"": cause}}

        await eventually(halted)

    async def at_provider(self, to: str, direction: str = "outbound-api") -> list[Any]:
        """What the provider's own list holds for a number: the judge."""
        async with self.session.get(
            f"{self.box.url}/sandbox/messages", params={"to": to, "direction": direction}
        ) as answer:
            return list((await answer.json())["messages"])

    async def requests(self) -> list[Any]:
        async with self.session.get(f"{self.box.url}/sandbox/requests") as answer:
            found = await answer.json()
        return list(found["requests"] if isinstance(found, dict) else found)

    def faults(self, *rules: dict[str, Any]) -> None:
        self.box.sandbox.faults.replace([{"side": "twilio", **rule} for rule in rules])

    async def reply(self, sender: str, text: str, to: str = FROM) -> None:
        """A text from a phone."""
        async with self.session.post(
            f"{self.box.url}/sandbox/inbound", json={"from": sender, "to": to, "body": text}
        ) as answer:
            assert answer.status < 300, await answer.text()

    async def stopped(self, to: str) -> bool:
        found = await self.pool.fetchval(
            "SELECT stopped FROM gate g JOIN address a USING (account_id, address_id) WHERE lookup_hash = $1",
            FINDER.hash(to),
        )
        return bool(found)


def wired(
    pool: Any,
    clock: MovableClock,
    accounts: Mapping[str, Account],
    api_base: str,
    public_url: str | None,
    *,
    count: Callable[[str, Mapping[str, str], int], None],
    slots: int = 64,
) -> tuple[Bells, Delivery, ReplyService]:
    """Delivery and replies beside each other, as the composition root wires them."""
    bells = Bells([*delivery_service.bell_names(accounts), *reply_service.bell_names(accounts)])
    delivery = Delivery(
        accounts,
        delivery_service.Neighbours(pool, clock, SEALER, lambda _account: POLICY, StoredOutcomes(), bells, count),
        api_base=api_base,
        public_url=public_url,
        time_scale=SCALE,
        slots=slots,
    )
    replies = ReplyService(
        accounts,
        {account_id: line.client for account_id, line in delivery.lines.items()},
        reply_service.Neighbours(pool, clock, SEALER, FINDER, bells, count),
        polled=public_url is None,
        time_scale=SCALE,
    )
    return bells, delivery, replies


async def hang_up(_token: CallbackToken, _heard: Heard) -> str:
    """What a call says next, where no test presses keys."""
    return "<Response><Hangup/></Response>"


def detailed(what: str, labels: Mapping[str, str]) -> str:
    """A counter's name with its labels, but for the account."""
    shown = ",".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "account")
    return f"{what}{{{shown}}}"


@asynccontextmanager
async def desk(
    pool: asyncpg.Pool,
    *,
    webhooks: bool = True,
    start: bool = True,
    slots: int = 64,
    accounts: Sequence[Account] | None = None,
) -> AsyncIterator[Desk]:
    """Everything up, on free ports; everything down afterwards."""
    by_id = {one.account_id: one for one in accounts or [account()]}
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    port = _free_port()
    public_url = f"http://127.0.0.1:{port}"
    settings = Settings(
        listen="127.0.0.1:0",
        twilio_inbound_url=f"{public_url}/webhooks/twilio/inbound" if webhooks else "",
        time_scale=SCALE,
    )
    async with running(settings) as box, aiohttp.ClientSession() as session:
        counted: Counter[str] = Counter()
        clock = MovableClock()
        bells, delivery, replies = wired(
            pool,
            clock,
            by_id,
            box.twilio_api_base,
            public_url if webhooks else None,
            slots=slots,
            count=lambda what, labels, by: counted.update({what: by, detailed(what, labels): by}),
        )
        loops = Loops()
        desks = twilio_http.Desks(delivery.tell, replies.take, replies.whose, hang_up)
        twilio_http.setup(app, public_url, by_id, desks, lambda what: counted.update({what: 1}))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        if start:
            delivery.start(loops)
            replies.start(loops)
        try:
            yield Desk(pool, box, delivery, replies, bells, clock, loops, public_url, counted, session, runner.cleanup)
        finally:
            await loops.close(10)
            await delivery.close()
            await runner.cleanup()


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
