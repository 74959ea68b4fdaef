"""Questions from Stripe's event to Stripe's call: the folder, the planner, a notify that does as told, and the decisions, on real ground."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg

from ingest_service.clock import Clock
from ingest_service.database import shipped
from ingest_service.deciding.deciding import Deciding
from ingest_service.deciding.looking import Looking
from ingest_service.links.link import LinkMaker
from ingest_service.planning import rules_store
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.stripe_writes import StripeWrites
from ingest_service.submitting import stripe_look
from ingest_service.submitting.cancels import Cancels
from ingest_service.submitting.handing_over import HandingOver
from ingest_service.submitting.looking import Looking as LookingAgain
from ingest_service.submitting.looks import Looks
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.outcomes import Outcomes
from ingest_service.submitting.sorting import Sorting
from ingest_service.submitting.submission import Submission
from ingest_service.submitting.truth import Seen
from notify.v1.challenge_pb2 import Answer, AnswerStrength
from notify.v1.outcome_pb2 import Outcome, OutcomeKind
from notify.v1.recipient_pb2 import Channel
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import House
from tests.integration.ingest.planning.standin import Standin

DAY = datetime.timedelta(days=1)
ANSWERS = {
    "yes": Answer.ANSWER_CONFIRMED, "no": Answer.ANSWER_DENIED, "unclear": Answer.ANSWER_UNCLEAR,
    "silence": Answer.ANSWER_SILENCE, "unreachable": Answer.ANSWER_UNREACHABLE,
}  # fmt: skip
STRENGTHS = {
    "none": AnswerStrength.ANSWER_STRENGTH_UNSPECIFIED, "bare": AnswerStrength.ANSWER_STRENGTH_BARE,
    "coded": AnswerStrength.ANSWER_STRENGTH_CODED, "keypress": AnswerStrength.ANSWER_STRENGTH_KEYPRESS_HUMAN,
}  # fmt: skip


@dataclass
class MovedClock(Clock):
    """The machine's time and what a test adds to it."""

    ahead: datetime.timedelta = field(default_factory=datetime.timedelta)

    def __post_init__(self) -> None:
        """As a clock."""
        super().__init__()

    def now(self) -> datetime.datetime:
        """Ahead by so much."""
        return datetime.datetime.now(datetime.UTC) + self.ahead


