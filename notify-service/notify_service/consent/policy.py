"""What the operator's policy file says. Pure: text in, a valid policy or every problem with its line out."""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

import yaml

from notify_service.consent.verdicts import GIVEN_IN_TRANSACTION, Requirement

CHANNELS: Final = ("sms", "voice", "whatsapp")
CATEGORIES: Final = ("transactional", "fraud", "marketing", "team")
UNRESOLVED: Final = ("resend_once", "hold")
CLASSES: Final = ("transactional", "transactional_urgent", "marketing", "team")
REQUIREMENTS: Final[tuple[str, ...]] = get_args(Requirement)
GIVEN_FOR: Final = frozenset({("sms", "transactional"), ("sms", "fraud")})
"""What a number that was given in a payment may be used for without another word: texts about that payment, and nothing else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the file."""

    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """For people."""
        return f"line {self.line}: {self.what}; {self.remedy}"


class PolicyError(ValueError):
    """A policy that cannot be put in force; ``problems`` lists all that is wrong."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        """``name`` is the file's."""
        super().__init__("\n".join(f"{name}, {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Policy:
    """A policy.

    Attributes:
        consent: requirement by (channel, category).
        countries: ISO 3166-1 codes that may be written to; None for all.
        unresolved: by message class, what to do when nobody knows whether a message went.
        link_domains: hosts that links may point to, and their subdomains.
        customer_text_length: to how many characters words that a customer typed are cut.
        sha256: of the file.
    """

    consent: Mapping[tuple[str, str], Requirement]
    by_country: Mapping[tuple[str, str, str], Requirement]
    countries: frozenset[str] | None
    unresolved: Mapping[str, str]
    link_domains: tuple[str, ...]
    customer_text_length: int
    body: str
    sha256: bytes
    version: int = 0

    def requirement(self, channel: str, category: str, country: str) -> Requirement:
        """What such a message needs in this country."""
        return self.by_country.get((country, channel, category), self.consent[channel, category])

    def country_allowed(self, country: str) -> bool:
        """Whether numbers of this country may be written to."""
        return self.countries is None or country in self.countries


class _Reader:
    """Walks the parsed file with its line numbers and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, node: yaml.Node, what: str, remedy: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, what, remedy))

    def mapping(self, node: yaml.Node, known: tuple[str, ...] | None, name: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{name} is not a mapping", f"write `{name}:` and indented keys below it")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            word = str(key.value)
            if known is not None and word not in known:
                near = difflib.get_close_matches(word, known, 1)
                self.wrong(
                    key,
                    f"{name} has no `{word}`",
                    f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known)}",
                )
                continue
            if word in found:
                self.wrong(key, f"`{word}` stands twice in {name}", "remove one of them")
            found[word] = value
        return found

    def choice(self, node: yaml.Node, choices: tuple[str, ...], name: str) -> str:
        word = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
        if word not in choices:
            near = difflib.get_close_matches(word, choices, 1)
            self.wrong(
                node,
                f"{name} cannot be `{word}`",
                f"did you mean `{near[0]}`?" if near else f"use one of {', '.join(choices)}",
            )
            return choices[0]
        return word

    def words(self, node: yaml.Node, name: str) -> list[str]:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, f"{name} is not a list", "write [A, B] or one per line with a dash")
            return []
        return [str(item.value) for item in node.value]


def parse(text: str, name: str = "policy.yaml") -> Policy:
    """A valid policy.

    Raises:
        PolicyError: with every problem of the file.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else _line_at(text, getattr(error, "position", 0))
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "check the indentation"
        raise PolicyError(name, [Problem(line, "this is not YAML", str(why))]) from None
    if root is None:
        raise PolicyError(
            name, [Problem(1, "the file is empty", "start from the policy.yaml that comes with the service")]
        )
    reader = _Reader()
    top = reader.mapping(root, ("consent", "countries", "unresolved", "links", "customer_text"), "the policy")
    for needed in ("consent", "unresolved"):
        if needed not in top:
            reader.wrong(root, f"`{needed}` is missing", "copy it from the policy.yaml that comes with the service")
    consent, by_country = _consent(reader, top["consent"]) if "consent" in top else ({}, {})
    policy = Policy(
        consent=consent,
        by_country=by_country,
        countries=_countries(reader, top.get("countries")),
        unresolved=_unresolved(reader, top["unresolved"]) if "unresolved" in top else {},
        link_domains=_link_domains(reader, top.get("links")),
        customer_text_length=_customer_text(reader, top.get("customer_text")),
        body=text,
        sha256=hashlib.sha256(text.encode()).digest(),
    )
    if reader.problems:
        raise PolicyError(name, sorted(reader.problems, key=lambda problem: problem.line))
    return policy


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _consent(reader: _Reader, node: yaml.Node) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str, str], Any]]:
    channels = reader.mapping(node, (*CHANNELS, "countries"), "consent")
    table: dict[tuple[str, str], Any] = {}
    for channel in CHANNELS:
        if channel not in channels:
            reader.wrong(node, f"consent for {channel} is missing", f"add `{channel}:` with {', '.join(CATEGORIES)}")
            continue
        categories = reader.mapping(channels[channel], CATEGORIES, f"consent.{channel}")
        for category in CATEGORIES:
            if category not in categories:
                reader.wrong(
                    channels[channel],
                    f"consent.{channel}.{category} is missing",
                    f"use one of {', '.join(REQUIREMENTS)}",
                )
                continue
            table[channel, category] = _requirement(
                reader, categories[category], channel, category, f"consent.{channel}.{category}"
            )
    exceptions: dict[tuple[str, str, str], Any] = {}
    if "countries" in channels:
        for country, inner in reader.mapping(channels["countries"], None, "consent.countries").items():
            _check_country(reader, channels["countries"], country)
            for channel, categories_node in reader.mapping(inner, CHANNELS, f"consent.countries.{country}").items():
                where = f"consent.countries.{country}.{channel}"
                for category, value in reader.mapping(categories_node, CATEGORIES, where).items():
                    exceptions[country, channel, category] = _requirement(
                        reader, value, channel, category, f"{where}.{category}"
                    )
    return table, exceptions


