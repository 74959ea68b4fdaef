"""The documents that a call goes by (TwiML). The SDK escapes words, so that a name cannot become a verb."""

from collections.abc import Sequence
from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from notify_service.words.speech import Prompt, prompt, voice

WAITS_SECONDS: Final = 8
"""How long a call waits for a key after it has said everything twice."""


def message(text: str, language: str, brand: str, action: str | None) -> str:
    """Says a message twice; with an address for keys it can be repeated, and calls stopped."""
    if action is None:
        response = VoiceResponse()
        _say(response, [text], language)
        response.pause(length=1)
        _say(response, [text], language)
        return str(response)
    return _listening([text, prompt("keys_of_message", language, brand)], language, action)


def question(text: str, language: str, brand: str, action: str, *, unclear: bool = False) -> str:
    """Asks, says which key means what, both twice, and listens for one key."""
    before = [prompt("unclear", language, brand)] if unclear else []
    return _listening([*before, text, prompt("keys", language, brand)], language, action)


def last_words(which: Prompt, language: str, brand: str) -> str:
    """Says one of our own sentences and hangs up."""
    response = VoiceResponse()
    _say(response, [prompt(which, language, brand)], language)
    response.hangup()
    return str(response)


def nothing() -> str:
    """Hangs up."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _listening(sentences: Sequence[str], language: str, action: str) -> str:
    response = VoiceResponse()
    tag, _ = voice(language)
    gather = Gather(
        input="dtmf",
        num_digits=1,
        timeout=WAITS_SECONDS,
        action=action,
        method="POST",
        action_on_empty_result=True,
        language=tag,
    )
    _say(gather, sentences, language)
    gather.pause(length=1)
    _say(gather, sentences, language)
    response.append(gather)
    return str(response)


def _say(verb: VoiceResponse | Gather, sentences: Sequence[str], language: str) -> None:
    tag, name = voice(language)
    for sentence in sentences:
        verb.say(sentence, language=tag, voice=name)
