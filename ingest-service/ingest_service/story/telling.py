"""One story query: by event, concern, request, SID or an object of Stripe, from the event to what the carrier said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import asyncpg
import orjson

from ingest_service.story import answer_lines, lines, rows
from ingest_service.story.lines import Line
from ingest_service.story.rows import Rows
from ingest_service.submitting.notify_client import ConfigureAccount, DoNotRepeat, NotifyClient, TryLater
from ingest_service.submitting.results import state_word
from notify.v1.recipient_pb2 import Channel
from notify.v1.story_pb2 import Story

KeyKind = Literal["event", "concern", "request", "sid", "object"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """What is asked about."""

    kind: KeyKind
    id: str


def guess(text: str) -> Key:
    """Tells from an id what it is the id of: evt_…, SM…/MM…/CA…, 64 hex digits, in_…, a concern."""
    prefix = text.partition("_")[0]
    if prefix == "evt":
        return Key("event", text)
    if len(text) == 34 and text[:2] in ("SM", "MM", "CA"):
        return Key("sid", text)
    if len(text) == 64 and all(character in "0123456789abcdef" for character in text):
        return Key("request", text)
    return Key("object", text) if "_" in text and ":" not in text else Key("concern", text)


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells stories of these accounts. Without a notify client, only what ingest knows."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    notify: NotifyClient | None

    async def story(self, key: Key, account_id: str | None = None) -> Json | None:
        """The story of the first account that knows the key, None where none does."""
        for each in self.account_ids if account_id is None else [account_id]:
            if each not in self.account_ids:
                continue
            requests = await self._requests_of_sid(each, key.id) if key.kind == "sid" else [key.id]
            async with self.pool.acquire() as conn:
                found = await _find(conn, each, key, requests)
            if not found.empty:
                return await self._tell(each, key, found)
        return None

    async def events(self, since: datetime | None, most: int) -> list[Json]:
        """The newest events with what became of each, newest first."""
        async with self.pool.acquire() as conn:
            found = await rows.recent_events(conn, self.account_ids, since, most)
        return [_event_summary(row) for row in found]

    async def _requests_of_sid(self, account_id: str, sid: str) -> list[str]:
        if self.notify is None:
            return []
        try:
            return [story.notification.request_id for story in await self.notify.story(account_id, provider_sid=sid)]
        except (TryLater, ConfigureAccount, DoNotRepeat):
            return []

    async def _tell(self, account_id: str, key: Key, found: Rows) -> Json:
        stories, trouble = await self._stories(account_id, found)
        told = [*_own_lines(found), *(line for story in stories.values() for line in lines.notify_lines(story))]
        plans = [_plan(plan, found, stories) for plan in found.plans]
        return {
            "account": account_id,
            "key": {"kind": key.kind, "id": key.id},
            "notify": trouble or "asked",
            "lines": [line.json() for line in lines.ordered(told)],
            "events": [_event(row) for row in found.events],
            "facts": [_fact(row) for row in found.facts],
            "concerns": [_plain(row) for row in found.concerns],
            "plans": plans,
        }

    async def _stories(self, account_id: str, found: Rows) -> tuple[dict[str, Story], str]:
        """notify's stories by request id: one call a concern."""
        if self.notify is None:
            return {}, "not asked"
        ours = {row["request_id"] for row in found.steps}
        stories: dict[str, Story] = {}
        for concern in sorted({row["concern"] for row in found.steps if row["truth_read_at"] is not None}):
            try:
                told = await self.notify.story(account_id, concern=concern)
            except (TryLater, ConfigureAccount, DoNotRepeat) as error:
                return stories, f"could not be asked ({type(error).__name__})"
            stories |= {story.notification.request_id: story for story in told if story.notification.request_id in ours}
        return stories, ""


async def _find(conn: asyncpg.Connection, account_id: str, key: Key, requests: Sequence[str]) -> Rows:
    match key.kind:
        case "event":
            return await rows.load(
                conn, account_id, await rows.fact_keys_of_event(conn, account_id, key.id), [key.id], []
            )
        case "concern" | "object":
            concerns = [key.id] if key.kind == "concern" else rows.concerns_of_object(key.id)
            facts = await rows.fact_keys_of_concerns(conn, account_id, concerns)
            if key.kind == "object":
                facts += await rows.fact_keys_of_subject(conn, account_id, key.id)
            return await rows.load(conn, account_id, facts, [], concerns)
        case "request" | "sid":
            return await rows.load(
                conn, account_id, await rows.fact_keys_of_requests(conn, account_id, requests), [], []
            )


