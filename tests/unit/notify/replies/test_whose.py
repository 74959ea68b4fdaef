"""Whose reply it is, where accounts share one account at Twilio."""

import pytest

from notify_service.accounts import Account, Sender
from notify_service.replies.whose import whose, written_to


def account(account_id: str, *senders: Sender, sid: str = "AC1") -> Account:
    """An account that sends from these."""
    return Account(account_id, account_id, "UTC", "en", sid, ("t",), "", "", senders)


ACCOUNTS = [
    written_to(account("ours", Sender("sms", "sms", number="+1415"), Sender("wa", "whatsapp", number="+1416"))),
    written_to(account("theirs", Sender("sms", "sms", messaging_service_sid="MG2"))),
    written_to(account("third", Sender("sms", "sms", messaging_service_sid="MG3"))),
    written_to(account("elsewhere", Sender("sms", "sms", number="+1415"), sid="AC2")),
]


@pytest.mark.parametrize(
    ("to", "service", "owners"),
    [
        ("+1415", "", ["ours"]),
        ("whatsapp:+1416", "", ["ours"]),
        ("+1999", "MG2", ["theirs"]),
        ("+1999", "", ["theirs", "third"]),  # a service picked that number: nobody knows which, so it is for both
        ("+1415", "MG3", ["ours", "third"]),
    ],
)
def test_a_reply_is_for_whom_it_names_and_else_for_whoever_it_may_be_for(
    to: str, service: str, owners: list[str]
) -> None:
    assert whose(ACCOUNTS, "AC1", to, service) == owners


def test_a_reply_to_an_account_without_services_goes_to_the_first() -> None:
    assert whose(ACCOUNTS[:1], "AC1", "+1999", "") == ["ours"]
    assert whose(ACCOUNTS, "AC2", "+1999", "") == ["elsewhere"]
    assert whose(ACCOUNTS, "AC9", "+1415", "") == []
