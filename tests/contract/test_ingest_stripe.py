"""Every field that ingest reads of Stripe's objects is one that Stripe has, and every event it handles exists."""

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest_service.accounts import Account
from ingest_service.folding import parse
from ingest_service.folding.effects import Event
from ingest_service.folding.tellers import effects
from ingest_service.inbox import envelope
from ingest_service.inbox.lanes import HANDLED
from ingest_service.submitting import truth
from ingest_service.submitting.announced import announced_otherwise

FOLDER = Path(__file__).parents[3] / "shared/contract/stripe"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="Stripe's examples do not lie beside the clone (shared/contract/stripe)"
)

Reader = Callable[[Mapping[str, Any]], Any]


def told(event_type: str) -> Reader:
    """Whatever is read of the object of such an event."""
    return lambda obj: effects(Event("evt_1", event_type, datetime.datetime.now(datetime.UTC), obj))


def judged(obj: Mapping[str, Any]) -> Any:
    """Whatever is read to see whether it is over."""
    return truth.judge(obj, {"kind": "payment_failed"})


MAIN = Account("main", None, False, "sk_test_x", (), "US", "UTC", None)  # noqa: FBT003 - test mode

READERS: tuple[tuple[str, str, Reader], ...] = (
    ("a bill", "invoice", parse.invoice),
    ("a payment", "payment_intent", parse.payment),
    ("a charge", "charge", parse.charge),
    ("a refund", "refund", parse.refund),
    ("a customer", "customer", parse.customer),
    ("a checkout", "checkout.session", parse.session),
    ("a dispute", "dispute", parse.dispute),
    ("what was bought", "item", lambda obj: parse.bought({"data": [obj]})),
    ("a price", "price", parse.every),
    ("what a bill was paid by", "invoice_payment", told("invoice_payment.paid")),
    ("a subscription", "subscription", told("customer.subscription.updated")),
    ("a subscription that is listed", "subscription", parse.subscription),
    ("a payment method", "payment_method", parse.method),
    ("whether a renewal comes", "subscription", lambda obj: announced_otherwise(obj, "renewal_due", {})),
    ("whether a trial ends", "subscription", lambda obj: announced_otherwise(obj, "trial_ending", {})),
    ("whether a card ends", "payment_method", lambda obj: announced_otherwise(obj, "card_expiring", {})),
    ("whether a bill is over", "invoice", judged),
    ("whether a payment is over", "payment_intent", judged),
    ("whether a charge is over", "charge", judged),
    ("whether a dispute is over", "dispute", judged),
    ("a charge under suspicion", "charge", parse.suspect),
    ("a review", "review", told("review.opened")),
    ("a bank's warning", "radar.early_fraud_warning", told("radar.early_fraud_warning.created")),
    ("an event", "event", lambda obj: envelope.arrival(MAIN, obj, b"", "webhook", datetime.datetime.now(datetime.UTC))),
)
"""What is read, of which kind of object, and who reads it."""

ONLY_BEFORE_BASIL = {
    "invoice": {"payment_intent", "subscription", "subscription_details", "lines.data[].price", "lines.data[].plan"},
    "payment_intent": {"invoice"},
    "charge": {"invoice", "dispute"},
    "subscription": {"current_period_start", "current_period_end"},
}  # fmt: skip
"""What 2025-03-31.basil took away (docs.stripe.com/changelog/basil)."""

ONLY_SINCE_ENDIVE = {"refund": {"customer"}}
"""What 2026-10-28.endive added, after the examples were made."""

ONLY_WHERE_IT_IS = {
    "payment_intent": {"last_payment_error", "presentment_details"},
    "checkout.session": {"presentment_details"},
    "subscription": {"presentment_details"},
    "customer": {"deleted"},
    "charge": {"presentment_details", "payment_method_details.card.capture_before"},
    "refund": {"presentment_details", "failure_reason"},
    "invoice": {
        "lines.data[].pricing.price_details",
        "parent.subscription_details.subscription.status",
        "subscription.status",
    },
    "invoice_payment": {"payment.payment_intent", "payment.charge"},
    "review": {"payment_intent"},
    "radar.early_fraud_warning": {"payment_intent"},
    "event": {"account"},
}
"""What the examples leave out or null, and the SDK's types know; what lies below is known to them as well."""


class Asked(Mapping[str, Any]):
    """An object that notes every path it is asked for; whatever is asked, there is more below."""

    def __init__(self, path: str, found: set[str], known: Any) -> None:
        """``known`` is Stripe's own example, or what is left of it down here."""
        self._path, self._found, self._known = path, found, known

    def _below(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def get(self, key: str, default: Any = None) -> Any:
        """Notes the path; gives the example's own value, or something to read on in."""
        del default
        below = self._below(key)
        self._found.add(below)
        value = self._known.get(key) if isinstance(self._known, Mapping) else None
        if isinstance(value, list) or key == "data":
            first = value[0] if value else {}
            return [Asked(f"{below}[]", self._found, first)]
        if isinstance(value, (str, int, bool)) and key != "id":
            return value
        return "id_1" if key == "id" else Asked(below, self._found, value)

    def __getitem__(self, key: str) -> Any:
        """As ``get``."""
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        """Everything is there."""
        return True

    def __iter__(self) -> Iterator[str]:
        """Nothing can be counted."""
        return iter(())

    def __len__(self) -> int:
        """Nothing can be counted."""
        return 0


def asked_of(reader: Reader, example: Mapping[str, Any]) -> set[str]:
    """Every path that a reader asks for."""
    found: set[str] = set()
    reader(Asked("", found, example))
    return found


def exists(path: str, example: Any) -> bool:
    """Whether the example has this path; below what is null or empty nothing can be said."""
    for part in path.split("."):
        name, many = part.removesuffix("[]"), part.endswith("[]")
        if example is None or example == {}:
            return True
        if not isinstance(example, Mapping) or name not in example:
            return False
        example = example[name]
        if many:
            example = example[0] if isinstance(example, list) and example else None
    return True


@pytest.mark.parametrize(("kind", "reader"), [each[1:] for each in READERS], ids=[each[0] for each in READERS])
def test_every_field_that_is_read_is_stripes(kind: str, reader: Reader) -> None:
    examples = json.loads((FOLDER / "fixtures3.json").read_text())["resources"]
    example = examples[kind]
    allowed = (
        ONLY_BEFORE_BASIL.get(kind, set()) | ONLY_SINCE_ENDIVE.get(kind, set()) | ONLY_WHERE_IT_IS.get(kind, set())
    )
    invented = {
        path
        for path in asked_of(reader, example)
        if not exists(path, example) and not any(path == one or path.startswith(f"{one}.") for one in allowed)
    }
    assert invented == set()


def test_every_event_type_that_is_handled_exists() -> None:
    known = set(json.loads((FOLDER / "event-types.json").read_text())["enabled_events"])
    assert known >= HANDLED
