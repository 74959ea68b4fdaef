"""Addresses of the pages that Stripe hosts for customers.

They are Stripe's own, or, where this sandbox listens on a known port, pages of the sandbox that work like them.
"""

from __future__ import annotations

from typing import Protocol

from paybell_sandbox.stripe.ids import Ids


class Site(Protocol):
    """What a link is made from."""

    account: str
    livemode: bool
    ids: Ids
    hosted: str


def _mode(site: Site) -> str:
    return "live" if site.livemode else "test"


def invoice(site: Site) -> str:
    if site.hosted:
        return f"{site.hosted}/i/{_mode(site)}_{site.ids.text(16)}"
    return f"https://invoice.stripe.com/i/{site.account}/{_mode(site)}_{site.ids.text(60)}?s=ap"


def receipt(site: Site) -> str:
    if site.hosted:
        return f"{site.hosted}/r/{_mode(site)}_{site.ids.text(16)}"
    return f"https://pay.stripe.com/receipts/payment/{site.ids.text(40)}"


def portal(site: Site) -> str:
    if site.hosted:
        return f"{site.hosted}/p/{_mode(site)}_{site.ids.text(16)}"
    return f"https://billing.stripe.com/p/session/{_mode(site)}_{site.ids.text(60)}"


def checkout(site: Site, session: str) -> str:
    if site.hosted:
        return f"{site.hosted}/c/{_mode(site)}_{site.ids.text(16)}"
    return f"https://checkout.stripe.com/c/pay/{session}#{site.ids.text(40)}"
