"""Objects are kept in the newest shape; here they are written in the shape of another API version.

Sources: docs.stripe.com/changelog/basil (the reshaping of invoices, lines, subscriptions and payments),
/changelog/dahlia, /changelog/endive (fields that were added).
"""

from __future__ import annotations

import copy
from typing import Any, Final, Protocol

from paybell_sandbox.stripe.versions import BASIL, CLOVER, DAHLIA, NEWEST, is_before

Obj = dict[str, Any]

ADDED: Final[dict[str, dict[str, str]]] = {
    "refund": {"customer": NEWEST, "customer_account": NEWEST, "payment_method": NEWEST},
    "subscription": {
        "billing_mode": CLOVER,
        "billing_schedules": DAHLIA,
        "customer_account": DAHLIA,
        "managed_payments": DAHLIA,
        "status_details": NEWEST,
    },
    "invoice": {"customer_account": DAHLIA, "status_details": NEWEST},
    "payment_intent": {"customer_account": DAHLIA, "excluded_payment_method_types": CLOVER, "managed_payments": DAHLIA},
    "payment_method": {"customer_account": DAHLIA},
    "customer": {"customer_account": DAHLIA},
    "billing_portal.session": {"customer_account": DAHLIA, "after_expiration": NEWEST},
    "checkout.session": {"customer_account": DAHLIA, "managed_payments": DAHLIA},
    "line_item": {"quantity_decimal": DAHLIA, "subtotal": CLOVER},
}
"""Fields younger than basil: the version from which on an object of this kind has them."""


class Joins(Protocol):
    """What the old shape wrote on the object and the new one keeps elsewhere."""

    def find(self, identity: str | None) -> Obj | None: ...
    def payments_of(self, invoice: str) -> list[Obj]: ...
    def invoice_of(self, payment_intent: str | None) -> str | None: ...


def shaped(newest: Obj, old: Obj, version: str) -> Obj:
    """A fresh copy in the shape of `version`, from both shapes of one moment."""
    source = old if is_before(version, BASIL) else newest
    result: Obj = _trimmed(copy.deepcopy(source), version)
    return result


def rendered(obj: Obj, version: str, joins: Joins) -> Obj:
    """An object of now in the shape of `version`."""
    return shaped(obj, acacia(obj, joins) if is_before(version, BASIL) else obj, version)


def _trimmed(node: Any, version: str) -> Any:
    if isinstance(node, list):
        return [_trimmed(item, version) for item in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("object")
    added = ADDED.get(kind, {}) if isinstance(kind, str) else {}
    return {
        key: _trimmed(value, version)
        for key, value in node.items()
        if key not in added or not is_before(version, added[key])
    }


def acacia(obj: Obj, joins: Joins) -> Obj:
    """The shape before basil. What has no counterpart stays as it is."""
    old = copy.deepcopy(obj)
    match obj["object"]:
        case "invoice":
            return _invoice(old, joins)
        case "line_item":
            return _line(old, obj.get("invoice"), joins)
        case "subscription":
            return _subscription(old)
        case "charge":
            old["invoice"] = joins.invoice_of(obj["payment_intent"])
            return old
        case "payment_intent":
            old["invoice"] = joins.invoice_of(obj["id"])
            return old
        case _:
            return old


def _invoice(old: Obj, joins: Joins) -> Obj:
    parent = old.pop("parent") or {}
    of_subscription = parent.get("subscription_details") or {}
    identity = old.get("id")
    payments = joins.payments_of(identity) if identity else []
    default = next((payment for payment in payments if payment["is_default"]), None)
    intent = default["payment"]["payment_intent"] if default else None
    found = joins.find(intent)
    taxes = old.pop("total_taxes") or []
    for gone in ("payments", "amount_overpaid", "amount_paid_off_stripe", "confirmation_secret"):
        old.pop(gone, None)
    old.update(
        {
            "subscription": of_subscription.get("subscription"),
            "subscription_details": {"metadata": of_subscription.get("metadata")},
            "quote": (parent.get("quote_details") or {}).get("quote"),
            "payment_intent": intent,
            "charge": found["latest_charge"] if found else None,
            "paid": old["status"] == "paid",
            "paid_out_of_band": False,
            "tax": sum(tax["amount"] for tax in taxes) if taxes else None,
            "total_tax_amounts": [],
            "discount": None,
            "application_fee_amount": None,
            "transfer_data": None,
        }
    )
    lines = old["lines"]
    lines["data"] = [_line(line, identity, joins) for line in lines["data"]]
    return old


def _line(old: Obj, invoice: str | None, joins: Joins) -> Obj:
    parent = old.pop("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    pricing = (old.pop("pricing") or {}).get("price_details") or {}
    old.pop("taxes", None)
    price = joins.find(pricing.get("price"))
    of_subscription = parent.get("type") == "subscription_item_details"
    old.update(
        {
            "invoice": invoice,
            "type": "subscription" if of_subscription else "invoiceitem",
            "price": copy.deepcopy(price),
            "plan": plan(price) if price and price["type"] == "recurring" else None,
            "subscription": details.get("subscription"),
            "subscription_item": details.get("subscription_item"),
            "proration": bool(details.get("proration")),
            "proration_details": {"credited_items": None},
            "tax_amounts": [],
            "tax_rates": [],
            "amount_excluding_tax": old["amount"],
            "unit_amount_excluding_tax": str(price["unit_amount"]) if price else None,
        }
    )
    if not of_subscription:
        old["invoice_item"] = details.get("invoice_item")
    return old


def _subscription(old: Obj) -> Obj:
    items = old["items"]["data"]
    old["current_period_start"] = max(item.pop("current_period_start") for item in items)
    old["current_period_end"] = min(item.pop("current_period_end") for item in items)
    old["plan"] = copy.deepcopy(items[0]["plan"]) if len(items) == 1 else None
    old["quantity"] = items[0]["quantity"] if len(items) == 1 else None
    old["discount"] = None
    old.pop("billing_mode", None)
    return old


def plan(price: Obj) -> Obj:
    """The legacy twin of a recurring price, which Stripe still writes beside it."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
