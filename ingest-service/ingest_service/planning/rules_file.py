"""A rules file (YAML) becomes rules, or every one of its problems with line and remedy. Pure."""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final, Literal

import yaml

from ingest_service.planning import answers_file, durations, implied_rules, in_turn_file
from ingest_service.planning.answers import Asks
from ingest_service.planning.conditions import Choice, Condition, FixTheExpression, choice, condition
from ingest_service.planning.document import Problem, Reader
from ingest_service.planning.fact_kinds import FACT_KINDS
from ingest_service.planning.limits_file import read_limits
from ingest_service.planning.rules import (
    ANCHORS,
    CHANNELS,
    LONGEST_USE,
    LONGEST_WAIT,
    MOST_STEPS,
    VALUE_NAMES,
    Channel,
    IfNotNow,
    IfUnresolved,
    InTurn,
    MessageClass,
    OnRepeat,
    Rule,
    Rules,
    Step,
    Team,
    Variant,
    Webhook,
)
from ingest_service.planning.schedules import Schedules
from ingest_service.planning.schedules_file import SchedulesReader
from ingest_service.planning.teams_file import WORD, read_teams
from ingest_service.planning.webhooks_file import named_webhook, read_webhooks

_FROM_ENVIRONMENT: Final = re.compile(r"\$\{(INGEST_(?:TEAM|WEBHOOK)_[A-Z0-9_]+)\}")


def filled_in(text: str, environment: Mapping[str, str]) -> str:
    """The text with each ``${INGEST_TEAM_…}`` and ``${INGEST_WEBHOOK_…}`` replaced by that variable, by nothing where it is not set."""
    return _FROM_ENVIRONMENT.sub(lambda found: environment.get(found[1], ""), text)


def parse(text: str) -> Rules | tuple[Problem, ...]:
    """Reads a rules file: the rules, or every problem in it, sorted by line."""
    file = _File(Reader())
    rules = file.read(text)
    if file.reader.problems:
        return tuple(sorted(file.reader.problems, key=lambda problem: problem.line))
    messages = (*rules, *implied_rules.implied(file.schedules, rules, file.teams))
    hashed = hashlib.sha256(text.encode()).digest()
    return Rules(messages, file.teams, hashed, file.limits, file.schedules, file.webhooks)


