"""One parser for Stripe's objects in the shapes of 2024-09-30.acacia to 2026-10-28.endive. Pure.

The shape of an event is that of its endpoint's API version; the shape of a read is that of the SDK. What moved in
2025-03-31.basil is read from either place (docs.stripe.com/changelog/basil). Enumerations are open: an unknown word stays as it is.
"""

from ingest_service.folding.parse.customers import Customer, customer
from ingest_service.folding.parse.disputes import Dispute, dispute
from ingest_service.folding.parse.fields import Card, Json, MalformedError, Snapshot, need_id, number, table, text
from ingest_service.folding.parse.invoices import Invoice, Line, invoice
from ingest_service.folding.parse.items import bought, plain_name
from ingest_service.folding.parse.methods import Method, default_method, method
from ingest_service.folding.parse.payments import Charge, Payment, charge, payment
from ingest_service.folding.parse.prices import every
from ingest_service.folding.parse.refunds import Refund, refund
from ingest_service.folding.parse.sessions import Session, session
from ingest_service.folding.parse.subscriptions import Item, Subscription, subscription
from ingest_service.folding.parse.suspects import Suspect, suspect, suspect_of_payment

__all__ = [
    "Card", "Charge", "Customer", "Dispute", "Invoice", "Item", "Json", "Line", "MalformedError", "Method", "Payment", "Refund", "Session",
    "Snapshot", "Subscription", "Suspect", "bought", "charge", "customer", "default_method", "dispute", "every", "invoice", "method", "need_id",
    "number", "payment", "plain_name", "refund", "session", "subscription", "suspect", "suspect_of_payment", "table", "text",
]  # fmt: skip
