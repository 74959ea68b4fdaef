"""`asks:` and `answers:` of a flow, read so that no line can bind an action to an answer that is too weak for it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

import yaml

from ingest_service.planning import durations
from ingest_service.planning.answers import ACTIONS, NAMED_STANDINGS, Action, Answer, AnswerLine, Asks, Strength
from ingest_service.planning.conditions import Limits
from ingest_service.planning.document import Reader, did_you_mean
from ingest_service.planning.rules import Webhook
from ingest_service.planning.webhooks_file import named_webhook

SHORTEST: Final = timedelta(minutes=1)
LONGEST_WITHIN: Final = timedelta(days=7)  # notify takes no longer time to answer
LONGEST_BY: Final = timedelta(days=30)
STRENGTHS: Final = (Strength.BARE, Strength.CODED, Strength.KEYPRESS)
_ALONE: Final = (Action.ASK_TEAM, Action.NOTHING, Action.TELL_CUSTOMER)

Webhooks = Mapping[str, Webhook]
Word = TypeVar("Word", bound=StrEnum)


def read_asks(
    reader: Reader, node: yaml.Node, answers: yaml.Node | None, limits: Limits, webhooks: Webhooks
) -> Asks | None:
    """How a flow asks and what its answers do, with the file's limits and webhooks by name; None where a problem was noted."""
    before = len(reader.problems)
    parts = reader.mapping(node, "asks", ("answer_within", "answer_by", "moves_money", "up_to"), needed=("answer_by",))
    if answers is None:
        reader.note(
            node, 'a flow that asks lacks "answers"', "Say what each answer does: answers: [{answer: yes, do: …}]"
        )
        return None
    last = _length(reader, parts.get("answer_by"), '"answer_by"', LONGEST_BY)
    time = _length(reader, parts.get("answer_within"), '"answer_within"', LONGEST_WITHIN)
    if time is not None and last is not None and time > last:
        reader.note(node, '"answer_within" is longer than "answer_by"', "Make answer_by the longer one")
    moves = reader.choice(parts["moves_money"], '"moves_money"', ("true", "false")) if "moves_money" in parts else None
    up_to = _amounts(reader, parts["up_to"], limits) if "up_to" in parts else None
    lines = read_answers(reader, answers, limits, webhooks, moves_money=moves == "true")
    if len(reader.problems) > before or last is None:
        return None
    return Asks(time or min(last, LONGEST_WITHIN), last, moves == "true", up_to, lines)


def read_answers(
    reader: Reader, node: yaml.Node, limits: Limits, webhooks: Webhooks, *, moves_money: bool = False
) -> tuple[AnswerLine, ...]:
    """What answers do; problems are noted with the reader."""
    return tuple(
        line
        for item in reader.sequence(node, '"answers"')
        if (line := _line(reader, item, limits, webhooks, moves_money=moves_money)) is not None
    )


def check_steps(reader: Reader, node: yaml.Node, asks: Asks, afters: Sequence[timedelta]) -> None:
    """A message that asks must go while the question may still be answered."""
    for after in afters:
        if after >= asks.answer_by:
            reader.note(
                node,
                f"a message after {durations.say(after)} asks what may be answered for {durations.say(asks.answer_by)} only",
                "Send it earlier, or make answer_by longer",
            )


def _length(reader: Reader, node: yaml.Node | None, what: str, most: timedelta) -> timedelta | None:
    text = reader.text(node, what) if node is not None else None
    if node is None or text is None:
        return None
    length = durations.parse(text)
    if length is None:
        reader.note(node, f'{what} cannot be "{text}"', "Write a number with its unit: 15m, 1h, 24h, 3d")
    elif not SHORTEST <= length <= most:
        bounds = f"Use {durations.say(SHORTEST)} to {durations.say(most)}"
        reader.note(node, f"{what} of {durations.say(length)} is out of bounds", bounds)
    return length


def _amounts(reader: Reader, node: yaml.Node, limits: Limits) -> Mapping[str, int] | None:
    """The sums that a name of the file's `limits:` stands for."""
    name = reader.text(node, '"up_to"')
    if name is None or name in limits:
        return limits[name] if name is not None else None
    remedy = did_you_mean(name, sorted(limits)) if limits else 'Add it: "limits: {fraud_answer: {usd: 500}}"'
    reader.note(node, f'"up_to" asks for the limit "{name}", which is not in the limits', remedy)
    return None


