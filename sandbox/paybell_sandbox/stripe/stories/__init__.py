"""What can happen in a Stripe account, as a table. Each story changes the objects and sends the events that Stripe sends."""

from __future__ import annotations

from typing import Any, Final

from paybell_sandbox.stripe.stories import (
    bank_debits,
    bills,
    lifecycle,
    odd_numbers,
    purchases,
    recovery,
    refunds,
    renewals,
    risk,
    trials,
)
from paybell_sandbox.stripe.stories.story import Options, Story, StoryError, check
from paybell_sandbox.stripe.world import World

_ALL: Final = (
    *renewals.STORIES,
    *recovery.STORIES,
    *bills.STORIES,
    *bank_debits.STORIES,
    *purchases.STORIES,
    *refunds.STORIES,
    *odd_numbers.STORIES,
    *risk.STORIES,
    *trials.STORIES,
    *lifecycle.STORIES,
)
STORIES: Final = {story.name: story for story in _ALL}


def play(world: World, name: str, given: dict[str, Any]) -> dict[str, str]:
    """Run a story in a world. Gives the ids of what it touched. StoryError says what is wrong with the wish."""
    story = STORIES.get(name)
    if story is None:
        raise StoryError(f"there is no story {name!r}: there are {', '.join(STORIES)}")
    return story.play(world, check(story, given))


__all__ = ["STORIES", "Options", "Story", "StoryError", "check", "play"]
