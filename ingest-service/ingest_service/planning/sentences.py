"""Explains rules in plain English, one sentence a step: what `ingest-service check` says about a rules file. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, assert_never

from ingest_service.planning import durations, schedule_sentences
from ingest_service.planning.answer_sentences import explain_asks
from ingest_service.planning.answers import Action
from ingest_service.planning.conditions import Choice, Condition
from ingest_service.planning.fact_kinds import FACT_KINDS
from ingest_service.planning.rules import Channel, IfNotNow, InTurn, OnRepeat, Rule, Rules, Step, Team, Variant

_KNOWN_CONDITIONS: Final = {
    ("refund_issued", "!fact.by_answer"): "a refund is issued that no answer caused",
    ("payment_failed", "fact.is_subscription"): "a subscription payment fails",
    ("payment_failed", "!fact.is_subscription"): "a payment outside a subscription fails",
    ("payment_failed", 'fact.about == "payment"'): "a one-off payment fails",
    ("payment_failed", 'fact.about == "invoice"'): "a payment of an invoice fails",
    ("payment_failed", "fact.last_attempt"): "Stripe's last try on a bill fails",
    ("payment_succeeded", "fact.is_subscription"): "a subscription payment succeeds",
    (
        "fraud_held",
        'fact.answer in ["yes", "no", "unclear"]',
    ): "a person must decide about a suspicious payment, and somebody answered",
}
_KNOWN_VARIANTS: Final = {
    "fact.is_subscription": "for a subscription",
    'fact.about == "payment"': "for a one-off payment",
    'fact.about == "invoice"': "for an invoice",
    "fact.will_retry": "while Stripe goes on trying",
    'fact.suspicion == "warning"': "for a bank's warning",
    'fact.capture == "blocked"': "for a payment that was blocked",
    "fact.last_attempt": "after Stripe's last try",
    'fact.decline_kind == "confirm"': "where the bank wants a confirmation",
    'fact.decline_kind == "new_card"': "where a new card is needed",
    'fact.will_retry && fact.decline_kind in ["no_funds", "try_again"]': "while Stripe goes on trying a good card",
    'fact.billing_reason == "subscription_create"': "for the first payment of a subscription",
    'fact.billing_reason == "subscription_cycle"': "for a renewal",
    'fact.customer_metadata.segment == "enterprise"': "for enterprise customers",
    "fact.is_inquiry": "for an inquiry",
    'fact.refund_status == "canceled"': "where it was cancelled",
    "fact.card_expires_first": "where the card expires before",
    "!fact.method_on_file": "where there is nothing to pay with",
    "fact.is_empty": "where nothing happened",
    'fact.interval == "month" && fact.interval_count == 1': "for a monthly one",
    'fact.interval == "year" && fact.interval_count == 1': "for a yearly one",
    'fact.change == ["date"]': "where only the day of the next bill moved",
}
_KNOWN_CHOICES: Final = {"fact.capture": "how the payment stands", "fact.done": "what was done"}
_ANCHORS: Final = {"evidence_due": "the evidence is due"}
_VERBS: Final[dict[Channel, str]] = {"sms": "text", "voice": "call", "whatsapp": "write by WhatsApp to"}
_ABOVE: Final = re.compile(r"above\.(\w+)")
_EQUAL: Final = re.compile(r'fact\.(?!about)(\w+) == "(\w+)"')
_REPEATS: Final = {
    OnRepeat.CONTINUE: "If it happens again, the same messages go on with the newest words",
    OnRepeat.SAY_AGAIN: "Each time it happens again, say the first message again",
    OnRepeat.RESTART: "If it happens again, stop and begin anew",
}


def explain(rules: Rules) -> tuple[str, ...]:
    """One paragraph a rule, in the order in which they are tried."""
    seen: set[str] = set()
    heads, notes = schedule_sentences.heads(rules.schedules), schedule_sentences.notes(rules.schedules)
    introduced: set[str] = set()
    paragraphs = []
    for rule in rules.rules:
        if rule.implied:
            paragraphs.append(_scheduled(rule, heads[rule.on], notes.get(rule.on, "")))
            continue
        if rule.on in heads and rule.on not in introduced:
            introduced.add(rule.on)
            paragraphs.append(f"{heads[rule.on]}: see the next line.")
        paragraphs.append(_rule(rule, later=rule.flow in seen))
        seen.add(rule.flow)
    paragraphs += [
        f"The webhook {name} has no address, because its variable is not set: it is not called."
        for name, webhook in rules.webhooks.items()
        if not webhook.url
    ]
    if _nobody_hears(rules):
        paragraphs.append(
            "A person must decide where the answers leave it open, and no team hears of it (fraud_held): "
            "look at `ingest-service decisions held`, or put somebody into the team of such a flow."
        )
    return tuple(paragraphs)


def _nobody_hears(rules: Rules) -> bool:
    asking = (rule.asks for rule in rules.rules if rule.on == "fraud_suspected" and rule.asks is not None)
    left_open = any(Action.ASK_TEAM in line.actions for asks in asking for line in asks.answers)
    heard = (rule.on == "fraud_held" and isinstance(rule.to, Team) and not rule.off for rule in rules.rules)
    return left_open and not any(heard)


def _scheduled(rule: Rule, head: str, note: str) -> str:
    if rule.off:
        return f"Off, because {rule.off}: {head[0].lower()}{head[1:]}."
    sentence = f"{head}: {', then '.join(_run(rule, run) for run in _runs(rule.steps))}."
    return " ".join(part for part in (sentence, _variant(rule.variant), note) if part)


def _rule(rule: Rule, *, later: bool) -> str:
    happens = _happens(rule)
    if rule.off:
        return f"Off, because {rule.off}: when {happens}."
    begin = f"Otherwise, when {happens}" if later else f"When {happens}"
    sentence = f"{begin}: {', then '.join(_run(rule, run) for run in _runs(rule.steps))}."
    if rule.in_turn is not None and isinstance(rule.to, Team):
        sentence = f"{sentence} {_in_turn(rule.in_turn, rule.to)}"
    repeats = len(rule.steps) > 1 or rule.on_repeat != OnRepeat.CONTINUE
    asked = explain_asks(rule.asks, team=isinstance(rule.to, Team)) if rule.asks is not None else ""
    rest = [_variant(rule.variant), asked, f"{_REPEATS[rule.on_repeat]}." if repeats else ""]
    return " ".join(part for part in (sentence, *rest) if part)


def _in_turn(turn: InTurn, team: Team) -> str:
    order = f"first whom {turn.first} names, then the others in their order" if turn.first else "in their order"
    last = ""
    if turn.nobody is not None:
        last = f"; where nobody does, {_team(turn.nobody)} after the last of them"
    each = f"each {durations.say(turn.every)} after the one before, until somebody acknowledges"
    return f"They are asked one after the other, {order}, {each}{last}." if len(team.members) > 1 or last else ""


def _happens(rule: Rule) -> str:
    if rule.when is None:
        return FACT_KINDS[rule.on].happens
    known = _KNOWN_CONDITIONS.get((rule.on, _plain(rule.when)))
    limit = _ABOVE.fullmatch(_plain(rule.when))
    if limit:
        return f"{FACT_KINDS[rule.on].happens} above the limit {limit[1]}"
    return known or f"{FACT_KINDS[rule.on].happens} and {rule.when.source}"


def _plain(condition: Condition) -> str:
    return condition.source.replace("'", '"').strip()


def _runs(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Steps that say the same in the same way, one after the other."""

    def way(step: Step) -> tuple[object, ...]:
        return (
            step.webhook,
            step.channels,
            step.template,
            step.not_after,
            step.if_not_now,
            step.unless and _plain(step.unless),
            step.next_number,
        )

    for _, run in groupby(steps, key=way):
        yield list(run)


