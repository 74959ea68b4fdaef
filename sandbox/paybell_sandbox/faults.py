"""What goes wrong at the vendors, on demand: rules that pick a call and say what happens to it.

Everything random comes from the sandbox's seed, and every rule counts how often it fired.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, get_args

Side = Literal["twilio", "stripe"]

Act = Literal[
    "close",  # nothing is done and the connection is closed without an answer
    "reset",  # nothing is done and the connection is reset
    "429",
    "500",
    "503",
    "html",  # 403 with a page of HTML, as a proxy between would answer
    "hang",  # nothing is done and nothing is answered for `seconds`, then the connection is closed
    "slow",  # `seconds` pass, then it is done and answered
    "500_after",  # it is done, and the answer is 500
    "503_after",
    "hang_after",  # it is done, and nothing is answered for `seconds`
    "reset_after",  # it is done, and the connection is reset
    "truncate",  # it is done, and half of the answer arrives
    "down",  # it is done and answered, and then for `seconds` whoever connects to the sandbox is refused
    "lag",  # a listing does not show what is younger than `seconds`
    "lose",  # a callback or event is never sent
    "double",  # it is sent twice
    "early",  # it is sent before the answer to the call that caused it
    "delay",  # it is sent `seconds` late
    "reorder",  # it is sent behind the one that follows
]

ACTS: Final[tuple[str, ...]] = get_args(Act)
SIDES: Final[tuple[str, ...]] = get_args(Side)

CALL_ACTS: Final[tuple[str, ...]] = (
    "close", "reset", "429", "500", "503", "html", "hang", "slow", "500_after", "503_after", "hang_after", "reset_after",
    "truncate", "down",
)  # fmt: skip
"""What befalls a call to a vendor, whichever it is."""

WAITING_ACTS: Final = frozenset({"hang", "slow", "hang_after", "down", "lag", "delay"})
"""Without seconds they would be no act at all."""


class UnknownFaultError(ValueError):
    """A rule that cannot be understood; the message says which word is wrong and which ones there are."""


@dataclass
class Rule:
    """One thing that goes wrong.

    Attributes:
        side: at which vendor.
        operation: which call, as ``messages.create``, ``messages.list``, ``callback``, ``inbound``; ``*`` for all calls and posts.
        act: what happens.
        probability: to how many of the calls that match, above 0 to 1.
        count: to at most how many; None without end.
        skip: how many calls that match go well first.
        to: only where the recipient's number ends so; at Twilio.
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


def _words(raw: object) -> dict[str, Any]:
    """The rule's words, each of its kind; whether such a rule can fire is another question."""
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
    if not isinstance(raw.get("to", ""), str):
        raise UnknownFaultError("to is the end of a number, as text")
    _check_figures(raw)
    return raw


def _check_figures(raw: dict[str, Any]) -> None:
    if not (_is_number(raw.get("probability", 1.0)) and 0 < raw.get("probability", 1.0) <= 1):
        raise UnknownFaultError("probability is a number above 0, to 1")
    if not (_is_number(raw.get("seconds", 0.0)) and 0 <= raw.get("seconds", 0.0) <= 86_400):
        raise UnknownFaultError("seconds is a number from 0 to 86400")
    if raw["act"] in WAITING_ACTS and not raw.get("seconds"):
        raise UnknownFaultError(f"{raw['act']} needs seconds above 0")
    count, skip = raw.get("count"), raw.get("skip", 0)
    if count is not None and not (type(count) is int and count >= 1):
        raise UnknownFaultError("count is a whole number from 1 on")
    if not (type(skip) is int and skip >= 0):
        raise UnknownFaultError("skip is a whole number from 0 on")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Faults:
    """The rules in force."""

    def __init__(self, seed: int) -> None:
        """No rule; randomness from the seed."""
        self._random = random.Random(f"faults {seed}")  # noqa: S311 - reproducible on purpose
        self._befall: dict[str, Mapping[str, Collection[str]]] = {}
        self.rules: list[Rule] = []

    def know(self, side: Side, befall: Mapping[str, Collection[str]]) -> None:
        """A side says what it is asked and what it sends by itself, and which acts can befall each of them."""
        self._befall[side] = befall

    def parse(self, raw: object) -> Rule:
        """A rule from JSON. One that could never fire is refused: a test with it would test nothing.

        Raises:
            UnknownFaultError: naming the word that is wrong.
        """
        rule = Rule(**_words(raw))
        operations = self._befall.get(rule.side, {})
        if rule.operation == "*":
            acts = {act for befalls in operations.values() for act in befalls}
        elif rule.operation in operations:
            acts = set(operations[rule.operation])
        else:
            raise UnknownFaultError(f"{rule.side} has no operation {rule.operation}; it has {sorted(operations)}")
        if rule.act not in acts:
            raise UnknownFaultError(
                f"what befalls {rule.operation} at {rule.side} is one of {sorted(acts)}, not {rule.act}"
            )
        if rule.to and rule.side == "stripe":
            raise UnknownFaultError("to is for twilio: no call to stripe has a recipient")
        return rule

    def replace(self, rules: Sequence[object]) -> None:
        """Puts these rules in force instead of the present ones.

        Raises:
            UnknownFaultError: and then nothing changes.
        """
        self.rules = [self.parse(rule) for rule in rules]

    def pick(self, side: Side, operation: str, to: str = "", acts: Collection[str] = ACTS) -> Rule | None:
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
