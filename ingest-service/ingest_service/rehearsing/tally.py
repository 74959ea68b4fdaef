"""Adds up what a rehearsal says, by flow and step, and how it differs from the rules in force. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, assert_never

from ingest_service.rehearsing.simulation import End, Message, Rehearsed
from ingest_service.rehearsing.trial import Answer

Json = dict[str, Any]
Line = tuple[str, str]  # flow, and the step as plans name it without its member: "step 1", "again"


@dataclass(slots=True)
class Counted:
    """What a step of a flow came to, or a flow as a whole.

    Attributes:
        facts: keys of facts that the flow took up.
        people: ids of persons who would be written to.
        suppressed: messages that notify would not send, by reason.
        rejected: messages that notify calls wrong: a problem of the rules, the words or the values.
    """

    facts: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    messages: int = 0
    segments: int = 0
    suppressed: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    stopped: int = 0
    skipped: int = 0
    to_come: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def json(self) -> Json:
        """As numbers alone."""
        return {
            "facts": len(self.facts), "people": len(self.people), "messages": self.messages, "segments": self.segments,
            "suppressed": dict(sorted(self.suppressed.items())), "expired": self.expired, "stopped": self.stopped, "skipped": self.skipped,
            "to_come": self.to_come, "rejected": sum(self.rejected.values()),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One message that would be sent, fit to be shown."""

    flow: str
    step: str
    at: str
    to: str
    numbers: tuple[str, ...]
    channel: str
    language: str
    segments: int
    text: str


@dataclass(slots=True)
class Tally:
    """What one set of rules came to for one account."""

    lines: dict[Line, Counted] = field(default_factory=dict)
    flows: dict[str, Counted] = field(default_factory=dict)
    examples: dict[Line, list[Example]] = field(default_factory=dict)

    def add(self, rehearsed: Rehearsed, answers: Mapping[int, Answer], counts: frozenset[str], show: int = 0) -> None:
        """Adds a concern. `answers`: notify's, by the message's place; `counts`: the keys of facts that are of the time asked about."""
        for flow, keys in rehearsed.taken.items():
            self.flows.setdefault(flow, Counted()).facts |= keys & counts
        for place, message in enumerate(rehearsed.messages):
            line = message.plan.flow, step_of(message)
            both = self.lines.setdefault(line, Counted()), self.flows.setdefault(line[0], Counted())
            for each in both:
                _count(each, message, answers.get(place))
            both[0].facts |= {message.plan.fact_key}
            answer = answers.get(place)
            shown = self.examples.setdefault(line, [])
            if message.end is End.DUE and answer is not None and answer.kind == "sent" and len(shown) < show:
                shown.append(_example(message, answer))

    @property
    def problems(self) -> list[str]:
        """What notify calls wrong, each once with how often."""
        return [
            f"{flow}, {step}: {why} ({number} time{'s' if number > 1 else ''})"
            for (flow, step), counted in sorted(self.lines.items())
            for why, number in sorted(counted.rejected.items())
        ]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a flow says now and would say: messages and segments."""

    flow: str
    change: Literal["new", "gone", "more", "fewer", "same"]
    messages: tuple[int, int]
    segments: tuple[int, int]
    people: tuple[int, int]


def differences(now: Tally, then: Tally) -> list[Difference]:
    """From the rules in force to those that are rehearsed, flow by flow."""
    found = []
    for flow in sorted({*now.flows, *then.flows}):
        old, new = now.flows.get(flow, Counted()), then.flows.get(flow, Counted())
        change: Literal["new", "gone", "more", "fewer", "same"]
        if not old.messages and new.messages:
            change = "new"
        elif old.messages and not new.messages:
            change = "gone"
        else:
            change = "more" if new.messages > old.messages else "fewer" if new.messages < old.messages else "same"
        found.append(
            Difference(
                flow,
                change,
                (old.messages, new.messages),
                (old.segments, new.segments),
                (len(old.people), len(new.people)),
            )
        )
    return found


def step_of(message: Message) -> str:
    """A step as people count it, whoever of a team it goes to."""
    return message.step.name.partition(", member")[0]


def masked(number: str) -> str:
    """A number by its last two digits."""
    digits = [character for character in number if character.isdigit()]
    return "••••" + "".join(digits[-2:]) if len(digits) > 4 else "••••"


def _count(into: Counted, message: Message, answer: Answer | None) -> None:
    match message.end:
        case End.EXPIRED:
            into.expired += 1
        case End.STOPPED:
            into.stopped += 1
        case End.SKIPPED:
            into.skipped += 1
        case End.TO_COME:
            into.to_come += 1
            if answer is not None and answer.kind == "rejected":
                into.rejected[answer.reason] += 1
        case End.DUE if answer is not None:
            if answer.kind == "sent":
                into.messages += 1
                into.segments += answer.segments
                into.people.add(_person(message))
            elif answer.kind == "suppressed":
                into.suppressed[answer.reason] += 1
            else:
                into.rejected[answer.reason] += 1
        case End.DUE:
            raise ValueError("a message that is due was not tried")
        case _:
            assert_never(message.end)


def _person(message: Message) -> str:
    member = message.step.blueprint.get("member")
    if member is not None:
        return str(member["person_id"])
    fact = message.plan.fact
    return str(fact["person"].get("customer_id") or fact["customer_id"] or fact["subject_id"])


def _example(message: Message, answer: Answer) -> Example:
    member = message.step.blueprint.get("member")
    numbers: Sequence[str] = (
        [member["number"]]
        if member is not None
        else [one["number"] for one in message.plan.fact["person"].get("addresses") or () if one.get("number")]
    )
    text = answer.text
    for number in numbers:
        text = text.replace(number, masked(number))
    at = message.at.isoformat(timespec="seconds")
    return Example(
        message.plan.flow,
        step_of(message),
        at,
        _person(message),
        tuple(dict.fromkeys(map(masked, numbers))),
        answer.channel,
        answer.language,
        answer.segments,
        text,
    )
