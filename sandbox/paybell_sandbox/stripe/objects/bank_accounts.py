"""Bank accounts that are debited (ACH), and what a charge says of them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from paybell_sandbox.stripe.world import Obj, World

DAYS_UNDER_WAY = 4
_TAKEN_OVER = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")


def bank_account_object(world: World, customer: Obj) -> Obj:
    """A customer's account at the bank of Stripe's own examples."""
    return {
        "id": world.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": copy.deepcopy(customer["address"]),
            "email": customer["email"],
            "name": customer["name"],
            "phone": customer["phone"],
            "tax_id": None,
        },
        "created": customer["created"],
        "customer": customer["id"],
        "customer_account": None,
        "livemode": world.livemode,
        "metadata": {},
        "type": "us_bank_account",
        "us_bank_account": {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "fingerprint": world.ids.text(16),
            "last4": "6789",
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": None,
        },
    }


def debited(world: World, method: Obj) -> dict[str, Any]:
    """`payment_method_details` of a charge on such an account."""
    account = method["us_bank_account"]
    details = {key: account[key] for key in _TAKEN_OVER}
    expected = datetime.fromtimestamp(world.now() + DAYS_UNDER_WAY * 86_400, UTC).date().isoformat()
    details.update({"expected_debit_date": expected, "mandate": None, "payment_reference": None})
    return {"type": "us_bank_account", "us_bank_account": details}
