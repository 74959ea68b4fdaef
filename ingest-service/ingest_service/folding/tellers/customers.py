"""What events about customers say. Pure."""

from ingest_service.folding import parse
from ingest_service.folding.effects import Effects, Event


def tell_customer(event: Event) -> Effects:
    customer = parse.customer(event.obj, event.previous)
    if event.type == "customer.deleted":
        customer = parse.Customer(customer.id, True, "", (), (), {}, {})  # noqa: FBT003 - deleted
    return Effects(customer=customer)
