"""Does what a reminder announced still come? Read from a subscription or a card as Stripe gives it. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ingest_service.folding import parse

REMINDERS: Final = frozenset({"renewal_due", "trial_ending", "card_expiring"})
"""Facts that announce something."""

Json = Mapping[str, Any]


def announced_otherwise(obj: Json, kind: str, told: Json) -> str | None:
    """Why it does not come as announced; None where it does. `told` are the fact's attributes."""
    match kind:
        case "renewal_due":
            return _renewal(obj, told)
        case "trial_ending":
            return _trial(obj, told)
        case _:
            return _card(obj, told)


def _renewal(obj: Json, told: Json) -> str | None:
    said = parse.subscription(obj)
    if said.status != "active":
        return f"the subscription is {said.status}"
    if said.ends_itself or said.paused:
        return "the subscription does not renew by itself"
    if said.period_end is None or said.period_end != told.get("period_end"):
        return "the subscription renews on another day"
    method = parse.default_method(obj)
    if told.get("card_expires_first") and method is not None and method.expires is not None:
        renews = datetime.fromtimestamp(said.period_end, UTC)
        # a zone may put the renewal a day, and with it a month, later or earlier: a card good for that month is good
        return "the card was renewed" if method.expires >= (renews.year, renews.month) else None
    return None


def _trial(obj: Json, told: Json) -> str | None:
    said = parse.subscription(obj)
    if said.status != "trialing":
        return f"the subscription is {said.status}"
    if said.ends_itself:
        return "the subscription ends with its trial"
    return "the trial ends on another day" if said.trial_end != told.get("trial_end") else None


def _card(obj: Json, told: Json) -> str | None:
    said, card = parse.method(obj), told.get("card") or {}
    if not said.customer:
        return "the card was taken away"
    expires = (card.get("exp_year"), card.get("exp_month"))
    return "the card was renewed" if said.expires is not None and said.expires != expires else None
