"""What events about subscriptions say: begun, ended, changed, a trial that comes to its end. Pure."""

from typing import Any, Final

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, without_none
from ingest_service.folding.tellers.subscription_changes import change_of
from ingest_service.inbox.lanes import RECEIPT

ENDED: Final = ("canceled", "incomplete_expired")
RUNNING: Final = ("active", "trialing")


def tell_subscription(event: Event) -> Effects:
    """Everything one event says of a subscription."""
    said = parse.subscription(event.obj)
    ended = event.type == "customer.subscription.deleted" or said.status in ENDED
    told = SubjectTold(said.id, "subscription", said.status, said.customer, remembered(said))
    if ended:
        draft = _draft(said, "subscription_ended", said.id, "ended", {})
        drafts = (draft,) if event.type == "customer.subscription.deleted" else ()
        return Effects(subjects=(told,), drafts=drafts, ended_subscription=said.id)
    announced = None
    if event.type == "customer.subscription.trial_will_end" and said.status == "trialing" and said.trial_end:
        announced = (said.id, said.trial_end) if said.trial_end > event.created_at.timestamp() else None
    return Effects(subjects=(told,), drafts=_drafts(event, said), announced_trial=announced)


def remembered(said: parse.Subscription) -> dict[str, Any]:
    """What our own record keeps of a subscription: when its period ends, whether it goes on by itself then, how long one is, which its
    bills do not say, and which currency is shown.
    """
    return {
        "period_end": str(said.period_end or ""),
        "trial_end": str(said.trial_end or ""),
        "renews": "no" if said.ends_itself or said.paused else "yes",
        "every": " ".join(map(str, said.every)) if said.interval else "",
        "shown_in": said.shown_in,
    }


def _drafts(event: Event, said: parse.Subscription) -> tuple[Draft, ...]:
    begun = event.type == "customer.subscription.created" or event.previous.get("status") == "incomplete"
    if begun and said.status in RUNNING:
        return (_draft(said, "subscription_started", said.id, "started", {}),)
    change = change_of(event) if event.type == "customer.subscription.updated" and said.status in RUNNING else None
    if change is None:
        return ()
    more = {"change": list(change.what), "next_bill_at": said.period_end, "interval_count": change.interval_count}
    return (_draft(said, "subscription_changed", f"{said.id}:{change.name}", f"changed:{change.name}", more),)


def _draft(said: parse.Subscription, kind: str, name: str, concern: str, more: dict[str, Any]) -> Draft:
    product = next((item.product for item in said.items if item.product), "")
    amount = said.listed_amount
    return Draft(
        kind=kind,
        key=f"{kind}:{name}",
        concern=f"subscription:{said.id}/{concern}",
        subject_id=said.id,
        customer_id=said.customer,
        lane=RECEIPT,
        amount=amount or 0,
        currency=said.currency if amount is not None else "",  # an amount that nobody knows is not told as zero
        attributes=without_none({
            "subscription": said.id, "interval": said.interval, "subscription_metadata": said.metadata, **more,
            "product_ids": [item.product for item in said.items if item.product],
            "price_ids": [item.price for item in said.items if item.price],
            "product_names": [item.plan_name for item in said.items if item.plan_name],
        }) | {"is_subscription": True},
        need="product" if kind == "subscription_changed" else "",
        need_id=product if kind == "subscription_changed" else "",
    )  # fmt: skip
