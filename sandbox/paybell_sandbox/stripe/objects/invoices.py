"""Invoices, their lines and the payments made towards them."""

from __future__ import annotations

import copy
from typing import Any

from paybell_sandbox.stripe import links
from paybell_sandbox.stripe.objects.amounts import written
from paybell_sandbox.stripe.world import Obj, World


def line_of_subscription(world: World, invoice: str, subscription: Obj, item: Obj, period: tuple[int, int]) -> Obj:
    price = item["price"]
    product = world.need(price["product"])
    quantity: int = item["quantity"]
    interval = price["recurring"]["interval"]
    each = written(price["unit_amount"], price["currency"])
    line = _line(world, invoice, price, quantity, period)
    line["description"] = f"{quantity} × {product['name']} (at {each} / {interval})"
    line["metadata"] = copy.deepcopy(subscription["metadata"])
    line["parent"] = {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }
    return line


def line_of_item(world: World, invoice: str, price: Obj, quantity: int) -> Obj:
    line = _line(world, invoice, price, quantity, (world.now(), world.now()))
    line["description"] = world.need(price["product"])["name"]
    line["parent"] = {
        "invoice_item_details": {
            "invoice_item": world.ids.new("ii"),
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    return line


def _line(world: World, invoice: str, price: Obj, quantity: int, period: tuple[int, int]) -> Obj:
    amount = price["unit_amount"] * quantity
    return {
        "id": world.ids.new("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": world.livemode,
        "metadata": {},
        "parent": None,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": amount,
        "taxes": [],
    }


def invoice_object(
    world: World,
    *,
    customer: Obj,
    identity: str,
    lines: list[Obj],
    billing_reason: str,
    period: tuple[int, int],
    subscription: Obj | None = None,
) -> Obj:
    """A draft. `finalised` opens it."""
    total = sum(line["amount"] for line in lines)
    parent: Obj | None = None
    if subscription is not None:
        parent = {
            "quote_details": None,
            "subscription_details": {
                "metadata": copy.deepcopy(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        }
    return {
        "id": identity,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Studio",
        "account_tax_ids": None,
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": world.now() + 3_600,
        "billing_reason": billing_reason,
        "collection_method": "charge_automatically",
        "created": world.now(),
        "currency": lines[0]["currency"],
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": copy.deepcopy(customer["address"]),
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": copy.deepcopy(customer["shipping"]),
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/invoices/{identity}/lines",
        },
        "livemode": world.livemode,
        "metadata": {},
        "next_payment_attempt": world.now() + 3_600,
        "number": None,
        "on_behalf_of": None,
        "parent": parent,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_details": {"uncollectible": None},
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }


def finalised(world: World, invoice: Obj, customer: Obj) -> dict[str, Any]:
    """What finalising changes on a draft: number, links, status open."""
    sequence = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    link = links.invoice(world)
    now = world.now()
    return {
        "automatically_finalizes_at": None,
        "effective_at": now,
        "ending_balance": 0,
        "hosted_invoice_url": link,
        "invoice_pdf": link.replace("//invoice.", "//pay.").replace("?s=ap", "") + "/pdf",
        "number": f"{customer['invoice_prefix']}-{sequence:04d}",
        "status": "open",
        "status_transitions": {**invoice["status_transitions"], "finalized_at": now},
        "webhooks_delivered_at": now,
    }


def invoice_payment_object(world: World, invoice: Obj, payment_intent: Obj) -> Obj:
    return {
        "id": world.ids.new("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_remaining"],
        "created": world.now(),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": world.livemode,
        "payment": {"payment_intent": payment_intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
