"""Which concerns a batch of events ends: bills that are over, reminders of what came otherwise, welcomes that are out of place.

Whoever calls holds the locks of every subject that the events tell of.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from ingest_service.folding import knowledge, reminders
from ingest_service.folding.effects import Effects, Event
from ingest_service.folding.resolving import Known
from ingest_service.folding.tellers.first_payment import welcome_over
from ingest_service.planning.plans import Settlement

Told = Sequence[tuple[Event, Effects]]


async def settlements(
    conn: Any, account_id: str, events: Told, known: Known, now: datetime.datetime
) -> list[Settlement]:
    """The concerns that are over, by what is known with these events."""
    settled = {concern: event.event_id for event, told in events for concern in told.settled}
    ended = {told.ended_subscription: event.event_id for event, told in events if told.ended_subscription}
    if ended:
        for invoice in await knowledge.unpaid_invoices(conn, account_id, list(ended)):
            settled.setdefault(f"invoice:{invoice}/unpaid", next(iter(ended.values())))
    for event, told in events:  # a bill of a subscription that had ended before the bill was heard of
        for one in told.subjects:
            subscription = known.subjects.get(str(one.facts.get("subscription") or ""))
            if (
                one.kind == "invoice"
                and subscription is not None
                and subscription.status in ("canceled", "incomplete_expired")
            ):
                settled.setdefault(f"invoice:{one.subject_id}/unpaid", event.event_id)
            merged = known.subjects[one.subject_id]
            if welcome := welcome_over(merged):
                settled.setdefault(welcome, event.event_id)
            if one.kind == "invoice" and merged.status in ("paid", "void", "uncollectible"):
                settled.setdefault(f"invoice:{one.subject_id}/unpaid", event.event_id)
    for concern, by in (await _reminders_over(conn, account_id, events, known)).items():
        settled.setdefault(concern, by)
    return [Settlement(concern, now, by) for concern, by in sorted(settled.items())]


async def _reminders_over(conn: Any, account_id: str, events: Told, known: Known) -> dict[str, str]:
    """Reminders of what came otherwise: a subscription that ended or renewed, a card that was renewed."""
    told_by = {
        one.subject_id: event.event_id
        for event, told in events
        for one in told.subjects
        if one.kind in ("subscription", "payment_method")
    }
    if not told_by:
        return {}
    return {
        concern: told_by[subject]
        for subject, concern in await knowledge.open_reminders(conn, account_id, sorted(told_by))
        if reminders.over(concern, known.subjects[subject]) is not None
    }
