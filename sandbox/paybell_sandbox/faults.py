"""What goes wrong at the vendors, on demand: rules that pick a call and say what happens to it.

Everything random comes from the sandbox's seed, and every rule counts how often it fired.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Side = Literal["twilio", "stripe"]

Act = Literal[
    "refuse",  # the connection is closed before anything is read
    "429",
    "500",
    "503",
    "html",  # 403 with a page of HTML, as a proxy between would answer
    "hang",  # nothing is done and nothing is answered for `seconds`, then the connection is closed
    "reset",  # nothing is done and the connection is reset
    "slow",  # `seconds` pass, then it is done and answered
    "500_after",  # it is done, and the answer is 500
    "503_after",
    "hang_after",  # it is done, and nothing is answered for `seconds`
    "reset_after",  # it is done, and the connection is reset
    "truncate",  # it is done, and half of the answer arrives
    "lag",  # a listing does not show what is younger than `seconds`
    "lose",  # a callback or event is never sent
    "double",  # it is sent twice
    "early",  # it is sent before the answer to the call that caused it
    "delay",  # it is sent `seconds` late
    "reorder",  # it is sent behind the one that follows
]

ACTS: tuple[str, ...] = get_args(Act)
SIDES: tuple[str, ...] = get_args(Side)
POST_ACTS: tuple[str, ...] = ("lose", "double", "early", "delay", "reorder")
"""Acts on what the vendor sends; all others but ``lag`` are acts on calls to the vendor."""

TWILIO_CALLS: tuple[str, ...] = (
    "accounts.fetch", "messages.create", "messages.list", "messages.fetch", "messages.update", "messages.delete",
    "calls.create", "calls.list", "calls.fetch", "calls.update", "calls.delete", "lookups.fetch",
)  # fmt: skip

_POSTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("twilio", "callback"): POST_ACTS,
    ("twilio", "inbound"): ("lose", "double", "delay"),
    ("stripe", "event"): ("lose", "double", "delay", "reorder"),
}
"""What a vendor sends by itself, and what can befall it."""


class UnknownFaultError(ValueError):
    """A rule that cannot be understood; the message says which word is wrong and which ones there are."""


@dataclass
class Rule:
    """One thing that goes wrong.

    Attributes:
        side: at which vendor.
        operation: which call, as ``messages.create``, ``messages.list``, ``callback``, ``inbound``; ``*`` for all calls and posts.
        act: what happens.
        probability: to how many of the calls that match, 0 to 1.
        count: to at most how many; None without end.
        skip: how many calls that match go well first.
        to: only where the recipient's number ends so.
        seconds: for the acts that wait, before the time scale; with 429 and 503 it is said as Retry-After.
        fired: how often it has happened.
    """

    side: Side
    operation: str
    act: Act
    probability: float = 1.0
    count: int | None = None
    skip: int = 0
    to: str = ""
    seconds: float = 0.0
    fired: int = 0
    matched: int = field(default=0, repr=False)

    def wants(self, side: Side, operation: str, to: str) -> bool:
        """Whether it is about this call."""
        return (
            self.side == side
            and self.operation in ("*", operation)
            and to.endswith(self.to)
            and (self.count is None or self.fired < self.count)
        )

    def to_json(self) -> dict[str, Any]:
        """The rule with its count of firings."""
        return {name: value for name, value in asdict(self).items() if name != "matched"}


def parse_rule(raw: object) -> Rule:
    """A rule from JSON. One that could never fire is refused: a test with it would test nothing.

    Raises:
        UnknownFaultError: naming the word that is wrong.
    """
    known = {"side", "operation", "act", "probability", "count", "skip", "to", "seconds"}
    if not isinstance(raw, dict):
        raise UnknownFaultError("a fault is a JSON object")
    if unknown := set(raw) - known:
        raise UnknownFaultError(f"a fault has no {sorted(unknown)}; it has {sorted(known)}")
    if raw.get("side") not in SIDES:
        raise UnknownFaultError(f"side is one of {list(SIDES)}")
    if raw.get("act") not in ACTS:
        raise UnknownFaultError(f"act is one of {list(ACTS)}")
    if not isinstance(raw.get("operation"), str):
        raise UnknownFaultError("operation names a call, for example messages.create, or * for all")
    _check_figures(raw)
    _check_can_fire(raw["side"], raw["operation"], raw["act"])
    return Rule(**raw)


def _check_figures(raw: dict[str, Any]) -> None:
    if not (_is_number(raw.get("probability", 1.0)) and 0 <= raw.get("probability", 1.0) <= 1):
        raise UnknownFaultError("probability is a number from 0 to 1")
    if not (_is_number(raw.get("seconds", 0.0)) and 0 <= raw.get("seconds", 0.0) <= 86_400):
        raise UnknownFaultError("seconds is a number from 0 to 86400")
    for name in ("count", "skip"):
        figure = raw.get(name)
        if name in raw and not (name == "count" and figure is None) and not (type(figure) is int and figure >= 0):
            raise UnknownFaultError(f"{name} is a whole number from 0 on")
    if not isinstance(raw.get("to", ""), str):
        raise UnknownFaultError("to is the end of a number, as text")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_can_fire(side: str, operation: str, act: str) -> None:
    posts = _POSTS.get((side, operation))
    if posts is not None:
        if act not in posts:
            raise UnknownFaultError(f"what befalls {operation} at {side} is one of {list(posts)}, not {act}")
        return
    if operation == "*":
        return
    if act in POST_ACTS:
        raise UnknownFaultError(f"{act} befalls what the vendor sends: {[name for s, name in _POSTS if s == side]}")
    if side == "twilio" and operation not in TWILIO_CALLS:
        raise UnknownFaultError(f"twilio has no operation {operation}; it has {['callback', 'inbound', *TWILIO_CALLS]}")
    if act == "lag" and not (side == "twilio" and operation.endswith(".list")):
        raise UnknownFaultError("lag befalls messages.list and calls.list at twilio")


class Faults:
    """The rules in force."""

    def __init__(self, seed: int) -> None:
        """No rule; randomness from the seed."""
        self._random = random.Random(f"faults {seed}")  # noqa: S311 - reproducible on purpose
        self.rules: list[Rule] = []

    def replace(self, rules: Sequence[object]) -> None:
        """Puts these rules in force instead of the present ones.

        Raises:
            UnknownFaultError: and then nothing changes.
        """
        self.rules = [parse_rule(rule) for rule in rules]

    def pick(self, side: Side, operation: str, to: str = "", acts: tuple[str, ...] = ACTS) -> Rule | None:
        """The first rule that strikes this call, counted; None if all goes well."""
        for rule in self.rules:
            if rule.act in acts and rule.wants(side, operation, to):
                rule.matched += 1
                if rule.matched > rule.skip and self._random.random() < rule.probability:
                    rule.fired += 1
                    return rule
        return None

    def to_json(self) -> list[dict[str, Any]]:
        """Every rule with its count."""
        return [rule.to_json() for rule in self.rules]
