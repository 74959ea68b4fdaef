"""What the page needs of both services, played by one small server: it takes Stripe's events, texts through the sandbox's Twilio,
and tells stories in the shape of ingest-service's console. It follows one rule: a failed bill gives three texts, now, in 3 and in 7 days.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

Json = dict[str, Any]

WORDS = (
    "Studio: your payment of $42.00 did not go through. Pay here: https://invoice.stripe.com/i/acct_1/test_x1. Reply STOP to opt out.",
    "Studio: $42.00 are still open. Pay here: https://invoice.stripe.com/i/acct_1/test_x1. Reply STOP to opt out.",
    "Studio: your subscription ends soon, $42.00 are open. Pay here: https://invoice.stripe.com/i/acct_1/test_x1. Reply STOP to opt out.",
)
ACCOUNT = "AC" + "0" * 32
DELAYS = (timedelta(), timedelta(days=3), timedelta(days=7))


def e164(typed: str) -> str:
    """As far as the people of these tests type their numbers: with the country, or as one does in Germany."""
    digits = "".join(filter(str.isdigit, typed))
    return f"+{digits}" if typed.startswith("+") else f"+49{digits.removeprefix('0')}"


def written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Step:
    number: int
    due: datetime
    request_id: str
    state: str = "waiting"
    reason: str | None = None
    sid: str = ""
    entries: list[Json] = field(default_factory=list)


@dataclass
class Matter:
    """One unpaid bill: its fact, its plan and its steps."""

    invoice: str
    phone: str | None
    at: datetime
    steps: list[Step] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@dataclass
class Standin:
    """Both services, as far as the page sees them."""

    twilio: str = ""
    url: str = ""
    offset: float = 0
    silent: bool = False
    """The console closes every connection, as a service that is not up."""
    events: dict[str, Json] = field(default_factory=dict)
    matters: dict[str, Matter] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    # ------------------------------------------------------------------------------------------------ what is posted

    async def webhook(self, request: web.Request) -> web.Response:
        event = await request.json()
        if event["id"] not in self.events:
            self.events[event["id"]] = self._row(event)
            await self._fold(event)
        return web.Response()

    def _row(self, event: Json) -> Json:
        return {
            "account": "main", "event_id": event["id"], "type": event["type"], "at": written(self.now()), "received_at": written(datetime.now(UTC)),
            "state": "folded", "reason": None, "effect": None, "matter": None, "settles": [],
        }  # fmt: skip

    async def _fold(self, event: Json) -> None:
        row, thing = self.events[event["id"]], event["data"]["object"]
        match event["type"]:
            case "invoice.payment_failed":
                matter = self.matters.get(thing["id"])
                row["effect"] = "joined" if matter else "created"
                if matter is None:
                    matter = self._open(thing)
                row["matter"] = thing["id"]
                matter.events.append(event["id"])
                await self.run_due()
            case "invoice.paid":
                row["settles"] = [f"invoice:{thing['id']}/unpaid"]
                for step in self.matters[thing["id"]].steps if thing["id"] in self.matters else ():
                    if step.state == "waiting":
                        step.state, step.reason = "cancelled", "settled"
            case "charge.failed" | "payment_intent.payment_failed":
                row["effect"], row["matter"] = "joined", "last"
            case "customer.subscription.updated":
                row["state"], row["reason"] = "ignored", "nobody is written to about it"
            case "payment_intent.created":
                row["state"], row["reason"] = "set_aside", "the event's account is not the configured one"
            case _:
                pass

    def _open(self, invoice: Json) -> Matter:
        matter = Matter(invoice["id"], invoice.get("customer_phone"), self.now())
        for number, delay in enumerate(DELAYS, start=1):
            request = hashlib.sha256(f"{invoice['id']}{number}".encode()).hexdigest()
            matter.steps.append(Step(number, self.now() + delay, request))
        self.matters[invoice["id"]] = matter
        return matter

    # --------------------------------------------------------------------------------------------------- what is sent

    async def run_due(self) -> None:
        for matter in self.matters.values():
            for step in matter.steps:
                if step.state == "waiting" and step.due <= self.now():
                    await self._send(matter, step)

    async def _send(self, matter: Matter, step: Step) -> None:
        number = e164(matter.phone or "")
        tell = self._teller(step)
        tell(
            "intake",
            "request",
            "passed",
            f"ingest asked to tell the customer about invoice:{matter.invoice}/unpaid (payment failed).",
        )
        tell("gate", "concern", "passed", "The concern is still open.")
        if not matter.phone:
            tell("gate", "number", "stopped", "There is no usable number: the customer gave none.")
            step.state, step.reason = "suppressed", "no_usable_number"
            return
        tell("gate", "number", "passed", "The number +1415•••2671 from customer.phone is a valid mobile number.")
        if number in self.opted_out:
            tell("gate", "consent", "stopped", "Not by sms: opted out by STOP on this number.")
            step.state, step.reason = "suppressed", "opted_out"
            return
        tell("gate", "consent", "passed", "Transactional messages by sms are allowed (given_in_transaction).")
        tell(
            "template",
            "template",
            "passed",
            "Template payment_failed, variant subscription, version 1, language en: 1 segment.",
        )
        step.sid = await self.text(number, WORDS[step.number - 1], f"{self.url}/status/{step.request_id}")
        step.state = "submitted"
        tell("attempt", "attempt 1", "passed", "Twilio took it, known by its answer.", sid=step.sid)

    def _teller(self, step: Step) -> Any:
        def tell(stage: str, name: str, verdict: str, sentence: str, **ids: str) -> None:
            ids = {
                "notification": f"01932f00-0000-7000-8000-{step.request_id[:12]}",
                "request": step.request_id,
                "stage": stage,
                **ids,
            }
            step.entries.append(
                {
                    "at": written(self.now()),
                    "where": "notify",
                    "verdict": verdict,
                    "name": name,
                    "sentence": sentence,
                    "ids": ids,
                }
            )

        return tell

    async def status(self, request: web.Request) -> web.Response:
        form = await request.post()
        words = {"sent": "The carrier took it.", "delivered": "The handset has it."}
        for step in (
            step
            for matter in self.matters.values()
            for step in matter.steps
            if step.request_id == request.match_info["id"]
        ):
            status = str(form["MessageStatus"])
            if status in words:
                self._teller(step)("receipt", status, "passed", words[status], sid=step.sid)
            if status == "delivered":
                step.state = "sent"
        return web.Response(status=204)

    async def inbound(self, request: web.Request) -> web.Response:
        form = await request.post()
        match str(form["Body"]).strip().upper():
            case "STOP":
                self.opted_out.add(str(form["From"]))
            case "START":
                self.opted_out.discard(str(form["From"]))
            case _:
                pass
        return web.Response(status=204)

    async def text(self, to: str, words: str, callback: str = "") -> str:
        """Gives the sandbox's Twilio a text; its SID."""
        return await self._create(
            "Messages", {"To": to, "Body": words} | ({"StatusCallback": callback} if callback else {})
        )

    async def call(self, to: str, twiml: str) -> str:
        """Lets the sandbox's Twilio ring a phone; the call's SID."""
        return await self._create("Calls", {"To": to, "Twiml": twiml})

    async def _create(self, what: str, form: dict[str, str]) -> str:
        assert self._session is not None
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox-token")}
        where = f"{self.twilio}/2010-04-01/Accounts/{ACCOUNT}/{what}.json"
        async with self._session.post(where, data={"From": "+14155550100", **form}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["sid"])

    # --------------------------------------------------------------------------------------------------- what is told

    async def clock(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.offset = (await request.json())["offset_seconds"]
            await self.run_due()
        due = [step.due for matter in self.matters.values() for step in matter.steps if step.state == "waiting"]
        return web.json_response({"offset_seconds": self.offset, "next_due_at": written(min(due)) if due else None})

    async def told_events(self, request: web.Request) -> web.Response:
        if self.silent and request.transport is not None:
            request.transport.abort()
        return web.json_response({"events": [self._told(row) for row in reversed(self.events.values())]})

    def _matter(self, row: Json) -> Matter | None:
        if row["matter"] == "last":
            return next(reversed(self.matters.values()), None)
        return self.matters.get(row["matter"] or "")

    def _told(self, row: Json) -> Json:
        matter = self._matter(row)
        facts = [] if matter is None else [
            {"fact_key": f"payment_failed:{matter.invoice}:1", "kind": "payment_failed", "concern": f"invoice:{matter.invoice}/unpaid",
             "state": "planned", "reason": None, "effect": row["effect"]}
        ]  # fmt: skip
        messages = [] if matter is None else [
            {"request_id": step.request_id, "flow": "failed_payment", "recipient": "customer", "number": step.number, "state": step.state,
             "reason": step.reason, "due_at": written(step.due) if step.state == "waiting" else None} for step in matter.steps
        ]  # fmt: skip
        kept = {name: row[name] for name in ("account", "event_id", "type", "at", "received_at", "state")}
        return kept | {
            "became": row["reason"] or "read",
            "concerns": [],
            "settles": row["settles"],
            "facts": facts,
            "messages": messages,
        }

    async def story(self, request: web.Request) -> web.Response:
        if self.silent and request.transport is not None:
            request.transport.abort()
        asked, sid = request.query.get("event"), request.query.get("sid")
        row = self.events.get(asked or "")
        matter = self._matter(row) if row else None
        if sid:
            matter = next(
                (found for found in self.matters.values() if any(step.sid == sid for step in found.steps)), None
            )
        if row is None and matter is None:
            return web.json_response({"error": "Nothing is known of it.", "lines": []}, status=404)
        events = [self.events[id_] for id_ in matter.events] if matter else []
        if row is not None and row not in events:
            events.append(row)
        return web.json_response({
            "account": "main", "key": {"kind": "event", "id": asked or sid}, "notify": "asked", "lines": self._lines(events, matter),
            "events": events, "facts": [], "concerns": [], "plans": [self._plan(matter)] if matter else [],
        })  # fmt: skip

    def _lines(self, events: list[Json], matter: Matter | None) -> list[Json]:
        def line(at: str, where: str, verdict: str, name: str, sentence: str, **ids: str) -> Json:
            return {"at": at, "where": where, "verdict": verdict, "name": name, "sentence": sentence, "ids": ids}

        told = {"folded": ("passed", "read"), "ignored": ("stopped", "ignored"), "set_aside": ("stopped", "set aside")}
        lines = []
        for row in events:
            verdict, word = told[row["state"]]
            because = f": {row['reason']}" if row["reason"] else ""
            lines.append(
                line(
                    row["at"],
                    "event",
                    verdict,
                    row["type"],
                    f"Stripe's event {row['type']} was received and {word}{because}",
                    event=row["event_id"],
                )
            )
        if matter is None:
            return lines
        at, fact = written(matter.at), f"payment_failed:{matter.invoice}:1"
        lines.append(
            line(
                at,
                "fact",
                "passed",
                "payment_failed",
                f"It means: a payment fails of 42.00 USD ({fact}), told by {len(matter.events)} events",
                fact=fact,
                concern=f"invoice:{matter.invoice}/unpaid",
            )
        )
        lines.append(
            line(
                at,
                "rule",
                "passed",
                "failed_payment",
                'Rule "failed_payment" (rules 1) speaks of it to the customer: a plan was made',
                plan="1",
                rule="failed_payment",
                flow="failed_payment",
            )
        )
        for step in matter.steps:
            lines.append(
                line(
                    written(step.due),
                    "step",
                    self._verdict(step),
                    "payment_failed",
                    self._sentence(step),
                    request=step.request_id,
                    round="1",
                )
            )
            lines += step.entries
        order = {"event": 0, "fact": 1, "rule": 2, "step": 3, "cancel": 4, "notify": 5}
        return sorted(lines, key=lambda one: (one["at"][:19], order[one["where"]], one["at"]))

    def _verdict(self, step: Step) -> str:
        return {"waiting": "open", "submitted": "open", "sent": "passed"}.get(step.state, "stopped")

    def _sentence(self, step: Step) -> str:
        said = {"waiting": f"is due on {step.due:%Y-%m-%d %H:%M} UTC", "submitted": "was given to notify", "sent": "was sent", "cancelled": "was cancelled",
                "suppressed": "was not sent"}  # fmt: skip
        return f"Message {step.number} to the customer {said[step.state]}" + (
            f": {step.reason.replace('_', ' ')}" if step.reason else ""
        )

    def _plan(self, matter: Matter) -> Json:
        steps = [
            {
                "number": step.number,
                "state": step.state,
                "request_id": step.request_id,
                "sentence": self._sentence(step),
            }
            for step in matter.steps
        ]
        return {"plan_id": 1, "flow": "failed_payment", "rule": "failed_payment", "to": "the customer", "steps": steps}


@asynccontextmanager
async def standing_in() -> AsyncIterator[Standin]:
    """The stand-in, listening; `twilio` is set once the sandbox listens."""
    standin = Standin()
    app = web.Application()
    app.router.add_post("/webhooks/stripe", standin.webhook)
    app.router.add_post("/status/{id}", standin.status)
    app.router.add_post("/inbound", standin.inbound)
    app.router.add_route("GET", "/clock", standin.clock)
    app.router.add_route("PUT", "/clock", standin.clock)
    app.router.add_get("/api/events", standin.told_events)
    app.router.add_get("/api/story", standin.story)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    standin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        standin._session = session
        yield standin
    await asyncio.wait_for(runner.cleanup(), 5)
