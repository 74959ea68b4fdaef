"""TwiML, what a service answers Twilio with: the verbs that Paybell uses (twilio.com/docs/voice/twiml, …/messaging/twiml)."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin
from xml.etree import ElementTree

DEFAULT_GATHER_SECONDS = 5.0
ATTRIBUTES = {
    "Say": {"voice", "language", "loop"},
    "Pause": {"length"},
    "Gather": {
        "action", "method", "input", "numDigits", "timeout", "finishOnKey", "actionOnEmptyResult", "language", "hints", "speechTimeout",
        "profanityFilter", "bargeIn", "partialResultCallback", "partialResultCallbackMethod", "enhanced", "speechModel", "debug",
    },
    "Redirect": {"method"},
    "Hangup": set(),
    "Reject": {"reason"},
}  # fmt: skip
"""What each verb may carry; Twilio warns of anything else and leaves it out of account."""
LANGUAGE = re.compile(r"[a-z]{2,3}-[A-Z]{2}|cmn-CN|arb")
LOOPS_AT_MOST = 20


class BrokenTwimlError(ValueError):
    """Not TwiML. Twilio says "an application error has occurred" to a caller and sends nothing to a texter."""


@dataclass(frozen=True)
class Say:
    """Words that are spoken."""

    text: str


@dataclass(frozen=True)
class Pause:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Gather:
    """Words that are spoken while it listens for keys.

    Attributes:
        action: where the keys go.
        digits: after how many keys it stops listening; 0 without end.
        seconds: of silence after the last word or key, after which it stops listening.
        finish: the key that ends what is typed, empty for none.
        even_empty: whether the action is asked where nobody pressed a key.
    """

    words: tuple[Say | Pause, ...]
    action: str
    digits: int
    seconds: float
    finish: str
    even_empty: bool


@dataclass(frozen=True)
class Redirect:
    """Goes on with another document."""

    url: str


@dataclass(frozen=True)
class End:
    """The call ends; ``rejected`` where it was not even taken."""

    how: Literal["hung up", "rejected"]


Verb = Say | Pause | Gather | Redirect | End


@dataclass(frozen=True)
class Document:
    """A voice document.

    Attributes:
        unknown: names of verbs that the sandbox does not play.
    """

    verbs: tuple[Verb, ...]
    unknown: tuple[str, ...]


def voice(text: str, base: str) -> Document:
    """What a call is to do.

    Args:
        text: the document.
        base: its own address, against which relative ones are read; empty for a document that came with the call.

    Raises:
        BrokenTwimlError: where it is no TwiML.
    """
    verbs: list[Verb] = []
    unknown: list[str] = []
    for element in _root(text):
        _check(element)
        match element.tag:
            case "Say" | "Pause":
                verbs.extend(_spoken(element))
            case "Gather":
                verbs.append(_gather(element, base))
            case "Redirect":
                verbs.append(Redirect(urljoin(base, (element.text or "").strip())))
            case "Hangup":
                verbs.append(End("hung up"))
            case "Reject":
                verbs.append(End("rejected"))
            case tag:
                unknown.append(tag)
    return Document(tuple(verbs), tuple(unknown))


def messages(text: str) -> tuple[str, ...]:
    """The texts that are to be sent in answer to one.

    Raises:
        BrokenTwimlError: where it is no TwiML.
    """
    found = []
    for message in _root(text).iter("Message"):
        bodies = message.findall("Body")
        words = "".join("".join(body.itertext()) for body in bodies) if bodies else (message.text or "")
        if words.strip():
            found.append(words.strip())
    return tuple(found)


def _root(text: str) -> ElementTree.Element:
    broken, root = "", None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - our own services wrote it
    except ElementTree.ParseError as error:
        broken = str(error)
    if root is None:
        # raised out here: who keeps the error must not keep the parser, over which CPython 3.12.1 crashes at its end
        raise BrokenTwimlError(broken)
    if root.tag != "Response":
        raise BrokenTwimlError(f"the document is a <{root.tag}>, not a <Response>")
    return root


def _check(element: ElementTree.Element) -> None:
    """Refuses what Twilio would not follow: unknown attributes, a language without a region, other verbs in a Gather."""
    if foreign := sorted(set(element.attrib) - ATTRIBUTES.get(element.tag, set(element.attrib))):
        raise BrokenTwimlError(f"<{element.tag}> has no attribute {foreign[0]}")
    language = element.get("language")
    if language is not None and not LANGUAGE.fullmatch(language):
        raise BrokenTwimlError(f"{language} is no language that Twilio speaks: it wants one such as en-US")
    if element.tag == "Gather":
        for inner in element:
            if inner.tag not in ("Say", "Pause", "Play"):
                raise BrokenTwimlError(f"<{inner.tag}> cannot stand in a <Gather>")
            _check(inner)


def _spoken(element: ElementTree.Element) -> list[Say | Pause]:
    if element.tag == "Pause":
        return [Pause(_number(element, "length", 1.0))]
    words = " ".join("".join(element.itertext()).split())
    times = int(_number(element, "loop", 1.0))
    return [Say(words)] * min(times, LOOPS_AT_MOST)


def _gather(element: ElementTree.Element, base: str) -> Gather:
    words = [spoken for inner in element if inner.tag in ("Say", "Pause") for spoken in _spoken(inner)]
    return Gather(
        words=tuple(words),
        action=urljoin(base, element.get("action", "")),
        digits=int(_number(element, "numDigits", 0.0)),
        seconds=_number(element, "timeout", DEFAULT_GATHER_SECONDS),
        finish=element.get("finishOnKey", "#"),
        even_empty=element.get("actionOnEmptyResult", "false").lower() == "true",
    )


def _number(element: ElementTree.Element, name: str, otherwise: float) -> float:
    try:
        return float(element.get(name, otherwise))
    except ValueError:
        raise BrokenTwimlError(f"{name} of <{element.tag}> is no number") from None
