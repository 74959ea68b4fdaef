"""What events about customers and their subscriptions say. Pure."""

from ingest_service.folding import parse
from ingest_service.folding.effects import Effects, Event, SubjectTold


def tell_customer(event: Event) -> Effects:
    customer = parse.customer(event.obj, event.previous)
    if event.type == "customer.deleted":
        customer = parse.Customer(customer.id, True, "", (), (), {}, {})  # noqa: FBT003 - deleted
    return Effects(customer=customer)


def tell_subscription(event: Event) -> Effects:
    identity, status = parse.need_id(event.obj, "subscription"), parse.text(event.obj, "status")
    told = SubjectTold(identity, "subscription", status, parse.text(event.obj, "customer"), {})
    ended = event.type == "customer.subscription.deleted" or status in ("canceled", "incomplete_expired")
    return Effects(subjects=(told,), ended_subscription=identity if ended else "")