def _requirement(reader: _Reader, node: yaml.Node, channel: str, category: str, where: str) -> str:
    word = reader.choice(node, REQUIREMENTS, where)
    if word == GIVEN_IN_TRANSACTION and (channel, category) not in GIVEN_FOR:
        reader.wrong(
            node,
            f"{where} cannot be `{GIVEN_IN_TRANSACTION}`: a number that was given in a payment may be texted about it, and no more",
            "use opt_in",
        )
    return word


def _check_country(reader: _Reader, node: yaml.Node, country: str) -> None:
    if not (len(country) == 2 and country.isascii() and country.isupper()):
        reader.wrong(node, f"`{country}` is no country", "use ISO 3166-1 codes such as US")


def _countries(reader: _Reader, node: yaml.Node | None) -> frozenset[str] | None:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.value == "all"):
        return None
    codes = reader.words(node, "countries")
    for code in codes:
        _check_country(reader, node, code)
    return frozenset(codes)


def _unresolved(reader: _Reader, node: yaml.Node) -> dict[str, str]:
    classes = reader.mapping(node, CLASSES, "unresolved")
    for missing in [name for name in CLASSES if name not in classes]:
        reader.wrong(node, f"unresolved.{missing} is missing", f"use one of {', '.join(UNRESOLVED)}")
    return {name: reader.choice(value, UNRESOLVED, f"unresolved.{name}") for name, value in classes.items()}


def _link_domains(reader: _Reader, node: yaml.Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    inner = reader.mapping(node, ("domains",), "links")
    return tuple(word.lower() for word in reader.words(inner["domains"], "links.domains")) if "domains" in inner else ()


def _customer_text(reader: _Reader, node: yaml.Node | None) -> int:
    if node is None:
        return 40
    inner = reader.mapping(node, ("longest",), "customer_text")
    value = inner.get("longest")
    if value is None:
        return 40
    if not (re.fullmatch("[0-9]{2,3}", str(value.value)) and 10 <= int(value.value) <= 200):
        reader.wrong(value, "customer_text.longest is no number from 10 to 200", "use 40")
        return 40
    return int(value.value)