@dataclass
class Desk:
    """One account, from the event to the call."""

    house: House
    standin: Standin
    notify: NotifyClient
    writes: StripeWrites
    clock: MovedClock = field(default_factory=MovedClock)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: LinkMaker | None = None
    told: int = 0  # so many of Stripe's events have come or been left out

    def __post_init__(self) -> None:
        """The folder has the same time."""
        self.house.clock = self.clock

    @property
    def stripe(self) -> Any:
        """Everything there is at the account's Stripe, in test mode."""
        accounts = self.house.box.app[STRIPE].accounts
        return accounts.world(accounts.main, livemode=False)

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """Of ingest's database."""
        return self.house.pool

    async def rules(self) -> None:
        """Puts the shipped rules in force."""
        async with self.pool.acquire() as conn:
            await rules_store.apply(conn, "main", shipped("rules.yaml"), self.house.sealer, by="test")

    async def with_team(self, folder: Path) -> None:
        """Puts the shipped rules in force with somebody in the team that decides."""
        file = folder / "rules.yaml"
        file.write_text(shipped("rules.yaml").read_text().replace("${INGEST_TEAM_FINANCE}", "+14155550111"))
        async with self.pool.acquire() as conn:
            await rules_store.apply(conn, "main", file, self.house.sealer, by="test")

    def play(self, story: str, **given: Any) -> dict[str, str]:
        """Lets something happen at Stripe; its events wait to be told."""
        ids: dict[str, str]
        ids, _ = self.house.box.app[STRIPE].play(story, given)
        return ids

    def known_since(self, customer_id: str, age: datetime.timedelta = 30 * DAY, phone: str | None = None) -> None:
        """Lets an event tell of the customer, as it did so long ago."""
        customer = dict(self.stripe.need(customer_id))
        if phone is not None:
            customer["phone"] = phone
        at = int((datetime.datetime.now(datetime.UTC) - age).timestamp())
        self.events.append({
            "id": f"evt_{uuid4().hex}", "object": "event", "type": "customer.created", "created": at, "livemode": False,
            "api_version": "2026-10-28.endive", "data": {"object": customer}, "request": {"id": None, "idempotency_key": None},
        })  # fmt: skip

    async def tell(self, *types: str) -> None:
        """Lets Stripe's waiting events (of these types, else all) come and be folded."""
        new = [event.envelope("2026-10-28.endive", connected=False) for event in self.stripe.events[self.told :]]
        self.told = len(self.stripe.events)
        told = [event for event in (*new, *self.events) if not types or event["type"] in types]
        self.events = []
        if told:
            await self.house.arrive(told)
        await self.house.fold()
        await self.house.look_up()

    def deciding(self) -> Deciding:
        """A replica of those who act on answers."""
        looking = Looking(self.pool, self.clock, self.house.sealer, self.house.reads)
        return Deciding(self.pool, self.house.accounts, self.clock, self.house.sealer, looking, self.writes)

    async def say(self) -> None:
        """Plans what there is and hands it to notify."""
        sealer = self.house.sealer
        while await Planning(self.pool, ["main"], self.clock, sealer, RulesInForce(sealer)).turn():
            pass
        sorting = Sorting({"main": ZoneInfo("UTC")}, sealer, self.links)
        submission = Submission(
            self.pool, ["main"], self.clock, sorting, HandingOver(self.pool, self.clock, self.notify)
        )
        while (await submission.turn()).claimed:
            pass

    async def look(self) -> None:
        """Looks at Stripe about what it must be asked about, and hands over what is still so."""

        async def seen(account_id: str, subject_id: str, fact: Mapping[str, Any]) -> Seen:
            return await stripe_look.look(self.house.reads, account_id, subject_id, fact)

        sorting = Sorting({"main": ZoneInfo("UTC")}, self.house.sealer)
        handing_over, looks = HandingOver(self.pool, self.clock, self.notify), Looks({1: 4, 2: 4, 3: 4, 4: 4})
        looking = LookingAgain(self.pool, ["main"], self.clock, sorting, handing_over, seen, looks)
        while await looking.turn():
            await looks.settle()

    async def answer(
        self, answer: str, strength: str = "coded", *, at: datetime.datetime | None = None, challenge_id: str = ""
    ) -> None:
        """Lets notify tell an answer to the question that went out last."""
        asked = [each for each in self.standin.received if each.HasField("challenge")]
        outcome = Outcome(outcome_id=str(uuid4()), account_id="main", kind=OutcomeKind.OUTCOME_KIND_DECIDED)
        outcome.occurred_at.FromDatetime(at or self.clock.now())
        outcome.decision.challenge_id = challenge_id or asked[-1].challenge.challenge_id
        outcome.decision.answer, outcome.decision.strength = ANSWERS[answer], STRENGTHS[strength]
        if answer not in ("silence", "unreachable"):
            outcome.decision.provider_sid, outcome.decision.channel = "SM" + "a" * 32, Channel.CHANNEL_SMS
        outcome.decision.answered_at.FromDatetime(at or self.clock.now())
        self.standin.feed.append(outcome)
        await Outcomes(self.pool, ["main"], self.notify, self.clock).turn(datetime.timedelta())

    async def decide(self) -> None:
        """Acts until nothing is left, and says what came of it."""
        while await self.deciding().sweep() or await self.deciding().turn():
            pass
        await self.say()

    async def cancels(self) -> None:
        """Tells notify what is over."""
        while await Cancels(self.pool, ["main"], self.notify).turn():
            pass

    def writes_made(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What Stripe was asked to do: operation, idempotency key without the question's id, parameters. From its own log."""
        found = self.house.calls.found(method="POST")
        return [(one["operation"], "-".join(one["idempotency_key"].split("-")[2:]), {**one["params"]}) for one in found]

    async def decision(self) -> Any:
        """The one decision there is."""
        rows = await self.pool.fetch("SELECT * FROM decision WHERE account_id = 'main'")
        assert len(rows) == 1
        return rows[0]

    async def trail(self) -> list[str]:
        """The entries of the audit trail."""
        rows = await self.pool.fetch(
            "SELECT entry FROM decision_audit WHERE account_id = 'main' ORDER BY challenge_id, seq"
        )
        return [row["entry"] for row in rows]

    def texts(self) -> list[tuple[str, str]]:
        """What was handed to notify: template and variant."""
        return [(each.template, each.variant) for each in self.standin.received]

    async def question(self) -> Any:
        """The one question there is."""
        rows = await self.pool.fetch("SELECT * FROM question WHERE account_id = 'main'")
        assert len(rows) == 1
        return rows[0]
