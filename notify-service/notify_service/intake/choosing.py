"""Which of a person's numbers a message goes to: the first, in the order given, that it may go to. Pure."""

import datetime
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from notify_service.consent.number import Number
from notify_service.consent.verdicts import Verdicts
from notify_service.intake.decision import Go, Stop, decide
from notify_service.intake.grants import entries_of, foresee
from notify_service.intake.preparing import AccountInForce, Prepared

NOBODY: Final = uuid.UUID(int=0)
"""Stands for the address of a number that has none yet."""


def numbers_of(items: Iterable[Prepared]) -> list[Number]:
    """All numbers that these items may go to."""
    return [choice.number for item in items for choice in (item.choice, *item.others) if choice.number is not None]


def choose(item: Prepared, known: Mapping[str, Verdicts], in_force: AccountInForce, now: datetime.datetime) -> Prepared:
    """The item with the first of its numbers that a wanted channel reaches and may use.

    A landline without consent to calls must not stand before a mobile that may be texted. An opt-out ends the search: what comes
    behind it would be a way around it. Where none may be used it stays with the first, whose reason is told. `known`: what the gates of
    numbers say that have one.
    """
    refused = item.choice.refused
    for choice in (item.choice, *item.others) if item.others else ():
        tried = replace(item, choice=replace(choice, refused=refused))
        outcome = foreseen(tried, known, None, in_force, now)
        if isinstance(outcome, Go):
            return tried
        if outcome.reason not in ("no_consent", "country_not_allowed", "sender_misconfigured"):
            break
        refused = (*refused, (item.request.addresses[choice.index].candidate.source, "not_allowed"))
    return item


def foreseen(
    item: Prepared,
    known: Mapping[str, Verdicts],
    cancelled_as_of: datetime.datetime | None,
    in_force: AccountInForce,
    now: datetime.datetime,
) -> Go | Stop:
    """What would become of an item, with what it says about consent itself."""
    number = item.choice.number
    verdicts = (known.get(number.e164) if number is not None else None) or Verdicts()
    after = foresee({NOBODY: verdicts}, entries_of(item, NOBODY, verdicts))[NOBODY]
    outcome, _ = decide(item.request, item.choice, after, cancelled_as_of, in_force.account, in_force.policy, now)
    return outcome