def _run(rule: Rule, run: Sequence[Step]) -> str:
    first = run[0]
    if first.webhook:
        return f"call the webhook {first.webhook} {', '.join(_when(step) for step in run)}"
    who = "the customer" if rule.to == "customer" else _team(rule.to)
    verb = " or else ".join(_VERBS[channel] for channel in first.channels)
    times = [_when(step) for step in run]
    when = times[0] if len(times) == 1 else f"{', '.join(times[:-1])} and {times[-1]}"
    return f"{verb} {who} {when} ({'; '.join((first.template, *_notes(first)))})"


def _when(step: Step) -> str:
    if step.before is not None:
        return f"{durations.say(step.before)} before {_ANCHORS[step.of]}"
    return "at once" if step.after == timedelta(0) else f"after {durations.say(step.after)}"


def _notes(step: Step) -> Iterator[str]:
    yield f"of use for {durations.say(step.not_after)}"
    if step.next_number:
        yield "at their next number, if they gave one"
    if step.unless is not None:
        known = _KNOWN_VARIANTS.get(_plain(step.unless))
        yield f"not {known}" if known else f"not if {step.unless.source}"
    match step.if_not_now:
        case IfNotNow.HAND_BACK:
            pass
        case IfNotNow.HOLD:
            yield "waits for its turn without being looked at again"
        case IfNotNow.DROP:
            yield "dropped where it may not go at once"
        case _:
            assert_never(step.if_not_now)


def _team(team: Team) -> str:
    return f"the {team.name} team ({len(team.members)} {'person' if len(team.members) == 1 else 'people'})"


def _variant(variant: Variant) -> str:
    if not variant.lines:
        return ""
    if len(variant.lines) == 1 and variant.lines[0][0] is None and isinstance(variant.lines[0][1], str):
        return f"Words: {variant.lines[0][1]}."
    parts: list[str] = []
    for when, use in variant.lines:
        named = _KNOWN_CHOICES.get(use.source, f"what `{use.source}` says") if isinstance(use, Choice) else use
        parts.append(f"{named} {_if(when)}" if when else f"{named} otherwise" if parts else named)
    return f"Words: {', '.join(parts)}."


def _if(when: Condition) -> str:
    if known := _KNOWN_VARIANTS.get(_plain(when)):
        return known
    equal = _EQUAL.fullmatch(_plain(when))
    return f"where the {equal[1].replace('_', ' ')} is {equal[2].replace('_', ' ')}" if equal else f"if {when.source}"
