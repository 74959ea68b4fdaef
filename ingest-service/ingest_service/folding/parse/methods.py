"""Payment methods and the older cards and sources, as far as it matters when they end. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest_service.folding.parse.fields import Card, Json, card_at, need_id, text


@dataclass(frozen=True, slots=True)
class Method:
    """Something that is paid with. ``card`` is None for what does not expire."""

    id: str
    customer: str
    card: Card | None

    @property
    def expires(self) -> tuple[int, int] | None:
        """Year and month at whose end the card ends."""
        if self.card is None or self.card.exp_year is None or self.card.exp_month is None:
            return None
        return self.card.exp_year, self.card.exp_month


def method(obj: Json) -> Method:
    """A payment method, a source, or a card of the older kind (whose digits stand on the object itself).

    Raises:
        MalformedError: where it has no id.
    """
    return Method(need_id(obj, "payment method"), text(obj, "customer"), card_at(obj, "card") or card_at(obj))


def default_method(subscription: Json) -> Method | None:
    """What a subscription is paid with, in the order in which Stripe itself looks; only where it was expanded."""
    customer = subscription.get("customer")
    settings = customer.get("invoice_settings") if isinstance(customer, Mapping) else None
    held = (
        subscription.get("default_payment_method"),
        subscription.get("default_source"),
        settings.get("default_payment_method") if isinstance(settings, Mapping) else None,
        customer.get("default_source") if isinstance(customer, Mapping) else None,
    )
    return next((method(one) for one in held if isinstance(one, Mapping)), None)
