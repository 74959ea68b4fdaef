"""Whose reply it is, where several accounts share one account at Twilio. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from notify_service.accounts import Account


@dataclass(frozen=True, slots=True)
class WrittenTo:
    """An account as people write to it. `names`: its numbers and Messaging Services; `pools`: whether a service picks numbers."""

    account_id: str
    account_sid: str
    names: frozenset[str]
    pools: bool


def written_to(account: Account) -> WrittenTo:
    """How people write to an account."""
    names = (
        name
        for sender in account.senders
        for name in (sender.number, f"whatsapp:{sender.number}" if sender.number else "", sender.messaging_service_sid)
    )
    pools = any(sender.messaging_service_sid for sender in account.senders)
    return WrittenTo(account.account_id, account.twilio_account_sid, frozenset(filter(None, names)), pools)


def whose(accounts: Iterable[WrittenTo], account_sid: str, to: str, service: str) -> list[str]:
    """The accounts that a reply to this number or Messaging Service is for; none where nobody has this account at Twilio.

    One that names us is for whoever it names. One that names nobody came to a number that a service picked, so it may be
    for any account that has one: a stop that is taken for too many harms nobody, one that is taken for nobody does.
    """
    there = [account for account in accounts if account.account_sid == account_sid]
    named = [account for account in there if {to, service} & account.names]
    chosen = named or [account for account in there if account.pools] or there[:1]
    return [account.account_id for account in chosen]
