"""`one_after_the_other:`, `first:` and `nobody:` of a flow to a team. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Literal

import yaml

from ingest_service.planning import durations
from ingest_service.planning.answers import ACKNOWLEDGEMENT, AnswerLine, Asks
from ingest_service.planning.document import Reader
from ingest_service.planning.rules import InTurn, Step, Team

KEYS: Final = ("first", "one_after_the_other", "nobody")
COUNTS_FOR: Final = timedelta(hours=24)
"""So long an acknowledgement counts where the rules say nothing else."""
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=24)
_PATH: Final = re.compile(r"(metadata|customer_metadata|subscription_metadata)\.[^\s.][^\s]{0,99}")


def read_in_turn(
    reader: Reader, parts: Mapping[str, yaml.Node], to: Literal["customer"] | Team | None, teams: Mapping[str, Team]
) -> InTurn | None:
    """How a team is asked one after the other; None where a flow tells all at once, or a problem was noted."""
    node = parts.get("one_after_the_other")
    if node is None:
        for key in ("first", "nobody"):
            if key in parts:
                what = f'"{key}" stands without "one_after_the_other": all are told at once'
                reader.note(parts[key], what, "Add one_after_the_other: 15m")
        return None
    if to == "customer":
        reader.note(node, "a customer cannot be asked one after the other", "Add to: team:sales")
    every = _every(reader, node)
    first = reader.text(parts["first"], '"first"') if "first" in parts else ""
    if first and not _PATH.fullmatch(first):
        remedy = "Write where the name stands: customer_metadata.account_executive"
        reader.note(parts["first"], f'"first" cannot be "{first}"', remedy)
    nobody = None
    if "nobody" in parts:
        word = reader.choice(parts["nobody"], '"nobody"', [f"team:{name}" for name in teams])
        nobody = teams[word.removeprefix("team:")] if word else None
    return InTurn(every, first or "", nobody) if every is not None else None


def asks_in_turn(asks: Asks | None, answers: tuple[AnswerLine, ...]) -> Asks:
    """How it asks: as the flow says, else for a day, and a yes is an acknowledgement."""
    if asks is None:
        lines = answers or ACKNOWLEDGEMENT
        return Asks(COUNTS_FOR, COUNTS_FOR, moves_money=False, up_to=None, answers=lines, each=True)
    return replace(asks, each=True)


def check_time(reader: Reader, node: yaml.Node, turn: InTurn, team: Team, asks: Asks, steps: Sequence[Step]) -> None:
    """Notes where the last one would be asked when nobody may answer any more, or where there is more than one message."""
    messages = [step for step in steps if not step.webhook]
    if len(messages) != 1 or messages[0].before is not None:
        what = "whoever is asked one after the other gets one message each"
        reader.note(node, what, "Keep one step with a template and without before, and webhooks beside it")
    places = len(team.members) - (0 if turn.nobody is not None else 1)
    last = max((step.after for step in messages), default=timedelta(0)) + turn.every * max(places, 0)
    if last >= asks.answer_by:
        what = f"the last one is asked after {durations.say(last)}, and an answer counts for {durations.say(asks.answer_by)} only"
        reader.note(node, what, "Make one_after_the_other shorter, or answer_by longer")


def _every(reader: Reader, node: yaml.Node) -> timedelta | None:
    text = reader.text(node, '"one_after_the_other"')
    if text is None:
        return None
    length = durations.parse(text)
    if length is None:
        reader.note(node, f'"one_after_the_other" cannot be "{text}"', "Write how long each has: 15m, 1h")
    elif not _SHORTEST <= length <= _LONGEST:
        bounds = f"Use {durations.say(_SHORTEST)} to {durations.say(_LONGEST)}"
        reader.note(node, f'"one_after_the_other" of {durations.say(length)} is out of bounds', bounds)
        return None
    return length
