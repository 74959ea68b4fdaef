"""What one event says, by the kind of object it is about: a module a kind. Pure.

An event never decides alone whether somebody is written to: a draft of a fact is settled with everything else that is known
(see resolving).
"""

from collections.abc import Callable
from typing import Final

from ingest_service.folding.effects import Effects, Event
from ingest_service.folding.tellers.customers import tell_customer
from ingest_service.folding.tellers.disputes import tell_dispute
from ingest_service.folding.tellers.invoices import tell_invoice, tell_invoice_payment
from ingest_service.folding.tellers.methods import tell_method
from ingest_service.folding.tellers.payments import tell_charge, tell_payment, tell_session
from ingest_service.folding.tellers.refunds import tell_refund
from ingest_service.folding.tellers.subscriptions import tell_subscription
from ingest_service.folding.tellers.suspicions import tell_review, tell_warning

Teller = Callable[[Event], Effects]
TELLERS: Final[tuple[tuple[str, Teller], ...]] = (
    ("invoice_payment.", tell_invoice_payment),
    ("invoice.", tell_invoice),
    ("payment_intent.", tell_payment),
    ("charge.dispute.", tell_dispute),
    ("charge.", tell_charge),
    ("checkout.session.", tell_session),
    ("refund.", tell_refund),
    ("review.", tell_review),
    ("radar.early_fraud_warning.", tell_warning),
    ("customer.subscription.", tell_subscription),
    ("customer.", tell_customer),
    ("payment_method.", tell_method),
)


def effects(event: Event) -> Effects:
    """What the event says.

    Raises:
        MalformedError: where its object lacks what every such object has.
    """
    for prefix, tell in TELLERS:
        if event.type.startswith(prefix):
            return tell(event)
    return Effects()
