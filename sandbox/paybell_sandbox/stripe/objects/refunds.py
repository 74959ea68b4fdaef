"""Refunds."""

from __future__ import annotations

from paybell_sandbox.stripe.world import Obj, World


def refund_object(
    world: World,
    charge: Obj,
    *,
    amount: int,
    reason: str | None,
    status: str = "succeeded",
    metadata: dict[str, str] | None = None,
) -> Obj:
    return {
        "id": world.ids.new("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": world.ids.new("txn"),
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": dict(metadata or {}),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
