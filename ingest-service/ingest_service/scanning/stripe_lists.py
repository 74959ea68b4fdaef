"""What scans read at Stripe: pages of subscriptions, one subscription, and the bill that comes next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest_service.scanning import windows
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

PAGE: Final = 100
PAID_WITH: Final = (
    "default_payment_method", "default_source", "customer.invoice_settings.default_payment_method", "customer.default_source",
)  # fmt: skip
"""What is expanded of a subscription: whom it belongs to and what it is paid with. In a list that is four deep, the most there is."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some subscriptions; `after` is the last one's id, ``""`` where no more follow."""

    subscriptions: tuple[Json, ...]
    after: str


def query(scan: str, day: date, zone: ZoneInfo) -> dict[str, Any]:
    """Which subscriptions a scan lists, for the day it looks at.

    Stripe's filter of periods looks at the earliest end among a subscription's items. A trial is a period.
    """
    expand = [f"data.{path}" for path in PAID_WITH]
    if scan.startswith("card:"):
        return {"status": "active", "limit": PAGE, "expand": expand}
    begin, end = windows.bounds(day, zone)
    return {
        "status": "trialing" if scan.startswith("trial:") else "active", "limit": PAGE, "expand": expand,
        "current_period_end": {"gte": int(begin.timestamp()), "lt": int(end.timestamp())},
    }  # fmt: skip


async def page(reads: StripeReads, account_id: str, asked: Json, after: str) -> Page | AskLater:
    """One page, behind this subscription."""
    answer = await reads.get(account_id, "/v1/subscriptions", {**asked, "starting_after": after} if after else asked)
    match answer:
        case Found(body=body):
            listed = tuple(one for one in body.get("data") or () if isinstance(one, Mapping))
            more = bool(body.get("has_more")) and bool(listed)
            return Page(listed, str(listed[-1].get("id") or "") if more else "")
        case Gone():  # the cursor's subscription: the list itself is always there
            return AskLater("Stripe does not know the last subscription of the page before any more", refused=True)
        case AskLater():
            return answer


async def one(reads: StripeReads, account_id: str, subscription: str) -> Found | Gone | AskLater:
    """One subscription, as a page has it."""
    return await reads.get(account_id, f"/v1/subscriptions/{subscription}", {"expand": list(PAID_WITH)})


async def next_bill(reads: StripeReads, account_id: str, subscription: str) -> Found | Gone | AskLater:
    """The bill that comes next, with discounts, taxes and what is on the customer's balance; nothing is made of it."""
    return await reads.preview(account_id, "/v1/invoices/create_preview", {"subscription": subscription})
