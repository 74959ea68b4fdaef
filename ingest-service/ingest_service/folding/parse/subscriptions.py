"""Subscriptions of either shape: since 2025-03-31.basil the period stands on each item, before on the subscription. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ingest_service.folding.parse.fields import Json, need_id, number, table, text


@dataclass(frozen=True, slots=True)
class Item:
    """What is subscribed to. ``unit_amount`` is None where the price has tiers or is measured."""

    id: str
    price: str
    product: str
    plan_name: str
    unit_amount: int | None
    interval: str
    interval_count: int
    quantity: int
    period_start: int | None
    period_end: int | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription. Times are Unix seconds; ``period_end`` is the earliest among its items, as Stripe's own filter reads it.

    Attributes:
        shown_in: the currency that the customer sees, where it is another one than is charged.
    """

    id: str
    status: str
    customer: str
    currency: str
    shown_in: str
    items: tuple[Item, ...]
    period_start: int | None
    period_end: int | None
    trial_end: int | None
    ends_itself: bool
    paused: bool
    collection_method: str
    metadata: dict[str, str]

    @property
    def listed_amount(self) -> int | None:
        """What a period costs by its prices, before discounts and taxes; None where a price does not say."""
        amounts = [item.unit_amount for item in self.items]
        if not amounts or None in amounts:
            return None
        return sum((item.unit_amount or 0) * item.quantity for item in self.items)

    @property
    def every(self) -> tuple[int, str]:
        """How often it renews, by its first item that does: 3, ``month``; 0 and ``""`` where none does."""
        return next(((item.interval_count, item.interval) for item in self.items if item.interval), (0, ""))

    @property
    def interval(self) -> str:
        """``month``, ``year``, …: that of the first item."""
        return self.every[1]

    @property
    def is_yearly(self) -> bool:
        """Whether it renews once a year, or less often, however that is written: 12 months, 365 days."""
        count, interval = self.every
        return interval in _IN_A_YEAR and count >= _IN_A_YEAR[interval]


_IN_A_YEAR: Final = {"year": 1, "month": 12, "week": 52, "day": 365}


def subscription(obj: Json) -> Subscription:
    """A subscription of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    items = tuple(_items(obj))
    starts = [item.period_start for item in items if item.period_start is not None]
    ends = [item.period_end for item in items if item.period_end is not None]
    period_end = min(ends) if ends else number(obj, "current_period_end")
    cancel_at = number(obj, "cancel_at")
    ends_itself = obj.get("cancel_at_period_end") is True or (
        cancel_at is not None and period_end is not None and cancel_at <= period_end
    )
    return Subscription(
        id=need_id(obj, "subscription"),
        status=text(obj, "status"),
        customer=text(obj, "customer"),
        currency=text(obj, "currency").lower(),
        shown_in=text(obj, "presentment_details", "presentment_currency").lower(),
        items=items,
        period_start=max(starts) if starts else number(obj, "current_period_start"),
        period_end=period_end,
        trial_end=number(obj, "trial_end"),
        ends_itself=ends_itself,
        paused=isinstance(obj.get("pause_collection"), Mapping),
        collection_method=text(obj, "collection_method"),
        metadata=table(obj, "metadata"),
    )


def _items(obj: Json) -> Iterator[Item]:
    items = obj.get("items")
    data = items.get("data") if isinstance(items, Mapping) else None
    for item in data if isinstance(data, list) else ():
        if isinstance(item, Mapping):
            metered = text(item, "price", "recurring", "usage_type") == "metered"
            quantity, count = number(item, "quantity"), number(item, "price", "recurring", "interval_count")
            yield Item(
                id=text(item, "id"),
                price=text(item, "price"),
                product=text(item, "price", "product"),
                plan_name=text(item, "price", "nickname"),
                unit_amount=None if metered else number(item, "price", "unit_amount"),
                interval=text(item, "price", "recurring", "interval"),
                interval_count=count if count is not None else 1,
                quantity=quantity if quantity is not None else 1,
                period_start=number(item, "current_period_start"),
                period_end=number(item, "current_period_end"),
            )
