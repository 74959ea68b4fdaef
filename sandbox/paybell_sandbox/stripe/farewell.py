"""What Stripe does when a customer is deleted, and the events it sends for it.

Used by the stories and by the API alike, so both tell the same.
"""

from __future__ import annotations

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.world import Obj, World


def delete_customer(world: World, customer: Obj) -> None:
    """Their subscriptions end; afterwards Stripe answers with the id and `deleted` alone."""
    for subscription in world.kinds.get("subscription", []):
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled":
            billing.end_subscription(world, subscription, "cancellation_requested")
    world.emit("customer.deleted", customer)
    customer["deleted"] = True
    for person, identity in list(world.cast.items()):
        if identity == customer["id"]:
            del world.cast[person]