def _own_lines(found: Rows) -> list[Line]:
    facts = {row["fact_key"]: row for row in found.facts}
    plans = {row["plan_id"]: row for row in found.plans}
    told = [lines.event_line(row) for row in found.events]
    told += [lines.fact_line(row, found.fact_events) for row in found.facts]
    told += [
        lines.plan_line(plans[part["plan_id"]], part, facts[part["fact_key"]]["occurred_at"])
        for part in found.plan_facts
    ]
    told += [lines.step_line(plans[step["plan_id"]], step) for step in found.steps]
    told += [line for row in found.concerns if (line := lines.concern_line(row)) is not None]
    told += [answer_lines.question_line(row) for row in found.questions]
    told += answer_lines.answer_lines(found.answers)
    told += [lines.call_line(row) for row in found.calls if row["cause"].startswith("answer:")]
    return told + [lines.cancel_line(row) for row in found.cancels]


def _plan(plan: asyncpg.Record, found: Rows, stories: dict[str, Story]) -> Json:
    steps = [step for step in found.steps if step["plan_id"] == plan["plan_id"]]
    return {
        **_plain(plan),
        "to": lines.who(plan["recipient"]),
        "steps": [_step(plan, step, stories.get(step["request_id"])) for step in steps],
    }


def _step(plan: asyncpg.Record, step: asyncpg.Record, story: Story | None) -> Json:
    return {
        **_plain(step),
        "result": orjson.loads(step["result"]) if step["result"] else None,
        "sentence": lines.step_line(plan, step).sentence,
        "notification": _notification(story) if story is not None else None,
    }


def _notification(story: Story) -> Json:
    about = story.notification
    return {
        "notification_id": about.notification_id,
        "state": state_word(about.state),
        "detail": about.detail,
        "channel": Channel.Name(about.channel).removeprefix("CHANNEL_").lower()
        if about.channel in Channel.values()
        else "",
        "masked_number": about.masked_number,
        "template": about.template,
        "variant": about.variant,
        "language": about.language,
        "segments": about.segments,
        "provider_sid": about.provider_sid,
        "provider_code": about.provider_code,
        "possible_duplicate": about.possible_duplicate,
        "entries": [line.json() for line in lines.notify_lines(story)],
        "attempts": [
            {
                "number": attempt.number,
                "state": attempt.state,
                "provider_sid": attempt.provider_sid,
                "provider_status": attempt.provider_status,
                "provider_code": attempt.provider_code,
                "witness": attempt.witness,
            }
            for attempt in story.attempts
        ],
    }


def _event(row: asyncpg.Record) -> Json:
    return {**_plain(row), "sentence": lines.event_line(row).sentence}


def _fact(row: asyncpg.Record) -> Json:
    return {**_plain(row), "money": lines.money(row["amount"], row["exponent"], row["currency"])}


def _event_summary(row: asyncpg.Record) -> Json:
    facts, steps = orjson.loads(row["facts"]), orjson.loads(row["steps"])
    return {
        "account": row["account_id"],
        "event_id": row["event_id"],
        "type": row["type"],
        "at": _plain_value(row["business_at"]),
        "received_at": _plain_value(row["received_at"]),
        "state": row["state"],
        "became": became(row["state"], row["reason"], facts, steps, row["settles"] or ()),
        "concerns": sorted({*(fact["concern"] for fact in facts), *(row["settles"] or ())}),
        "settles": list(row["settles"] or ()),
        "facts": facts,
        "messages": steps,
    }


def became(
    state: str, reason: str | None, facts: Sequence[Json], steps: Sequence[Json], settles: Sequence[str] = ()
) -> str:
    """What became of an event, in one sentence."""
    if state != "folded":
        words = {"received": "waits to be read", "ignored": "ignored", "set_aside": "set aside"}[state]
        return f"{words}: {reason}" if reason else words
    told = [part for part in (_became_facts(facts, steps), f"settles {', '.join(settles)}" if settles else "") if part]
    if told:
        return "; ".join(told)
    return f"read, nothing new: {reason}" if reason else "read; it tells of nothing that anybody is written to about"


def _became_facts(facts: Sequence[Json], steps: Sequence[Json]) -> str:
    made = [fact for fact in facts if fact["effect"] == "created"]
    if not made:
        return f"tells once more of {', '.join(fact['fact_key'] for fact in facts)}" if facts else ""
    if steps:
        counts = {
            word: sum(step["state"] == word for step in steps) for word in sorted({step["state"] for step in steps})
        }
        return f"{', '.join(fact['kind'] for fact in made)}: messages {', '.join(f'{count} {word}' for word, count in counts.items())}"
    return "; ".join(
        f"{fact['kind']} {fact['state']}" + (f": {fact['reason']}" if fact["reason"] else "") for fact in made
    )


def _plain(row: asyncpg.Record) -> Json:
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case None | bool() | int() | str():
            return value
        case _:
            return str(value)
