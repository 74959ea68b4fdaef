"""The stories without a server: what happened, as the list of events an endpoint would get.

    told = tell("renewal_fails", seed=7)
    told.envelopes("2025-02-24.acacia")          # the events as dicts, in the order Stripe made them
    told.then("customer_pays", after=3_600)      # the same account, an hour later
    told.world.find(told.ids["invoice"])         # the objects as the API would give them, newest shape

One seed gives the same ids, also in two accounts or modes, which is how "the same ids in two accounts" is tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from paybell_sandbox.stripe.accounts import DEFAULT_ACCOUNT
from paybell_sandbox.stripe.ids import Ids
from paybell_sandbox.stripe.signing import body
from paybell_sandbox.stripe.stories import play
from paybell_sandbox.stripe.versions import NEWEST, has_event
from paybell_sandbox.stripe.world import Event, Obj, World

__all__ = ["DEFAULT_NOW", "Clock", "Told", "body", "tell"]

DEFAULT_NOW: Final = 1_795_446_000
"""23 November 2026, 15:00 UTC: mid-morning in New York."""


@dataclass
class Clock:
    """Business time that stands still until it is moved."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass
class Told:
    world: World
    clock: Clock
    ids: dict[str, str]
    """What the last story touched: kind -> id."""
    events: list[Event] = field(default_factory=list)
    """What the last story sent. `world.events` has those of all."""

    def envelopes(self, version: str = NEWEST, *, connected: bool = False) -> list[Obj]:
        """The events as an endpoint of this version gets them; `connected` writes the account on them."""
        sent = [event for event in self.events if has_event(version, event.type)]
        return [event.envelope(version, connected=connected) for event in sent]

    def then(self, name: str, /, *, after: int = 0, **given: Any) -> Told:
        """A further story in the same account, `after` seconds later."""
        self.clock.now += after
        before = len(self.world.events)
        ids = play(self.world, name, given)
        return Told(self.world, self.clock, ids, self.world.events[before:])


def tell(
    name: str,
    /,
    *,
    seed: str | int = 1,
    now: int = DEFAULT_NOW,
    account: str = DEFAULT_ACCOUNT,
    livemode: bool = False,
    **given: Any,
) -> Told:
    """Play a story in a fresh account. `given` are the story's own parameters."""
    clock = Clock(now)
    world = World(account=account, livemode=livemode, ids=Ids(seed), now=clock)
    return Told(world, clock, {}).then(name, **given)
