"""Closing a day: its figures are counted once and become one fact; what is learnt later of earlier days goes in as late.

A day begins where the last one that was closed ended, so that no moment is counted twice or never, whatever the schedule does.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from ingest_service.folding.effects import Draft
from ingest_service.inbox.lanes import RECEIPT
from ingest_service.scanning import digest_store
from ingest_service.scanning.figures import LINES, Figures

LATE_WITHIN: Final = timedelta(days=7)
"""So long after its close a day's figures are looked at again."""

LONGEST: Final = timedelta(days=31)
"""A digest after a long silence goes no further back."""

EMPTY: Final = "nothing happened, and the schedule says that this is not told"


async def closed(
    conn: Any, account_id: str, day: date, began_if_first: datetime, closed_at: datetime, empty: Literal["skip", "say"]
) -> Draft:
    """Closes the day and gives its fact; the caller's transaction holds the scan's row."""
    last = await digest_store.last_closed(conn, account_id)
    began_at = max(last, closed_at - LONGEST) if last is not None else began_if_first
    own = await digest_store.count(conn, account_id, began_at, closed_at)
    late = Figures()
    for earlier, began, ended, told in await digest_store.closed_since(conn, account_id, closed_at - LATE_WITHIN):
        now_known = await digest_store.count(conn, account_id, began, ended)
        more = now_known.beyond(told)
        if not more.empty:
            late = late.and_(more)
            await digest_store.retell(conn, account_id, earlier, told.and_(more))
    await digest_store.close(conn, account_id, day, began_at, closed_at, own)
    return draft(day, own.and_(late), sum(late.counts.values()), empty)


async def passed_over(conn: Any, account_id: str, day: date, began_if_first: datetime) -> Draft:
    """The fact of a day that was over before it could be closed: its figures are in the next, which begins where the last one ended."""
    if await digest_store.last_closed(conn, account_id) is None:
        before = day - timedelta(days=1)
        await digest_store.close(conn, account_id, before, began_if_first, began_if_first, Figures())
    why = "missed: the day was over before it could be closed; its figures are in the next"
    return _draft(day, {"day": day.isoformat()}, why)


def draft(day: date, all_of_it: Figures, late: int, empty: Literal["skip", "say"]) -> Draft:
    """The fact of a closed day."""
    attributes = {
        "day": day.isoformat(),
        "counts": {line: all_of_it.counts.get(line, 0) for line in LINES},
        "late": late,
        "money": all_of_it.to_json()["money"],
        "is_empty": all_of_it.empty,
    }
    return _draft(day, attributes, EMPTY if all_of_it.empty and empty == "skip" else "")


def _draft(day: date, attributes: dict[str, Any], give_up: str) -> Draft:
    name = f"digest:{day.isoformat()}"
    return Draft(
        kind="digest", key=name, concern=f"{name}/figures", subject_id=name, customer_id="", lane=RECEIPT, amount=0, currency="",
        attributes=attributes, give_up=give_up,
    )  # fmt: skip
