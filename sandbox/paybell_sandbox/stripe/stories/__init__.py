"""What can happen in a Stripe account, as a table. Each story changes the objects and sends the events that Stripe sends."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe.stories import bills, lifecycle, odd_numbers, purchases, refunds, renewals, risk
from paybell_sandbox.stripe.stories.story import Options, Story, StoryError, check

_ALL: Final = (
    *renewals.STORIES,
    *bills.STORIES,
    *purchases.STORIES,
    *refunds.STORIES,
    *odd_numbers.STORIES,
    *risk.STORIES,
    *lifecycle.STORIES,
)
STORIES: Final = {story.name: story for story in _ALL}

__all__ = ["STORIES", "Options", "Story", "StoryError", "check"]
