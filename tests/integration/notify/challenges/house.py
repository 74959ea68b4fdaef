"""notify-service whole beside the sandbox's Twilio side, with webhooks, and what a test asks, answers and reads there."""

import contextlib
import datetime
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
from google.protobuf.duration_pb2 import Duration

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, outcome_pb2, recipient_pb2, service_pb2, value_pb2
from notify_service import app, database
from notify_service.challenges.watching import Watching
from notify_service.clock import Clock
from notify_service.outcomes.feed import Feed
from notify_service.settings import Settings
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from tests.e2e.pair import free_port
from tests.integration.notify import service
from tests.integration.notify.delivery.desk import eventually
from tests.integration.notify.service import Client, now, stamp

OURS, OURS_TOO = "+14155550100", "+14155550101"
PHONE, SECOND, STRANGER = "+14155552671", "+14155552672", "+14155552673"
WORDS = (
    "{{ brand }}: please check a payment of {{ amount }}. Was it you? "
    "Reply YES {{ code }} if it was, NO {{ code }} if not. Reply STOP to opt out."
)
DECLARED = "values:\n  amount: money\nfallback: [en]\n"
SMS, VOICE, WHATSAPP = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE, recipient_pb2.CHANNEL_WHATSAPP
CONFIRMED, DENIED = challenge_pb2.ANSWER_CONFIRMED, challenge_pb2.ANSWER_DENIED
UNCLEAR, SILENCE, UNREACHABLE = (
    challenge_pb2.ANSWER_UNCLEAR, challenge_pb2.ANSWER_SILENCE, challenge_pb2.ANSWER_UNREACHABLE,
)  # fmt: skip
NONE, BARE = challenge_pb2.ANSWER_STRENGTH_UNSPECIFIED, challenge_pb2.ANSWER_STRENGTH_BARE
CODED, KEYPRESS = challenge_pb2.ANSWER_STRENGTH_CODED, challenge_pb2.ANSWER_STRENGTH_KEYPRESS_HUMAN


