"""The documents that a call goes by (TwiML). The SDK escapes words, so that a name cannot become a verb."""

from collections.abc import Sequence
from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from notify_service.words.speech import Prompt, prompt, voice

LONGEST: Final = 4_000
"""Characters of a document that comes with the call; one that the provider asks for may be longer."""
WAITS_SECONDS: Final = 8
"""How long a call waits for a key after it has said everything twice."""


def message(text: str, language: str, brand: str, action: str | None) -> str:
    """Says a message twice; with an address for keys it can be heard again, and calls stopped. A very long one is said once."""
    keys = [prompt("keys_of_message", language, brand)] if action is not None else []
    twice = _document([text, *keys], language, action, times=2)
    return twice if len(twice) <= LONGEST else _document([text, *keys], language, action, times=1)


def question(text: str, language: str, brand: str, action: str, *, unclear: bool = False) -> str:
    """Asks, says which key means what, both twice, and listens for one key."""
    before = [prompt("unclear", language, brand)] if unclear else []
    return _document([*before, text, prompt("keys", language, brand)], language, action, asks=True)


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


def _document(
    sentences: Sequence[str], language: str, action: str | None, *, times: int = 2, asks: bool = False
) -> str:
    """Says the sentences so often and listens for one key meanwhile; whoever is asked and presses none is told of, too."""
    response = VoiceResponse()
    tag, _ = voice(language)
    verb: VoiceResponse | Gather = response
    if action is not None:
        wait = WAITS_SECONDS if asks else 1
        verb = Gather(
            input="dtmf",
            num_digits=1,
            timeout=wait,
            action=action,
            method="POST",
            action_on_empty_result=asks,
            language=tag,
        )
    for time in range(times):
        if time:
            verb.pause(length=1)
        _say(verb, sentences, language)
    if verb is not response:
        response.append(verb)
    return str(response)


def _say(verb: VoiceResponse | Gather, sentences: Sequence[str], language: str) -> None:
    tag, name = voice(language)
    for sentence in sentences:
        verb.say(sentence, language=tag, voice=name)
