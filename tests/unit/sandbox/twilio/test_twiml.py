"""TwiML as Twilio reads it."""

import pytest
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from paybell_sandbox.twilio.twiml import BrokenTwimlError, End, Gather, Pause, Redirect, Say, messages, voice

BASE = "https://example.com/voice/first?x=1"


def test_what_the_sdk_writes_is_read_in_order() -> None:
    response = VoiceResponse()
    response.say("Ann & Bob <owe>  nothing", loop=2)
    response.pause(length=3)
    gather = response.gather(action="pressed", num_digits=1, timeout=8, action_on_empty_result=True, finish_on_key="")
    gather.say("Press 1.")
    gather.pause()
    response.redirect("/voice/second")
    response.hangup()
    response.reject()
    words = Say("Ann & Bob <owe> nothing")
    listens = Gather((Say("Press 1."), Pause(1.0)), "https://example.com/voice/pressed", 1, 8.0, "", even_empty=True)
    assert voice(str(response), BASE).verbs == (
        words,
        words,
        Pause(3.0),
        listens,
        Redirect("https://example.com/voice/second"),
        End("hung up"),
        End("rejected"),
    )


def test_a_gather_without_anything_asks_its_own_document() -> None:
    (gather,) = voice("<Response><Gather/></Response>", BASE).verbs
    assert gather == Gather((), BASE, 0, 5.0, "#", even_empty=False)


def test_verbs_that_are_not_played_are_named() -> None:
    assert voice("<Response><Dial>+1</Dial><Say>x</Say><Record/></Response>", "").unknown == ("Dial", "Record")


@pytest.mark.parametrize(
    "text", ["", "hello", "<Response>", "<Say>x</Say>", "<Response><Pause length='long'/></Response>"]
)
def test_what_is_no_twiml_is_refused(text: str) -> None:
    with pytest.raises(BrokenTwimlError):
        voice(text, BASE)


def test_texts_are_read_with_and_without_a_body() -> None:
    response = MessagingResponse()
    response.message("one")
    response.message().body("two & three")
    response.message("")
    assert messages(str(response)) == ("one", "two & three")
    assert messages("<Response/>") == ()


@pytest.mark.parametrize(
    "document",
    [
        '<Say tone="low">x</Say>',
        '<Say language="en">x</Say>',
        '<Gather digits="1"><Say>x</Say></Gather>',
        "<Gather><Redirect>http://here.example</Redirect></Gather>",
        '<Gather><Say language="german">x</Say></Gather>',
        '<Hangup now="true"/>',
    ],
)
def test_what_the_provider_would_not_follow_is_broken(document: str) -> None:
    with pytest.raises(BrokenTwimlError):
        voice(f"<Response>{document}</Response>", "")


def test_who_keeps_the_error_of_a_broken_document_does_not_keep_its_parser() -> None:
    """CPython 3.12.1 crashes at its end where one is left."""
    with pytest.raises(BrokenTwimlError) as broken:
        messages("<Response>")
    assert broken.value.__context__ is None