@dataclass
class House:
    """What a test acts on."""

    box: RunningSandbox
    running: app.RunningService
    client: Client
    pool: "asyncpg.Pool[asyncpg.Record]"
    http: aiohttp.ClientSession
    configured: Settings
    asked: dict[str, int] = field(default_factory=dict)
    offset: int = 0

    def question(
        self,
        challenge_id: str = "ch-1",
        *,
        identity: str = "",
        number: str = PHONE,
        within: datetime.timedelta = datetime.timedelta(minutes=15),
        by: datetime.timedelta = datetime.timedelta(hours=2),
        money: bool = True,
        channels: Sequence[Any] = (SMS,),
        **more: Any,
    ) -> notification_pb2.NotificationRequest:
        """A message that asks Ana about a payment."""
        self.asked[challenge_id] = self.asked.get(challenge_id, 0) + 1
        duration = Duration()
        duration.FromTimedelta(within)
        grant = consent_pb2.ConsentEvidence(
            verdict=consent_pb2.CONSENT_VERDICT_GRANTED, source="checkout", given_at=stamp(now() - datetime.timedelta(days=1))
        )  # fmt: skip
        given: dict[str, Any] = {
            "concern": f"review:{challenge_id}", "kind": "fraud_suspected", "template": "check",
            "message_class": consent_pb2.MESSAGE_CLASS_TRANSACTIONAL_URGENT, "lane": notification_pb2.LANE_FRAUD, "channels": list(channels),
            "values": {"amount": value_pb2.Value(money=value_pb2.Money(minor_units=4900, exponent=2, currency="USD"))},
            "consent_evidence": [grant] if number else [],
            "challenge": challenge_pb2.Challenge(
                challenge_id=challenge_id, answer_within=duration, answer_by=stamp(now() + by), moves_money=money
            ),
        }  # fmt: skip
        asking: notification_pb2.NotificationRequest = service.request(
            identity or f"{challenge_id}-{self.asked[challenge_id]}", number=number, **(given | more)
        )
        return asking

    async def ask(self, challenge_id: str = "ch-1", **more: Any) -> str:
        """Asks by text; the code that the phone shows."""
        asking = self.question(challenge_id, **more)
        [result] = await self.client.submit(asking)
        assert result.WhichOneof("result") == "accepted", result
        return code_in((await self.text_of(asking.request_id))["body"])

    async def text_of(self, request_id: str) -> Any:
        """The message at the provider that a request became, once it is delivered and its attempt is known."""

        async def there() -> Any:
            return await self.pool.fetchval(
                "SELECT last_sid FROM notification WHERE request_id = $1 AND state IN ('accepted', 'sent', 'delivered', 'read')",
                request_id,
            )

        sid = await eventually(there)
        [found] = [one for one in await self.at_provider() if one["sid"] == sid]
        return found

    async def at_provider(self, **query: str) -> list[Any]:
        async with self.http.get(
            f"{self.box.url}/sandbox/messages", params={"direction": "outbound-api"} | query
        ) as got:
            return list((await got.json())["messages"])

    async def wait_for(self, count: int, **query: str) -> list[Any]:
        """What the provider holds, once there are so many."""
        asked = {"direction": "outbound-api", "count": str(count), "timeout": "15"} | query
        async with self.http.get(f"{self.box.url}/sandbox/wait/messages", params=asked) as got:
            assert got.status == 200, await got.text()
            return list((await got.json())["messages"])

    async def reply(self, text: str, *, sender: str = PHONE, to: str = OURS, **more: str) -> None:
        """A text from a phone, once it has been acted on."""
        body = {"from": sender, "to": to, "body": text} | more
        async with self.http.post(f"{self.box.url}/sandbox/inbound", json=body) as got:
            assert got.status == 201, await got.text()
            sid = (await got.json())["sid"]

        async def done() -> Any:
            return await self.pool.fetchval("SELECT state FROM inbound WHERE sid = $1 AND state <> 'received'", sid)

        assert await eventually(done) == "done"

    async def call(self) -> str:
        """The one call that rings."""
        [call] = await self.wait_for(1, kind="call", status="ringing")
        return str(call["sid"])

    async def on_call(self, sid: str, act: str, digits: str = "") -> Any:
        """Answers, presses, hangs up …"""
        url = f"{self.box.url}/sandbox/calls/{sid}/{act}"
        async with self.http.post(url, json={"digits": digits} if digits else {}) as got:
            assert got.status == 200, await got.text()
            return await got.json()

    async def listening(self, sid: str, spoke: int = 1) -> list[str]:
        """What the call has said, once it has asked so often and listens."""

        async def listens() -> list[str] | None:
            call = next(one for one in await self.at_provider(kind="call") if one["sid"] == sid)
            times = sum("Press 1 for yes" in words for words in call["said"])
            return call["said"] if call["listening"] and times >= spoke else None

        said = await eventually(listens)
        assert said is not None
        return said

    async def ended(self, sid: str) -> list[str]:
        """What a call has said, once it is over."""

        async def over() -> Any:
            call = next(one for one in await self.at_provider(kind="call") if one["sid"] == sid)
            return call if call["status"] == "completed" else None

        return list((await eventually(over))["said"])

    async def pull(self, *, wait: int = 25, most: int = 10) -> list[outcome_pb2.Outcome]:
        """Decisions as a caller gets them; not acknowledged."""
        asked = service_pb2.PullOutcomesRequest(
            account_ids=["main"],
            kinds=[outcome_pb2.OUTCOME_KIND_DECIDED],
            max_outcomes=most,
            wait=Duration(seconds=wait),
        )
        return list((await self.client.stub.PullOutcomes(asked, timeout=wait + 5)).outcomes)

    async def decision(self) -> challenge_pb2.Decision:
        """The one decision, acknowledged."""
        [outcome] = await self.pull()
        await self.acknowledge(outcome)
        return outcome.decision

    async def acknowledge(self, outcome: outcome_pb2.Outcome) -> None:
        named = service_pb2.OutcomeRef(account_id="main", outcome_id=outcome.outcome_id)
        await self.client.stub.AckOutcomes(service_pb2.AckOutcomesRequest(outcomes=[named]))

    async def undecided(self, challenge_id: str = "ch-1") -> None:
        """Nothing was decided, although everything that came has been acted on."""
        assert await self.pool.fetchval("SELECT state FROM challenge WHERE challenge_id = $1", challenge_id) == "open"
        assert not await self.pull(wait=0)

    async def move_clock(self, by: datetime.timedelta) -> None:
        """In this process at once; other replicas follow within a second."""
        self.offset += int(by.total_seconds())
        url = f"http://127.0.0.1:{self.running.admin_port}/clock"
        async with self.http.put(url, json={"offset_seconds": self.offset}) as got:
            assert got.status == 200, await got.text()

    async def look(self) -> int:
        """Another replica looks at every open question, whether or not it is due; how many it decided."""
        await self.pool.execute("UPDATE challenge SET look_at = '-infinity' WHERE state = 'open'")
        clock = Clock()
        async with self.pool.acquire() as conn:
            await clock.refresh(conn)
        return await Watching("main", self.pool, clock, Feed(), lambda _what, _labels, _by: None, lambda: None).turn()

    async def events(self, challenge_id: str = "ch-1") -> list[tuple[str, str | None, str | None]]:
        rows = await self.pool.fetch(
            "SELECT kind, answer, strength FROM challenge_event WHERE challenge_id = $1 ORDER BY seq", challenge_id
        )
        return [(row["kind"], row["answer"], row["strength"]) for row in rows]

    async def violations(self) -> list[Any]:
        async with self.http.get(f"{self.box.url}/sandbox/violations") as got:
            return list((await got.json())["violations"])


