"""The kinds of facts there are: what each one means in words, and whether it can become false. Pure.

A further kind is a line here, a teller that makes it (folding/tellers), and rules and templates that speak of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact.

    Attributes:
        happens: what happened, as it stands behind "when": "a payment fails".
        stays_true: whether it cannot become false, so that nothing needs to be looked up before it is told.
    """

    happens: str
    stays_true: bool


FACT_KINDS: Final[Mapping[str, FactKind]] = {
    "payment_failed": FactKind("a payment fails", stays_true=False),
    "payment_recovered": FactKind("a payment that had failed succeeds", stays_true=True),
    "payment_succeeded": FactKind("a payment succeeds", stays_true=True),
    "refund_issued": FactKind("a refund is issued", stays_true=True),
    "refund_failed": FactKind("a refund fails", stays_true=True),
    "dispute_opened": FactKind("a payment is disputed", stays_true=False),
    "dispute_closed": FactKind("a dispute is decided", stays_true=True),
    "first_payment": FactKind("a customer pays for the first time", stays_true=True),
    "fraud_suspected": FactKind("a payment looks like fraud", stays_true=False),
    "fraud_confirmed_safe": FactKind("a customer says that a suspicious payment was theirs", stays_true=True),
    "fraud_stopped": FactKind("a payment is stopped as fraud", stays_true=True),
    "fraud_held": FactKind("a person must decide about a suspicious payment", stays_true=True),
    "subscription_started": FactKind("a subscription begins", stays_true=True),
    "subscription_ended": FactKind("a subscription ends", stays_true=True),
    "subscription_changed": FactKind("a subscription's plan, price, interval or billing date changes", stays_true=True),
    "renewal_due": FactKind("a subscription is about to renew", stays_true=False),
    "trial_ending": FactKind("a trial is about to end", stays_true=False),
    "card_expiring": FactKind("a card that a subscription is paid with is about to expire", stays_true=False),
    "digest": FactKind("a day is closed", stays_true=True),
}
