"""What ships: the templates, and the flows of the rules file with the lines they are written in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import yaml

from ingest_service.planning import rules_file, sentences
from ingest_service.planning.rules import Rule, Rules
from notify_service.words import template_store
from notify_service.words.template import Template

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "ingest-service/rules.yaml"
TEXTS: Final = ROOT / "notify-service/texts"
LISTS: Final = ("schedules", "flows")
"""The parts of a rules file whose entries make messages."""

_FROM_ENVIRONMENT: Final = re.compile(r"\$\{[A-Z0-9_]+\}")
_SOMEBODY: Final = "+14155550100"


class FixTheRulesError(ValueError):
    """The rules file has problems; the message is what `ingest-service check` says of them."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow of the rules file.

    Attributes:
        name: as `flow:` says.
        sentences: what `ingest-service check` says about its rules.
        source: the lines of its entries with the comments above them.
        templates: what its steps say, in their order.
    """

    name: str
    sentences: tuple[str, ...]
    source: tuple[str, ...]
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    first: int
    last: int
    text: str


def templates(folder: Path = TEXTS) -> dict[str, Template]:
    """The shipped templates.

    Raises:
        TemplateError: listing everything that is wrong with them.
    """
    return template_store.compile_all({key: (1, body) for key, body in template_store.read_shipped(folder).items()})


def flows(text: str, where: str) -> tuple[Flow, ...]:
    """The flows of a rules file, in its order. Teams whose numbers come from the environment have somebody in them here.

    Args:
        text: of the file.
        where: how errors call it.

    Raises:
        FixTheRulesError: where it has problems.
    """
    rules = rules_file.parse(_FROM_ENVIRONMENT.sub(_SOMEBODY, text))
    if not isinstance(rules, Rules):
        raise FixTheRulesError("\n".join(f"{where}, line {one.line}: {one.what}. {one.remedy}." for one in rules))
    entries = list(_entries(text))
    everything = sentences.explain(rules)
    by_flow: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        by_flow.setdefault(rule.flow, []).append(rule)
    return tuple(
        Flow(
            name,
            # what is said of the rest of the file is not said of this flow
            tuple(one for one in sentences.explain(replace(rules, rules=tuple(of))) if one in everything),
            tuple(dict.fromkeys(one.text for rule in of for one in entries if one.first < rule.line <= one.last)),
            tuple(dict.fromkeys(step.template for rule in of for step in rule.steps)),
        )
        for name, of in by_flow.items()
    )


def _entries(text: str) -> Iterator[_Entry]:
    """The entries of a rules file; those of flows with the comment that stands right above them."""
    lines = text.splitlines()
    root = yaml.compose(_FROM_ENVIRONMENT.sub(_SOMEBODY, text), Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it was read as rules before
    for key, part in root.value:
        if key.value not in LISTS:
            continue
        pairs = part.value if isinstance(part, yaml.MappingNode) else [(node, node) for node in part.value]
        for begin, end in pairs:
            first = begin.start_mark.line
            # a part in block style ends where the next one begins, one in brackets in its own line
            in_block = isinstance(end, yaml.CollectionNode) and not end.flow_style
            last = end.end_mark.line + (0 if in_block else 1)
            while last > first + 1 and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
                last -= 1
            above = first
            while key.value == "flows" and above and lines[above - 1].lstrip().startswith("#"):
                above -= 1
            written = "\n".join(line.removeprefix("  ") for line in lines[above:last])
            yield _Entry(first, last, written if key.value == "flows" else f"{key.value}:\n{_indented(written)}")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