def code_in(text: str) -> str:
    """The reply code that a text shows."""
    found = re.search(r"YES (\d+)", text)
    assert found is not None, text
    return found[1]


async def add_template(pool: Any, name: str, words: str, declared: str = DECLARED) -> None:
    """An operator's own template, in force for the account."""
    for variant, language, text in (("", "", declared), ("default", "en", words)):
        await pool.execute(
            """INSERT INTO template_version (account_id, template, variant, language, version, origin, body, sha256, created_by)
               VALUES ('main', $1, $2, $3, 1, 'operator', $4, $5, 'test')""",
            *(name, variant, language, text, hashlib.sha256(text.encode()).digest()),
        )
        await pool.execute(
            """INSERT INTO template_pointer (account_id, template, variant, language, version, moved_by)
               VALUES ('main', $1, $2, $3, 1, 'test')""",
            *(name, variant, language),
        )


@contextlib.asynccontextmanager
async def house(url: str, *, webhooks: bool = True, **changes: Any) -> AsyncIterator[House]:
    """Everything up, on free ports."""
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    sandbox = SandboxSettings(
        listen="127.0.0.1:0", time_scale=0.02, twilio_whatsapp_senders=(OURS, OURS_TOO), twilio_inbound_url=f"{public}/webhooks/twilio/inbound" if webhooks else ""
    )  # fmt: skip
    await database.migrate(url)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=10) as pool,
        running_sandbox(sandbox) as box,
        aiohttp.ClientSession() as http,
    ):
        await add_template(pool, "check", WORDS)
        configured = service.settings(
            url, box.twilio_api_base, notify_http_listen=f"127.0.0.1:{port}", notify_public_url=public if webhooks else "",
            **({"twilio_whatsapp_from": OURS} | changes),
        )  # fmt: skip
        async with service.running(configured) as (running, client):
            made = House(box, running, client, pool, http, configured)
            yield made
            # what is still on its way would meet listeners that close
            async with http.get(f"{box.url}/sandbox/wait/quiet", params={"timeout": "15"}) as got:
                assert got.status == 200
