"""Customers and their cards."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from paybell_sandbox.stripe.people import Person
from paybell_sandbox.stripe.world import Obj, World


def address(person: Person) -> Obj:
    return {
        "city": person.city,
        "country": person.country,
        "line1": person.line,
        "line2": None,
        "postal_code": person.postal_code,
        "state": person.state,
    }


def customer_object(world: World, person: Person, *, created: int, metadata: dict[str, str] | None = None) -> Obj:
    return {
        "id": world.ids.new("cus"),
        "object": "customer",
        "address": address(person),
        "balance": 0,
        "created": created,
        "currency": person.currency,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": person.email,
        "invoice_prefix": world.ids.text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": world.livemode,
        "metadata": dict(metadata or {}),
        "name": person.name,
        "next_invoice_sequence": 1,
        "phone": person.phone,
        "preferred_locales": list(person.locales),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def card_details(
    world: World, *, brand: str, last4: str, country: str, exp_month: int, exp_year: int
) -> dict[str, Any]:
    seed = f"{brand}:{last4}:{exp_month}:{exp_year}:{world.account}"
    return {
        "brand": brand,
        "checks": {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass"},
        "country": country,
        "display_brand": brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": hashlib.sha256(seed.encode()).hexdigest()[:16],
        "funding": "credit",
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def payment_method_object(
    world: World,
    person: Person,
    *,
    customer: str | None,
    created: int,
    exp_month: int = 8,
    exp_year: int | None = None,
    last4: str | None = None,
) -> Obj:
    """A card of this person. Without a year it is good for four more years."""
    year = exp_year or datetime.fromtimestamp(world.now(), UTC).year + 4
    return {
        "id": world.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": {
            "address": address(person),
            "email": person.email,
            "name": person.name,
            "phone": person.phone,
            "tax_id": None,
        },
        "card": card_details(
            world,
            brand=person.card_brand,
            last4=last4 or person.last4,
            country=person.country,
            exp_month=exp_month,
            exp_year=year,
        ),
        "created": created,
        "customer": customer,
        "customer_account": None,
        "livemode": world.livemode,
        "metadata": {},
        "type": "card",
    }
