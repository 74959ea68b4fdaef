"""What ships: the templates, and the flows of the rules file with the lines they are written in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


class FixTheRulesError(ValueError):
    """The rules file has problems; the message is what `ingest-service check` says of them."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow of the rules file.

    Attributes:
        name: as `flow:` says.
        sentences: what `ingest-service check` says about its rules, one a rule.
        source: the lines of its rules with the comments above them, one block a rule.
        templates: what its steps say, in their order.
    """

    name: str
    sentences: tuple[str, ...]
    source: tuple[str, ...]
    templates: tuple[str, ...]


def templates(folder: Path = TEXTS) -> dict[str, Template]:
    """The shipped templates.

    Raises:
        TemplateError: listing everything that is wrong with them.
    """
    return template_store.compile_all({key: (1, body) for key, body in template_store.read_shipped(folder).items()})


def flows(file: Path = RULES) -> tuple[Flow, ...]:
    """The flows of a rules file, in its order.

    Raises:
        FixTheRulesError: where it has problems.
    """
    text = file.read_text()
    rules = rules_file.parse(text)
    if not isinstance(rules, Rules):
        raise FixTheRulesError("\n".join(f"{file.name}, line {one.line}: {one.what}. {one.remedy}." for one in rules))
    spoken = dict(zip((rule.name for rule in rules.rules), sentences.explain(rules), strict=True))
    written = dict(zip((rule.name for rule in rules.rules), _blocks(text), strict=True))
    by_flow: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        by_flow.setdefault(rule.flow, []).append(rule)
    return tuple(
        Flow(
            name,
            tuple(spoken[rule.name] for rule in of),
            tuple(written[rule.name] for rule in of),
            tuple(dict.fromkeys(step.template for rule in of for step in rule.steps)),
        )
        for name, of in by_flow.items()
    )


def _blocks(text: str) -> Iterator[str]:
    """The lines of each entry of `flows:`, with the comment that stands right above it."""
    lines = text.splitlines()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it was read as rules before
    entries: Mapping[str, yaml.Node] = {key.value: node for key, node in root.value}
    for node in entries["flows"].value:
        first, last = node.start_mark.line, node.end_mark.line
        while first > 0 and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        block = (
            lines[first:last] if node.end_mark.column == 0 or last > node.start_mark.line else lines[first : last + 1]
        )
        while block and (not block[-1].strip() or block[-1].lstrip().startswith("#")):
            block.pop()
        yield "\n".join(line.removeprefix("  ") for line in block)
