"""A reply as a webhook or a list hands it over."""

import pytest

from notify_service.replies.reply import Reply

SID = "SM" + "a" * 32


@pytest.mark.parametrize(
    ("sender", "channel", "number"),
    [
        ("whatsapp:+5215512345678", "whatsapp", "+525512345678"),
        ("whatsapp:+556296915034", "whatsapp", "+5562996915034"),
        ("+5215512345678", "sms", "+5215512345678"),  # WhatsApp alone has such ids
        ("+14155552671", "sms", "+14155552671"),
    ],
)
def test_only_whatsapps_old_ids_are_read_as_the_number_they_stand_for(sender: str, channel: str, number: str) -> None:
    reply = Reply.of_form({"MessageSid": SID, "From": sender, "To": "whatsapp:+5215500000000", "Body": "YES"})
    assert reply is not None
    assert (reply.channel, reply.sender, reply.to) == (channel, number, "+5215500000000")


def test_a_reply_comes_out_of_its_store_as_it_went_in() -> None:
    reply = Reply(SID, "sms", "+1415", "+1416", "yes", button="YES 1", service="MG1", shared=True)
    assert Reply.of_payload(reply.payload(), None) == reply