class _File:
    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.teams: dict[str, Team] = {}
        self.limits: dict[str, dict[str, int]] = {}
        self.schedules = Schedules()
        self.webhooks: dict[str, Webhook] = {}

    def read(self, text: str) -> tuple[Rule, ...]:
        root = self.reader.root(text)
        if root is None:
            return ()
        parts = self.reader.mapping(
            root, "the rules file", ("flows", "schedules", "teams", "limits", "webhooks"), needed=("flows",)
        )
        if "webhooks" in parts:
            self.webhooks = read_webhooks(self.reader, parts["webhooks"])
        if "teams" in parts:
            self.teams = read_teams(self.reader, parts["teams"])
        if "limits" in parts:
            self.limits = read_limits(self.reader, parts["limits"])
        if "schedules" in parts:
            self.schedules = SchedulesReader(self.reader, self.teams).read(parts["schedules"])
        items = self.reader.sequence(parts["flows"], '"flows"') if "flows" in parts else []
        counted: dict[str, int] = {}
        rules = [rule for node in items if (rule := self._rule(node, counted)) is not None]
        seen: dict[str, Rule] = {}
        for rule in rules:
            if rule.name in seen:
                self.reader.note(
                    rule.line,
                    f'two rules are called "{rule.name}" (the other in line {seen[rule.name].line})',
                    "Rename one",
                )
            seen[rule.name] = rule
        implied_rules.unmade(self.schedules, rules, self.reader)
        return tuple(rules)

    def _rule(self, node: yaml.Node, counted: dict[str, int]) -> Rule | None:
        known = (
            "flow", "rule", "off", "on", "when", "to", *in_turn_file.KEYS, "variant", "on_repeat", "asks", "answers", "steps",
        )  # fmt: skip
        before = len(self.reader.problems)
        parts = self.reader.mapping(node, "a flow", known, needed=("flow", "on", "steps"))
        flow = self._word(parts.get("flow"), '"flow"')
        on = self.reader.choice(parts["on"], '"on"', tuple(FACT_KINDS)) if "on" in parts else None
        when = self._condition(parts.get("when"))
        to = self._to(parts.get("to"))
        variant = self._variant(parts.get("variant"))
        repeat = (
            self.reader.choice(parts["on_repeat"], '"on_repeat"', tuple(OnRepeat))
            if "on_repeat" in parts
            else "continue"
        )
        off = self.reader.choice(parts["off"], '"off"', ("true", "false")) == "true" if "off" in parts else False
        steps = self._steps(parts.get("steps"), team=isinstance(to, Team))
        turn = in_turn_file.read_in_turn(self.reader, parts, to, self.teams)
        asks = self._asks(parts, steps, turn, to)
        counted[flow or ""] = counted.get(flow or "", 0) + 1
        named = self.reader.text(parts["rule"], '"rule"') if "rule" in parts else None
        name = named or (f"{flow}" if counted[flow or ""] == 1 else f"{flow}.{counted[flow or '']}")
        if len(self.reader.problems) > before or flow is None or on is None or to is None or repeat is None:
            return None
        line = node.start_mark.line + 1
        return Rule(name, flow, on, when, to, variant, OnRepeat(repeat), steps, line, off, asks=asks, in_turn=turn)

    def _asks(
        self,
        parts: dict[str, yaml.Node],
        steps: tuple[Step, ...],
        turn: InTurn | None,
        to: Literal["customer"] | Team | None,
    ) -> Asks | None:
        reader, answers = self.reader, parts.get("answers")
        asks = None
        if "asks" in parts:
            asks = answers_file.read_asks(reader, parts["asks"], answers, self.limits, self.webhooks)
            if asks is not None:
                answers_file.check_steps(
                    reader, parts["asks"], asks, [step.after for step in steps if not step.webhook]
                )
        elif answers is not None and turn is None:
            reader.note(answers, '"answers" stand without a question', 'Add "asks: {answer_by: 24h}"')
        if turn is None:
            return asks
        alone = answers is not None and asks is None and "asks" not in parts
        lines = answers_file.read_answers(reader, answers, self.limits, self.webhooks) if alone and answers else ()
        asks = in_turn_file.asks_in_turn(asks, lines)
        if isinstance(to, Team):
            in_turn_file.check_time(reader, parts["one_after_the_other"], turn, to, asks, steps)
        return asks

    def _word(self, node: yaml.Node | None, what: str) -> str | None:
        word = self.reader.text(node, what) if node is not None else None
        if node is not None and word is not None and not WORD.fullmatch(word):
            self.reader.note(
                node, f'{what} cannot be "{word}"', "Use at most 64 small letters, digits and _, a letter first"
            )
            return None
        return word

    def _condition(
        self, node: yaml.Node | None, what: str = '"when"', limits: Collection[str] | None = None
    ) -> Condition | None:
        source = self.reader.text(node, what) if node is not None else None
        if node is None or source is None:
            return None
        try:
            return condition(source, self.limits if limits is None else limits)
        except FixTheExpression as error:
            self.reader.note(node, error.what, error.remedy)
            return None

    def _to(self, node: yaml.Node | None) -> Literal["customer"] | Team | None:
        if node is None:
            return "customer"
        text = self.reader.choice(node, '"to"', ("customer", *(f"team:{name}" for name in self.teams)))
        if text is None or text == "customer":
            return "customer" if text else None
        return self.teams[text.removeprefix("team:")]

    def _variant(self, node: yaml.Node | None) -> Variant:
        if node is None:
            return Variant()
        if not isinstance(node, yaml.SequenceNode):
            use = self._use(node, '"variant"')
            return Variant(((None, use),)) if use is not None else Variant()
        lines: list[tuple[Condition | None, str | Choice]] = []
        for item in node.value:
            parts = self.reader.mapping(item, "a line of the variants", ("when", "use"), needed=("use",))
            use = self._use(parts["use"], '"use"') if "use" in parts else None
            if use is not None:
                lines.append((self._condition(parts.get("when")), use))
        return Variant(tuple(lines))

    def _use(self, node: yaml.Node, what: str) -> str | Choice | None:
        text = self.reader.text(node, what)
        if text is None or WORD.fullmatch(text):
            return text
        try:
            return choice(text, self.limits)
        except FixTheExpression as error:
            self.reader.note(node, error.what, error.remedy)
            return None

    def _steps(self, node: yaml.Node | None, *, team: bool) -> tuple[Step, ...]:
        if node is None:
            return ()
        items = self.reader.sequence(node, '"steps"')
        if not 1 <= len(items) <= MOST_STEPS:
            self.reader.note(
                node,
                f"a flow has 1 to {MOST_STEPS} steps, this one has {len(items)}",
                "Add a step or take the flow out",
            )
        return tuple(
            step
            for index, item in enumerate(items)
            if (step := self._step(item, first=index == 0, team=team)) is not None
        )

    def _step(self, node: yaml.Node, *, first: bool, team: bool) -> Step | None:
        known = (
            "after",
            "before",
            "of",
            "channels",
            "template",
            "not_after",
            "if_not_now",
            "if_unresolved",
            "class",
            "values",
            "unless",
            "webhook",
            "number",
        )
        if isinstance(node, yaml.MappingNode) and any(key.value == "webhook" for key, _ in node.value):
            return self._webhook_step(node, team=team)
        before = len(self.reader.problems)
        parts = self.reader.mapping(node, "a step", known, needed=("template",))
        after = self._length(parts.get("after"), '"after"', timedelta(0), timedelta(0), LONGEST_WAIT)
        ahead, anchor = self._anchor(node, parts)
        use = self._length(
            parts.get("not_after"), '"not_after"', timedelta(hours=24), timedelta(seconds=30), LONGEST_USE
        )
        template = self._word(parts.get("template"), '"template"')
        channels = self._channels(parts.get("channels"))
        not_now = (
            self.reader.choice(parts["if_not_now"], '"if_not_now"', tuple(IfNotNow))
            if "if_not_now" in parts
            else "hand_back"
        )
        # what nobody has heard yet is worth a second copy in the rare case; a follow-up, a call or an advertisement is not
        calm = IfUnresolved.RESEND_ONCE if first and channels[:1] == ("sms",) else IfUnresolved.HOLD
        unresolved = (
            self.reader.choice(parts["if_unresolved"], '"if_unresolved"', tuple(IfUnresolved))
            if "if_unresolved" in parts
            else calm
        )
        classes = ("team",) if team else ("transactional", "urgent", "marketing")
        kind = self.reader.choice(parts["class"], '"class"', classes) if "class" in parts else classes[0]
        values = self._values(parts["values"]) if "values" in parts else None
        unless = self._condition(parts.get("unless"), '"unless"', limits=())  # it is looked at long after the rules
        next_number = self._next_number(parts.get("number"), first=first, team=team)
        if (
            len(self.reader.problems) > before
            or template is None
            or not_now is None
            or unresolved is None
            or kind is None
        ):
            return None
        line = node.start_mark.line + 1
        return Step(
            after,
            channels,
            template,
            use,
            IfNotNow(not_now),
            IfUnresolved(unresolved),
            MessageClass(kind),
            values,
            line,
            unless,
            ahead,
            anchor,
            next_number=next_number,
        )

    def _next_number(self, node: yaml.Node | None, *, first: bool, team: bool) -> bool:
        if node is None or self.reader.choice(node, '"number"', ("first", "next")) != "next":
            return False
        if first or team:
            what = "of a team everybody has one number" if team else "the first message goes to the first number"
            self.reader.note(node, what, "Take number: next out" if team else "Write number: next at a later step")
        return True

    def _webhook_step(self, node: yaml.Node, *, team: bool) -> Step | None:
        before = len(self.reader.problems)
        parts = self.reader.mapping(
            node, "a step with a webhook", ("after", "before", "of", "webhook", "not_after", "unless")
        )
        if not team:
            self.reader.note(node, "a webhook tells a team, and this flow is to the customer", "Add to: team:finance")
        after = self._length(parts.get("after"), '"after"', timedelta(0), timedelta(0), LONGEST_WAIT)
        ahead, anchor = self._anchor(node, parts)
        use = self._length(
            parts.get("not_after"), '"not_after"', timedelta(hours=24), timedelta(seconds=30), LONGEST_USE
        )
        unless = self._condition(parts.get("unless"), '"unless"', limits=())
        name = named_webhook(self.reader, parts.get("webhook"), self.webhooks)
        if len(self.reader.problems) > before or name is None:
            return None
        line, hold = node.start_mark.line + 1, IfUnresolved.HOLD
        return Step(
            after, (), "", use, IfNotNow.HAND_BACK, hold, MessageClass.TEAM, None, line, unless, ahead, anchor, name
        )  # fmt: skip

    def _anchor(self, node: yaml.Node, parts: dict[str, yaml.Node]) -> tuple[timedelta | None, str]:
        if "before" not in parts and "of" not in parts:
            return None, ""
        if "before" not in parts or "of" not in parts or "after" in parts:
            what = 'a step has either "after", or "before" and "of"'
            self.reader.note(node, what, "Write {before: 2d, of: evidence_due, …}")
            return None, ""
        ahead = self._length(parts["before"], '"before"', timedelta(0), timedelta(0), LONGEST_WAIT)
        return ahead, self.reader.choice(parts["of"], '"of"', ANCHORS) or ""

    def _values(self, node: yaml.Node) -> tuple[str, ...]:
        items = self.reader.sequence(node, '"values"')
        return tuple(name for item in items if (name := self.reader.choice(item, "a value", VALUE_NAMES)) is not None)

    def _length(
        self, node: yaml.Node | None, what: str, otherwise: timedelta, least: timedelta, most: timedelta
    ) -> timedelta:
        text = self.reader.text(node, what) if node is not None else None
        if node is None or text is None:
            return otherwise
        length = durations.parse(text)
        if length is None:
            self.reader.note(node, f'{what} cannot be "{text}"', "Write a number with its unit: 90s, 30m, 24h, 3d, 1w")
        elif not least <= length <= most:
            self.reader.note(
                node,
                f"{what} of {durations.say(length)} is out of bounds",
                f"Use {durations.say(least)} to {durations.say(most)}",
            )
        return length if length is not None else otherwise

    def _channels(self, node: yaml.Node | None) -> tuple[Channel, ...]:
        if node is None:
            return ("sms",)
        found: list[Channel] = []
        for item in self.reader.sequence(node, '"channels"'):
            word = self.reader.choice(item, "a channel", CHANNELS)
            match word:
                case "sms" | "voice" | "whatsapp":
                    if word in found:
                        self.reader.note(item, f'channel "{word}" stands twice', "Keep one of them")
                    found.append(word)
                case _:
                    pass
        if not found and isinstance(node, yaml.SequenceNode) and not node.value:
            self.reader.note(node, "a step needs a channel", 'Write "channels: [sms]"')
        return tuple(found) or ("sms",)
