"""What goes wrong at the vendors, on demand: rules that pick a call and say what happens to it.

Everything random comes from the sandbox's seed, and every rule counts how often it fired.
"""

import random
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


class UnknownFaultError(ValueError):
    """A rule that cannot be understood; the message says which word is wrong and which ones there are."""


@dataclass
class Rule:
    """One thing that goes wrong.

    Attributes:
        side: at which vendor.
        operation: which call, as ``messages.create``, ``messages.list``, ``callback``, ``inbound``; ``*`` for all.
        act: what happens.
        probability: to how many of the calls that match, 0 to 1.
        count: to at most how many; None without end.
        skip: how many calls that match go well first.
        to: only where the recipient's number ends so.
        seconds: for the acts that wait.
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


def parse_rule(raw: dict[str, Any]) -> Rule:
    """A rule from JSON.

    Raises:
        UnknownFaultError: naming the word that is wrong.
    """
    known = {"side", "operation", "act", "probability", "count", "skip", "to", "seconds"}
    if unknown := set(raw) - known:
        raise UnknownFaultError(f"a fault has no {sorted(unknown)}; it has {sorted(known)}")
    if raw.get("side") not in SIDES:
        raise UnknownFaultError(f"side is one of {list(SIDES)}")
    if raw.get("act") not in ACTS:
        raise UnknownFaultError(f"act is one of {list(ACTS)}")
    if not isinstance(raw.get("operation"), str):
        raise UnknownFaultError("operation names a call, for example messages.create, or * for all")
    return Rule(**raw)


class Faults:
    """The rules in force."""

    def __init__(self, seed: int) -> None:
        """No rule; randomness from the seed."""
        self._random = random.Random(f"faults {seed}")  # noqa: S311 - reproducible on purpose
        self.rules: list[Rule] = []

    def replace(self, rules: list[dict[str, Any]]) -> None:
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
