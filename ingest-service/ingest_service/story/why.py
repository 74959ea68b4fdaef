"""`ingest-service why`: a story as lines of text for a terminal."""

from collections.abc import Iterator
from typing import Any, Final

from ingest_service.story.telling import Telling, guess

_MARKS: Final = {"passed": "✓", "stopped": "✗", "deferred": "…", "open": "·"}


async def why(telling: Telling, text: str, account_id: str | None = None) -> list[str]:
    """The story of an event, concern, request, SID or an object of Stripe, one line each; says so where nothing is known.

    Where several accounts know it (test and live may share ids) each has a story of its own, unless one account is asked about.
    """
    key = guess(text)
    found = [await telling.story(key, each) for each in ([account_id] if account_id else telling.account_ids)]
    stories = [told for told in found if told is not None]
    if not stories:
        return [
            f"Nothing is known of {key.kind} {key.id}.",
            "Ask by an event (evt_…), an object (in_…, pi_…, re_…), a concern (invoice:in_…/unpaid), a request or a Twilio SID.",
        ]
    return [line for told in stories for line in _lines(told)]


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"Account {told['account']}, {told['key']['kind']} {told['key']['id']}"
    for line in told["lines"]:
        yield f"{line['at'][:19].replace('T', ' ')}  {_MARKS[line['verdict']]} {line['where']:<8}  {line['sentence']}"
    if told["notify"].startswith("could not"):
        yield f"notify {told['notify']}: what it knows is missing here."
