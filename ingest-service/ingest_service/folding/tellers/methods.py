"""What events about payment methods say: a card was renewed, or is gone. Pure."""

from ingest_service.folding import parse
from ingest_service.folding.effects import Effects, Event, SubjectTold


def tell_method(event: Event) -> Effects:
    """When the card ends, so that nobody is warned of a card that was replaced."""
    said = parse.method(event.obj)
    status = "detached" if event.type == "payment_method.detached" else "attached"
    expires = f"{said.expires[0]:04d}-{said.expires[1]:02d}" if said.expires else ""
    return Effects(subjects=(SubjectTold(said.id, "payment_method", status, said.customer, {"expires": expires}),))
