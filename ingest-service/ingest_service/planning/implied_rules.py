"""The messages that a schedule's line stands for, unless a flow of the file speaks of its facts itself. Pure."""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta

from ingest_service.planning.conditions import Condition, condition
from ingest_service.planning.document import Reader
from ingest_service.planning.rules import IfNotNow, IfUnresolved, MessageClass, OnRepeat, Rule, Step, Team, Variant
from ingest_service.planning.schedules import MAKES, DigestTime, Reminders, Schedules


def implied(schedules: Schedules, rules: Sequence[Rule], teams: Mapping[str, Team]) -> tuple[Rule, ...]:
    """One rule for each schedule whose facts no flow speaks of."""
    spoken = {rule.on for rule in rules}
    renewal, trial, card = schedules.renewal_reminders, schedules.trial_reminders, schedules.card_reminders
    made: list[Rule] = []
    if renewal is not None:
        words = (
            (condition("fact.card_expires_first"), "expiring_card"),
            (condition('fact.interval == "year"'), "annual"),
        )
        made.append(_reminder("renewal_reminders", "renewal_due", "renewal_reminder", renewal, Variant(words)))
    if trial is not None:
        # a trial that was shortened to less than three days is announced by Stripe at once, on whatever day that is
        when = condition(f"fact.days_before in {list(trial.days)} || fact.days_before < 3")
        no_card = Variant(((condition("!fact.method_on_file"), "no_card"),))
        made.append(_reminder("trial_reminders", "trial_ending", "trial_ending", trial, no_card, when))
    if card is not None:
        made.append(_reminder("card_reminders", "card_expiring", "card_expiring", card, Variant()))
    if schedules.digest is not None and (team := teams.get(schedules.digest.to.removeprefix("team:"))):
        made.append(_digest(schedules.digest, team))
    return tuple(rule for rule in made if rule.on not in spoken)


def unmade(schedules: Schedules, rules: Sequence[Rule], reader: Reader) -> None:
    """Notes flows about facts that nothing makes."""
    for rule in rules:
        name = MAKES.get(rule.on)
        if name is not None and getattr(schedules, name) is None:
            reader.note(rule.line, f'nothing makes "{rule.on}"', f'Add "{name}: …" below "schedules:"')


def of_use(at: time) -> timedelta:
    """For how long a reminder that is due at this time of day is of use: until its day ends.

    An hour less than until midnight, because a day in spring has only 23; at least half an hour.
    """
    left = timedelta(hours=23) - timedelta(hours=at.hour, minutes=at.minute)
    return max(left, timedelta(minutes=30))


def _reminder(
    name: str, kind: str, template: str, reminders: Reminders, variant: Variant, when: Condition | None = None
) -> Rule:
    step = _step(template, of_use(reminders.at), reminders.line, MessageClass.TRANSACTIONAL)
    repeat = OnRepeat.SAY_AGAIN
    return Rule(name, name, kind, when, "customer", variant, repeat, (step,), reminders.line, implied=True)


def _digest(digest: DigestTime, team: Team) -> Rule:
    step = _step("digest", timedelta(hours=12), digest.line, MessageClass.TEAM)
    variant = Variant(((condition("fact.is_empty"), "nothing"),))
    repeat = OnRepeat.CONTINUE
    return Rule("digest", "digest", "digest", None, team, variant, repeat, (step,), digest.line, implied=True)


def _step(template: str, of_use_for: timedelta, line: int, message_class: MessageClass) -> Step:
    return Step(
        after=timedelta(0),
        channels=("sms",),
        template=template,
        not_after=of_use_for,
        if_not_now=IfNotNow.HAND_BACK,
        if_unresolved=IfUnresolved.RESEND_ONCE,
        message_class=message_class,
        values=None,
        line=line,
    )
