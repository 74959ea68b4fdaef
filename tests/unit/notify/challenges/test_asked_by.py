"""Only the sender that asked can be answered."""

import pytest

from notify_service.accounts import Sender
from notify_service.challenges.asked_by import Heard, asked_by

MG = "MG" + "a" * 32
SENDERS = {
    one.name: one
    for one in (
        Sender("sms", "sms", "", "+14155550100"),
        Sender("brand", "sms", "brand", "", MG),
        Sender("whatsapp", "whatsapp", "", "+14155550100"),
        Sender("voice", "voice", "", "+14155550100"),
    )
}


@pytest.mark.parametrize(
    ("channel", "to", "service", "names"),
    [
        ("sms", "+14155550100", "", {"sms"}),
        ("whatsapp", "+14155550100", "", {"whatsapp"}),
        ("sms", "+14155550177", MG, {"brand"}),
        ("sms", "+14155550177", "", {"brand"}),  # a number that the service picked; a list names no service
        ("sms", "+14155550177", "MG" + "b" * 32, set()),
        ("whatsapp", "+14155550177", "", set()),
        ("sms", "", "", {"brand"}),
    ],
)
def test_a_reply_answers_those_it_writes_to(channel: str, to: str, service: str, names: set[str]) -> None:
    assert asked_by(SENDERS, Heard("SM1", channel, to, service, "yes")) == names


def test_where_no_service_sends_a_foreign_number_is_nobodys() -> None:
    senders = {"sms": SENDERS["sms"]}
    assert asked_by(senders, Heard("SM1", "sms", "+14155550177", "", "yes")) == set()
