"""The rules as values: which facts reach whom, in which steps. How a file becomes them stands in rules_file.py. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Literal, assert_never

from ingest_service.planning.answers import Asks
from ingest_service.planning.conditions import Choice, Condition, Limits, View
from ingest_service.planning.schedules import Schedules

VALUE_NAMES: Final = (
    "amount", "link", "retry_on", "last4", "description", "items", "paid_on", "receipt", "reason", "due_on", "result", "name",
    "payment", "why",
    "expires", "renews_on", "trial_ends_on", "next_bill_on", "day",
    "new", "renewed", "failed", "recovered", "cancelled", "refunded", "disputed", "late",
    "received", "received_2", "received_3", "failing", "failing_2", "returned", "returned_2", "more_currencies",
)  # fmt: skip
"""What a step's `values:` may list; submitting/values.py makes them."""
ANCHORS: Final = ("evidence_due",)
"""Moments of a fact that a step may stand before, by the attribute that holds them (unix seconds)."""
CHANNELS: Final = ("sms", "voice", "whatsapp")
LONGEST_WAIT: Final = timedelta(days=90)
LONGEST_USE: Final = timedelta(days=34)  # notify takes a request whose end is at most 35 days ahead
MOST_STEPS: Final = 20

Channel = Literal["sms", "voice", "whatsapp"]


class OnRepeat(StrEnum):
    """What a further fact of the same concern does to a plan that stands."""

    CONTINUE = "continue"  # the plan goes on as it is, with the newest words
    SAY_AGAIN = "say_again"  # one more message
    RESTART = "restart"  # the plan ends and begins anew


class IfNotNow(StrEnum):
    """What notify does with a message that may not go yet."""

    HAND_BACK = "hand_back"
    HOLD = "hold"
    DROP = "drop"


class IfUnresolved(StrEnum):
    """What notify does where it stays unknown whether the provider took the message."""

    RESEND_ONCE = "resend_once"
    HOLD = "hold"


class MessageClass(StrEnum):
    """What a message is in the eyes of the law."""

    TRANSACTIONAL = "transactional"
    URGENT = "urgent"
    MARKETING = "marketing"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a team. The number is personal: it stands encrypted wherever it is stored."""

    name: str
    slug: str
    number: str
    languages: tuple[str, ...] = ()
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """People who work for the business, in the order in which they are asked."""

    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class InTurn:
    """A team that is asked one after the other until somebody acknowledges.

    Attributes:
        every: how long each has before the next one is asked, too.
        first: where the fact names who is asked first: "customer_metadata.account_executive"; empty: the team's order.
        nobody: who is asked, all at once, where nobody of the team acknowledged.
    """

    every: timedelta
    first: str = ""
    nobody: Team | None = None

    def of(self, team: Team, attributes: Mapping[str, Any]) -> tuple[tuple[Member, ...], str]:
        """The members in the order in which they are asked, and what the story says of it."""
        if not self.first:
            return team.members, ""
        table, _, key = self.first.partition(".")
        known = attributes.get(table)
        named = known.get(key) if isinstance(known, Mapping) else None
        if not isinstance(named, str) or not named.strip():
            return team.members, f"{self.first} names nobody, so the team's order holds"
        word = named.strip().casefold()
        for member in team.members:
            if word in (member.name.casefold(), member.slug):
                others = tuple(other for other in team.members if other is not member)
                return (member, *others), f"{self.first} names who is asked first"
        return team.members, f"whom {self.first} names is not in the team, so its order holds"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where something outside is told. `secret_env` names the variable that holds the secret; empty: calls are not signed."""

    name: str
    url: str
    secret_env: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """Which variant of a template a fact gets: the first line that holds; none: "default"."""

    lines: tuple[tuple[Condition | None, str | Choice], ...] = ()

    def of(self, view: View) -> str:
        """The variant's name, "default" where nothing fits."""
        for when, use in self.lines:
            if when is None or when.holds(view):
                return (use.value(view) or "default") if isinstance(use, Choice) else use
        return "default"


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a rule: after this delay, on these channels in this order, of use for this long.

    Attributes:
        webhook: of a webhook step, which has neither channels nor template.
        before: instead of a delay, how long before the moment that `of` names; the step is left out where that has passed.
    """

    after: timedelta
    channels: tuple[Channel, ...]
    template: str
    not_after: timedelta  # counted from the moment it is due
    if_not_now: IfNotNow
    if_unresolved: IfUnresolved
    message_class: MessageClass
    values: tuple[str, ...] | None  # names of template values; None: what the template is known to ask for
    line: int
    unless: Condition | None = None  # where it surely holds when the step is due, nothing is said
    before: timedelta | None = None
    of: str = ""
    webhook: str = ""  # the team is told by this webhook instead of a message
    next_number: bool = (
        False  # not at the customer's first number but at the one after it; left out where there is none
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """Which facts of a flow reach whom, in which steps."""

    name: str
    flow: str
    on: str
    when: Condition | None
    to: Literal["customer"] | Team
    variant: Variant
    on_repeat: OnRepeat
    steps: tuple[Step, ...]
    line: int
    switched_off: bool = False
    implied: bool = False  # by a schedule's line, where no flow speaks of its facts
    asks: Asks | None = None  # every message of the rule asks this, and the first answer to any of them counts
    in_turn: InTurn | None = None

    @property
    def off(self) -> str:
        """Why it speaks to nobody; empty where it speaks."""
        if self.switched_off:
            return "it is switched off"
        if not isinstance(self.to, Team) or self.to.members or any(step.webhook for step in self.steps):
            return ""
        instead = self.in_turn is not None and self.in_turn.nobody is not None and self.in_turn.nobody.members
        return "" if instead else f"nobody is in the team {self.to.name}"

    @property
    def has_own_matter(self) -> bool:
        """Whether its messages are a matter of their own, that an answer ends without ending what others hear of the fact."""
        return self.asks is not None and isinstance(self.to, Team)

    def matter(self, concern: str) -> str:
        """What its messages are about, for a fact of this concern."""
        return f"{concern}_{self.flow}" if self.has_own_matter else concern

    @property
    def recipient(self) -> str:
        """As plans name it: "customer" or "team:finance"."""
        match self.to:
            case "customer":
                return "customer"
            case Team(name=name):
                return f"team:{name}"
            case _:
                assert_never(self.to)

    def matches(self, view: View) -> bool:
        """True where the condition holds or there is none. The fact's kind is the caller's to compare."""
        return self.when is None or self.when.holds(view)


@dataclass(frozen=True, slots=True)
class Rules:
    """A whole rules file, valid."""

    rules: tuple[Rule, ...]
    teams: Mapping[str, Team]
    sha256: bytes
    limits: Limits = field(default_factory=dict)
    schedules: Schedules = field(default_factory=Schedules)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)

    def matching(self, kind: str, view: View) -> tuple[Rule, ...]:
        """The first rule of each flow that speaks of this kind of fact and holds. One that is off speaks to nobody."""
        first: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.on == kind and rule.flow not in first and not rule.off and rule.matches(view):
                first[rule.flow] = rule
        return tuple(first.values())