def _line(
    reader: Reader, node: yaml.Node, limits: Limits, webhooks: Webhooks, *, moves_money: bool
) -> AnswerLine | None:
    before = len(reader.problems)
    known = ("answer", "strength", "state", "up_to", "do")
    parts = reader.mapping(node, "a line of the answers", known, needed=("answer", "do"))
    answers = _words(reader, parts.get("answer"), "an answer", tuple(Answer))
    strengths = _words(reader, parts.get("strength"), "a strength", STRENGTHS)
    standings = _words(reader, parts.get("state"), "a state", NAMED_STANDINGS)
    actions, called = _actions(reader, parts.get("do"), webhooks)
    up_to = _amounts(reader, parts["up_to"], limits) if "up_to" in parts else None
    if len(reader.problems) > before:
        return None
    line = AnswerLine(answers, strengths, standings, up_to, actions, node.start_mark.line + 1, called)
    for action in actions:
        _check(reader, node, line, action, moves_money=moves_money)
    alone = [action for action in actions if action in _ALONE]
    beside = [action for action in actions if action != Action.CALL_WEBHOOK or Action.ASK_TEAM in actions]
    if alone and len(beside) > 1:
        remedy = "The customer and the team hear of it anyway: let it stand alone"
        reader.note(node, f'"{alone[0]}" stands beside other actions', remedy)
    if Action.CAPTURE in actions and Action.APPROVE_REVIEW not in actions:
        reader.note(node, '"capture" stands without "approve_review"', "Write do: [approve_review, capture]")
    return line if len(reader.problems) == before else None


def _check(reader: Reader, node: yaml.Node, line: AnswerLine, action: Action, *, moves_money: bool) -> None:
    kind = ACTIONS[action]
    if kind.answers is not None and not set(line.answers) <= kind.answers:
        wrong = ", ".join(sorted(set(line.answers) - kind.answers))
        reader.note(node, f'"{action}" cannot follow from {wrong}', f"Bind it to: {', '.join(sorted(kind.answers))}")
    if kind.strengths is not None and (not line.strengths or not set(line.strengths) <= kind.strengths):
        what = f'"{action}" would follow from an answer without the code, and a sender\'s number can be forged'
        reader.note(node, what, "Add strength: [coded, keypress]")
    if kind.standings is not None and (not line.standings or not set(line.standings) <= kind.standings):
        named = sorted(kind.standings)
        reader.note(
            node, f'"{action}" needs a payment that is {" or ".join(named)}', f"Add state: [{', '.join(named)}]"
        )
    if kind.moves_money and not moves_money:
        reader.note(node, f'"{action}" moves money, and the flow does not say so', "Add moves_money: true to asks")


def _actions(reader: Reader, node: yaml.Node | None, webhooks: Webhooks) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """What is done, and which webhooks are called: a word, {call_webhook: name}, or a list of them."""
    if node is None:
        return (), ()
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    words = [item for item in items if not isinstance(item, yaml.MappingNode)]
    called: list[str] = []
    for item in items:
        if isinstance(item, yaml.MappingNode):
            parts = reader.mapping(item, "an action", (Action.CALL_WEBHOOK,), needed=(Action.CALL_WEBHOOK,))
            name = named_webhook(reader, parts.get(Action.CALL_WEBHOOK), webhooks, signed=True)
            called += [name] if name else []
        elif isinstance(item, yaml.ScalarNode) and item.value == Action.CALL_WEBHOOK:
            reader.note(item, '"call_webhook" does not say which', "Write do: {call_webhook: fulfilment}")
    if not items:
        reader.note(node, "an action is missing", f"Use one or more of: {', '.join(Action)}")
    found = (action for word in words for action in _words(reader, word, "an action", tuple(Action)))
    actions = tuple(dict.fromkeys(action for action in found if action != Action.CALL_WEBHOOK))
    return (*actions, *((Action.CALL_WEBHOOK,) if called else ())), tuple(dict.fromkeys(called))


def _words(reader: Reader, node: yaml.Node | None, what: str, known: Sequence[Word]) -> tuple[Word, ...]:
    """One word or a list of them."""
    if node is None:
        return ()
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        reader.note(node, f"{what} is missing", f"Use one or more of: {', '.join(known)}")
    kinds = {str(one): one for one in known}
    words = [word for item in items if (word := reader.choice(item, what, list(kinds))) is not None]
    return tuple(dict.fromkeys(kinds[word] for word in words))
