"""What an update of a subscription changed for whoever pays it: plan, price, interval, or the day of the next bill. Pure.

A renewal moves the period on, a status or metadata changes daily: neither is a change. A new price of the same amount is none
either, nor a number of seats: whoever orders them knows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingest_service.folding import parse
from ingest_service.folding.effects import Event

What = Literal["plan", "price", "interval", "date"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change.

    Attributes:
        name: the same for every telling of this change in either shape, and another for every other change.
    """

    what: tuple[What, ...]
    name: str
    interval_count: int


def change_of(event: Event) -> Change | None:
    """What the update changed; None where nothing that anybody pays changed."""
    if not event.previous:
        return None
    now, before = parse.subscription(event.obj), parse.subscription(_before(event))
    what: list[What] = []
    if {item.product for item in before.items} != {item.product for item in now.items}:
        what.append("plan")
    if _intervals(before) != _intervals(now):
        what.append("interval")
    if not what and _prices(before) != _prices(now):
        what.append("price")
    if _bill_moved(event, before, now):
        what.append("date")
    if not what:
        return None
    told = [now.id, _summary(before), _summary(now), before.period_end, now.period_end, event.request_id]
    name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    return Change(tuple(what), name, now.items[0].interval_count if now.items else 1)


def _before(event: Event) -> Mapping[str, Any]:
    """The subscription as it stood: the old values laid over the new ones, also inside its list of items."""
    before = {**event.obj, **event.previous}
    old, new = event.previous.get("items"), event.obj.get("items")
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before["items"] = {**new, **old}
    return before


def _intervals(said: parse.Subscription) -> set[tuple[str, int]]:
    return {(item.interval, item.interval_count) for item in said.items}


def _prices(said: parse.Subscription) -> list[tuple[str, str]]:
    """What each product costs; where the price has tiers only its id tells."""
    return sorted(
        (item.product, item.price if item.unit_amount is None else f"{item.unit_amount}") for item in said.items
    )


def _summary(said: parse.Subscription) -> list[list[str]]:
    return sorted([item.price, f"{item.unit_amount}", item.interval, f"{item.interval_count}"] for item in said.items)


def _bill_moved(event: Event, before: parse.Subscription, now: parse.Subscription) -> bool:
    if before.period_end == now.period_end or before.period_end is None or now.period_end is None:
        return False
    if event.previous.get("status") in ("trialing", "incomplete", "past_due", "unpaid"):
        return False  # a trial that ends, a first payment, a bill that is paid at last: the day moves by itself
    rolled = now.period_start == before.period_end
    return not rolled
