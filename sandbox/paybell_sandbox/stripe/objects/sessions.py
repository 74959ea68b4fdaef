"""Checkout Sessions, their line items, and sessions of the customer portal."""

from __future__ import annotations

import copy
from typing import Any

from paybell_sandbox.stripe import links
from paybell_sandbox.stripe.world import Obj, World


def checkout_item(world: World, price: Obj, quantity: int) -> Obj:
    amount = price["unit_amount"] * quantity
    return {
        "id": world.ids.new("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": world.need(price["product"])["name"],
        "metadata": {},
        "price": copy.deepcopy(price),
        "quantity": quantity,
    }


def checkout_session_object(
    world: World,
    *,
    mode: str,
    items: list[Obj],
    customer: Obj | None,
    contact: Obj | None,
    locale: str | None,
    payment_intent: str | None,
    success_url: str = "https://studio.example/thanks",
    cancel_url: str = "https://studio.example/cart",
    metadata: dict[str, str] | None = None,
) -> Obj:
    """An open session. `contact` is what the buyer typed: name, email, phone (or null), address. Guests have no customer."""
    identity = world.ids.checkout(livemode=world.livemode)
    total = sum(item["amount_total"] for item in items)
    world.line_items[identity] = items
    return {
        "id": identity,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": cancel_url,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now(),
        "currency": items[0]["currency"] if items else None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": customer["id"] if customer else None,
        "customer_account": None,
        "customer_creation": "if_required" if mode == "payment" else None,
        "customer_details": _details(contact),
        "customer_email": None,
        "discounts": [],
        "expires_at": world.now() + 86_400,
        "invoice": None,
        "invoice_creation": _invoice_creation() if mode == "payment" else None,
        "livemode": world.livemode,
        "locale": locale,
        "managed_payments": None,
        "metadata": dict(metadata or {}),
        "mode": mode,
        "origin_context": None,
        "payment_intent": payment_intent,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": bool(contact and contact["phone"])},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": links.checkout(world, identity),
        "wallet_options": None,
    }


def _details(contact: Obj | None) -> Obj | None:
    if contact is None:
        return None
    return {
        "address": copy.deepcopy(contact["address"]),
        "business_name": None,
        "email": contact["email"],
        "individual_name": contact["name"],
        "name": contact["name"],
        "phone": contact["phone"],
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _invoice_creation() -> Obj:
    return {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    }


def portal_session_object(
    world: World,
    *,
    customer: str,
    return_url: str | None,
    locale: str | None,
    flow: dict[str, Any] | None,
    after_expiration: dict[str, Any] | None,
) -> Obj:
    return {
        "id": world.ids.new("bps"),
        "object": "billing_portal.session",
        "after_expiration": after_expiration,
        "configuration": world.ids.new("bpc"),
        "created": world.now(),
        "customer": customer,
        "customer_account": None,
        "flow": flow,
        "livemode": world.livemode,
        "locale": locale,
        "on_behalf_of": None,
        "return_url": return_url,
        "url": links.portal(world),
    }
