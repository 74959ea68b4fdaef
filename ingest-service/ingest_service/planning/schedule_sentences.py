"""Explains schedules in plain English: what is looked for, when, and for whom. Pure."""

from collections.abc import Sequence
from datetime import time
from typing import Final

from ingest_service.planning.schedules import Renewals, Schedules, Who

_WHO: Final = {
    Renewals.EXPIRING_CARD: "its card expires before that",
    Renewals.ANNUAL: "it renews by the year",
}


def heads(schedules: Schedules) -> dict[str, str]:
    """By the kind of fact: when it is made, as it stands before a colon."""
    found: dict[str, str] = {}
    if (renewal := schedules.renewal_reminders) is not None:
        days, whose = _days(renewal.days), _whose(renewal.who)
        found["renewal_due"] = f"{_daily(renewal.at)}, for each subscription that renews in {days}{whose}"
    if (trial := schedules.trial_reminders) is not None:
        found["trial_ending"] = f"{_daily(trial.at)}, for each trial that ends in {_days(trial.days)}"
    if (card := schedules.card_reminders) is not None:
        found["card_expiring"] = (
            f"At {_clock(card.at)}, {_days(card.days)} before a month ends, for each card that ends with it "
            "and that a running subscription is paid with"
        )
    if (digest := schedules.digest) is not None:
        zone = f" in {digest.zone.key}" if digest.zone is not None else ""
        found["digest"] = f"{_daily(digest.at)}{zone}, with the day's figures"
    return found


def notes(schedules: Schedules) -> dict[str, str]:
    """By the kind of fact: what else is to be said behind the message."""
    digest = schedules.digest
    if digest is None:
        return {}
    return {"digest": "Where nothing happened, " + ("that is said." if digest.empty == "say" else "nothing is sent.")}


def _whose(who: Who) -> str:
    if Renewals.ALL in who.kinds:
        return ""
    reasons = [_WHO[kind] for kind in Renewals if kind in who.kinds]
    reasons += [
        f"it costs {amount} minor units of {currency.upper()} or more" for currency, amount in who.above.items()
    ]
    return f", where {' or '.join(reasons)}"


def _daily(at: time) -> str:
    return f"Every day at {_clock(at)}"


def _clock(at: time) -> str:
    return f"{at:%H:%M}"


def _days(days: Sequence[int]) -> str:
    words = [f"{day}" for day in days]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return f"{listed} day{'' if tuple(days) == (1,) else 's'}"
