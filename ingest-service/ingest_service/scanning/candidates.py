"""Which of the subscriptions that Stripe lists are worth a reminder, and what each reminder says. Pure.

Each gives a draft of a fact, as an event does; its key names it for ever, so that reading a page twice is free.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, SubjectTold, without_none
from ingest_service.folding.tellers.subscriptions import remembered
from ingest_service.inbox.lanes import RECEIPT
from ingest_service.planning.schedules import Renewals, Who
from ingest_service.scanning import windows

Json = Mapping[str, Any]

ZERO: Final = "nothing is due then"
TOO_LITTLE: Final = "its bill is below the limit of the schedule"
NO_PREVIEW: Final = "Stripe gives no preview of its bill"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reminder that is worth sending, as far as the list says.

    Attributes:
        bill_of: the subscription whose next bill tells the amount; ``""`` where none does.
        customer: as they were listed; None where the list does not say.
        at_least: minor units that its bill must come to, where the prices do not say whether it does.
    """

    draft: Draft
    bill_of: str
    subject: SubjectTold
    customer: parse.Customer | None
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What a scan asks of each subscription: the scan, the day it looks at, for whom, and in which zone days are counted."""

    scan: str
    day: date
    who: Who
    zone: ZoneInfo


def candidate(obj: Json, question: Question) -> Candidate | None:
    """What becomes of one listed subscription; None where there is nothing to remind of.

    Raises:
        MalformedError: where it has no id.
    """
    said, method = parse.subscription(obj), parse.default_method(obj)
    if said.ends_itself or said.paused:
        return None
    match question.scan.partition(":")[0]:
        case "renewal":
            return _renewal(obj, said, method, question)
        case "trial":
            offset = windows.offset_of(question.scan)
            return trial(obj, offset) if said.trial_end and _on_day(said.trial_end, question) else None
        case _:
            return _card(obj, said, method, question)


def _renewal(obj: Json, said: parse.Subscription, method: parse.Method | None, question: Question) -> Candidate | None:
    if said.status != "active" or said.period_end is None or not _on_day(said.period_end, question):
        return None
    at_least = fits(said, method, question)
    if said.listed_amount == 0 or at_least is None:
        return None
    offset = windows.offset_of(question.scan)
    draft = _draft(
        said, method, kind="renewal_due", key=f"renewal:{said.id}:{said.period_end}:{offset}",
        concern=f"subscription:{said.id}/renewal:{said.period_end}",
        more={"period_end": said.period_end, "days_before": offset},
        flags={"card_expires_first": expires_first(method, question.day)},
    )  # fmt: skip
    return Candidate(draft, said.id, _subject(said), _customer(obj), at_least)


def trial(obj: Json, offset: int) -> Candidate | None:
    """The end of a trial, so many days before; None where the subscription is not on trial."""
    said, method = parse.subscription(obj), parse.default_method(obj)
    if said.status != "trialing" or said.trial_end is None or said.listed_amount == 0:
        return None
    draft = _draft(
        said, method, kind="trial_ending", key=f"trial:{said.id}:{said.trial_end}:{offset}",
        concern=f"subscription:{said.id}/trial:{said.trial_end}",
        more={"trial_end": said.trial_end, "days_before": offset},
        flags={"method_on_file": method is not None},
    )  # fmt: skip
    return Candidate(draft, said.id, _subject(said), _customer(obj))


def _card(obj: Json, said: parse.Subscription, method: parse.Method | None, question: Question) -> Candidate | None:
    if said.status != "active" or method is None or method.expires != (question.day.year, question.day.month):
        return None
    offset, month = windows.offset_of(question.scan), f"{question.day:%Y-%m}"
    draft = _draft(
        said, method, kind="card_expiring", key=f"cardexp:{method.id}:{month}:{offset}",
        concern=f"card:{method.id}/expiring:{month}", more={"days_before": offset}, flags={},
    )  # fmt: skip
    draft = replace(draft, subject_id=method.id, amount=0, currency="")
    subject = SubjectTold(method.id, "payment_method", "attached", said.customer, {"expires": month})
    return Candidate(draft, "", subject, _customer(obj))


def fits(said: parse.Subscription, method: parse.Method | None, question: Question) -> int | None:
    """Whether this renewal is one of those that are reminded of: None if not, else what its bill must come to at least."""
    who = question.who
    charged = said.collection_method == "charge_automatically"
    if (
        Renewals.ALL in who.kinds
        or (Renewals.ANNUAL in who.kinds and said.is_yearly)
        or (Renewals.EXPIRING_CARD in who.kinds and charged and expires_first(method, question.day))
    ):
        return 0
    limit = who.above.get(said.currency)
    if limit is None or said.listed_amount is None:
        return limit
    return 0 if said.listed_amount >= limit else None


def expires_first(method: parse.Method | None, day: date) -> bool:
    """Whether the card does not live to see the day: it is good until the end of its month."""
    return method is not None and method.expires is not None and method.expires < (day.year, day.month)


def billed(one: Candidate, bill: Json | None) -> Draft:
    """The draft with the amount and the words of the next bill; None: Stripe gives none."""
    if bill is None:
        return replace(one.draft, give_up=NO_PREVIEW)
    preview = parse.invoice({"id": "upcoming", **bill})
    names = [line.description for line in preview.lines if line.description]
    attributes = {**one.draft.attributes, "product_names": names} if names else one.draft.attributes
    give_up = ZERO if preview.amount_due <= 0 else TOO_LITTLE if preview.amount_due < one.at_least else ""
    return replace(
        one.draft, amount=preview.amount_due, currency=preview.currency, attributes=attributes, give_up=give_up
    )


def missed(one: Candidate, day: date) -> Draft:
    """The draft of a reminder whose day is over."""
    return replace(one.draft, give_up=f"missed: its day ({day.isoformat()}) was over before it could be told")


def offset_between(trial_end: int, told_at: datetime) -> int:
    """How many days before its end Stripe announced a trial, to the nearest day."""
    return round((datetime.fromtimestamp(trial_end, UTC) - told_at).total_seconds() / 86_400)


def _on_day(moment: int, question: Question) -> bool:
    return windows.local_day(datetime.fromtimestamp(moment, UTC), question.zone) == question.day


def _subject(said: parse.Subscription) -> SubjectTold:
    return SubjectTold(said.id, "subscription", said.status, said.customer, remembered(said))


def _customer(obj: Json) -> parse.Customer | None:
    held = obj.get("customer")
    return parse.customer(held) if isinstance(held, Mapping) else None


def _draft(
    said: parse.Subscription, method: parse.Method | None, *, kind: str, key: str, concern: str, more: Mapping[str, Any],
    flags: Mapping[str, bool],
) -> Draft:  # fmt: skip
    amount, card = said.listed_amount, method.card if method is not None else None
    return Draft(
        kind=kind,
        key=key,
        concern=concern,
        subject_id=said.id,
        customer_id=said.customer,
        lane=RECEIPT,
        amount=amount or 0,
        currency=said.currency if amount is not None else "",
        attributes=without_none({
            "subscription": said.id, "interval": said.interval, "subscription_metadata": said.metadata, **more,
            "interval_count": next((item.interval_count for item in said.items), None),
            "product_ids": [item.product for item in said.items if item.product],
            "price_ids": [item.price for item in said.items if item.price],
            "payment_method": method.id if method is not None else "", "card": card.to_json() if card is not None else None,
            "quantity": next((item.quantity for item in said.items), None),
        }) | {"is_subscription": True, **flags},
        country=card.country if card is not None else "",
    )  # fmt: skip
