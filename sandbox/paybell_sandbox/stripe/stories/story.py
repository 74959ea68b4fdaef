"""A story: a name, words for the page, its parameters, and the function that plays it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

from paybell_sandbox.stripe import metadata
from paybell_sandbox.stripe.declines import DECLINES, Decline
from paybell_sandbox.stripe.people import PEOPLE
from paybell_sandbox.stripe.world import World

Kind = Literal["text", "number", "choice", "switch", "map"]


class StoryError(ValueError):
    """The story cannot be played as asked. The text says what to do instead."""


@dataclass(frozen=True)
class Parameter:
    name: str
    title: str
    kind: Kind = "text"
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    most: int = 99_999_999
    """Of a number, which is 1 at least. Stripe takes amounts of up to eight digits."""

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "default": self.default,
            "choices": list(self.choices),
        }


@dataclass(frozen=True)
class Options:
    """What was asked for, already held against the story's parameters."""

    given: Mapping[str, Any]
    parameters: Mapping[str, Parameter]

    def has(self, name: str) -> bool:
        return self.given.get(name) is not None

    def _value(self, name: str) -> Any:
        value = self.given.get(name)
        return self.parameters[name].default if value is None else value

    def text(self, name: str) -> str | None:
        value = self._value(name)
        return None if value is None else str(value)

    def word(self, name: str) -> str:
        return str(self._value(name))

    def number(self, name: str) -> int | None:
        value = self._value(name)
        return None if value is None else int(value)

    def switch(self, name: str) -> bool:
        return bool(self._value(name))

    def map(self, name: str) -> dict[str, str]:
        return {str(key): str(value) for key, value in dict(self._value(name) or {}).items()}

    def decline(self) -> Decline:
        return DECLINES[self.word("decline_code")]


@dataclass(frozen=True)
class Story:
    name: str
    group: str
    title: str
    description: str
    play: Callable[[World, Options], dict[str, str]]
    """Changes the world; gives the ids of what it touched, by kind."""
    parameters: tuple[Parameter, ...] = ()
    follow_ups: tuple[str, ...] = ()
    follows: bool = False
    """It goes on with something that another story began."""

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "group": self.group,
            "title": self.title,
            "description": self.description,
            "parameters": [parameter.described() for parameter in self.parameters],
            "follow_ups": list(self.follow_ups),
            "follows": self.follows,
        }


CUSTOMER: Final = (
    Parameter("customer", "Who: one of the people, or a customer id (cus_…)", "choice", "ana", tuple(PEOPLE)),
    Parameter("name", "Another name"),
    Parameter("phone", "Another number, as typed into Stripe; empty for none"),
    Parameter("locale", "Another language, such as de-DE"),
    Parameter("metadata", "Metadata of the customer", "map"),
    Parameter("new_customer", "A new customer with these data", "switch", default=False),
)
MONEY: Final = (
    Parameter("currency", "Currency; without it the person's own"),
    Parameter("amount", "Amount in minor units; without it the usual price", "number"),
)
SEEN: Final = (
    Parameter("presentment_currency", "Currency the buyer saw, where it is another one"),
    Parameter("presentment_amount", "Amount the buyer saw, in its minor units", "number"),
)
SUBSCRIBED: Final = (
    Parameter("article", "What", "choice", "studio", ("studio", "studio_yearly", "team")),
    Parameter("subscription_metadata", "Metadata of the subscription; makes a new one", "map"),
)
DECLINE: Final = Parameter("decline_code", "Why the bank says no", "choice", "insufficient_funds", tuple(DECLINES))


def check(story: Story, given: Mapping[str, Any]) -> Options:
    """Names and kinds held against the story's parameters; all problems at once."""
    known = {parameter.name: parameter for parameter in story.parameters}
    problems: list[str] = []
    for name, value in given.items():
        parameter = known.get(name)
        if parameter is None:
            problems.append(f"{story.name} has no parameter {name!r}: it takes {', '.join(known) or 'none'}")
        elif value is not None and (problem := _problem(parameter, value)):
            problems.append(problem)
    if problems:
        raise StoryError("; ".join(problems))
    return Options(dict(given), known)


def _problem(parameter: Parameter, value: Any) -> str | None:
    if _fits(parameter, value):
        return _out_of_bounds(parameter, value)
    wanted = f"one of {', '.join(parameter.choices)}" if parameter.choices else f"a {parameter.kind}"
    return f"{parameter.name} must be {wanted}"


def _out_of_bounds(parameter: Parameter, value: Any) -> str | None:
    """What Stripe itself could not have: a story must not make it either."""
    if parameter.kind == "number" and not 1 <= value <= parameter.most:
        return f"{parameter.name} must be from 1 to {parameter.most}"
    if parameter.kind == "map" and (problem := metadata.problem(value)):
        return f"{parameter.name} cannot be kept: {problem}"
    return None


def _fits(parameter: Parameter, value: Any) -> bool:
    match parameter.kind:
        case "number":
            return isinstance(value, int) and not isinstance(value, bool)
        case "switch":
            return isinstance(value, bool)
        case "map":
            return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        case "choice":
            return value in parameter.choices or (parameter.name == "customer" and str(value).startswith("cus_"))
        case "text":
            return isinstance(value, str)
    assert_never(parameter.kind)
