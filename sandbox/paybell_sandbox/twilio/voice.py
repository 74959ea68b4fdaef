"""A call from ringing to hanging up: what TwiML says is said, and key presses go where it wants them."""

import asyncio
import contextlib
from typing import Final

from paybell_sandbox.twilio import numbers, reports, twiml
from paybell_sandbox.twilio.callbacks import Answer, delivery
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import API_VERSION, Call, rfc2822

MORE_RING_SECONDS: Final = 5.0
"""Twilio lets it ring a little longer than asked for."""
BUSY_SECONDS: Final = 1.5
VOICEMAIL_SECONDS: Final = 4.0
LETTERS_A_SECOND: Final = 15.0
"""How fast words are spoken."""
MOST_DOCUMENTS: Final = 30

_EVENTS: Final = {
    "in-progress": "answered", "no-answer": "completed", "busy": "completed", "canceled": "completed", "failed": "completed",
}  # fmt: skip

_MACHINE: Final = {"Enable": "machine_start", "DetectMessageEnd": "machine_end_beep"}


async def ring(network: Network, call: Call) -> None:
    """Rings until somebody answers or nobody does."""
    _come_to(network, call, "initiated")
    behaviour = numbers.behaviour(call.to).call
    if behaviour == "failed":
        end(network, call, "failed")
        return
    _come_to(network, call, "ringing")
    match behaviour:
        case "busy":
            seconds = BUSY_SECONDS
        case "voicemail":
            seconds = VOICEMAIL_SECONDS
        case _:
            seconds = call.ring_seconds + MORE_RING_SECONDS
    await asyncio.sleep(network.sandbox.waiting(seconds))
    if call.status != "ringing":
        return
    if behaviour == "voicemail":
        answer(network, call, machine=True)
    else:
        end(network, call, "busy" if behaviour == "busy" else "no-answer")


def answer(network: Network, call: Call, *, machine: bool) -> bool:
    """Somebody or a machine takes the call; False where it does not ring."""
    if call.status != "ringing":
        return False
    call.started = network.sandbox.clock.real_now()
    found = _MACHINE.get(call.machine_detection, "machine_start") if machine else "human"
    if call.machine_detection and not call.detection_callback:
        call.answered_by = found
    _come_to(network, call, "in-progress")
    if call.machine_detection and call.detection_callback:
        network.under_way(_detected(network, call, found))
    call.talk = network.beside(_talk(network, call, call.twiml, call.url))
    return True


def press(network: Network, call: Call, digits: str) -> bool:
    """Keys are pressed; False where the call does not listen."""
    gather = call.gather
    if gather is None:
        return False
    call.pressed.append(digits)
    call.typed += digits
    ended = bool(gather.finish) and gather.finish in call.typed
    if ended:
        call.typed = call.typed.partition(gather.finish)[0]
    if ended or not gather.digits or len(call.typed) >= gather.digits:
        call.keys.set()
    network.announce(call)
    return True


def decline(network: Network, call: Call) -> bool:
    """The person declines while it rings; False where it does not."""
    if call.status != "ringing":
        return False
    end(network, call, "busy")
    return True


def redirect(network: Network, call: Call, document: str, url: str) -> None:
    """A call that is under way goes on with another document."""
    if call.talk is not None:
        call.talk.cancel()
    call.gather = None
    call.talk = network.beside(_talk(network, call, document, url))


def end(network: Network, call: Call, status: str = "completed") -> bool:
    """The call ends, whatever it is doing; False where it had ended."""
    if call.ended is not None:
        return False
    call.ended = network.sandbox.clock.real_now()
    call.gather = None
    if call.talk is not None and call.talk is not asyncio.current_task():
        call.talk.cancel()
    _come_to(network, call, status)
    return True


def _come_to(network: Network, call: Call, status: str) -> None:
    call.status = "queued" if status == "initiated" else status
    call.history.append({"status": status, "business_at": network.business().isoformat()})
    network.announce(call)
    if _EVENTS.get(status, status) in call.status_events:
        form = _form(call) | {
            "SequenceNumber": str(call.sequence),
            "Timestamp": rfc2822(network.sandbox.clock.real_now()) or "",
            "CallbackSource": "call-progress-events",
        }
        call.sequence += 1
        if call.ended is not None:
            form |= {"CallDuration": str(call.to_json()["duration"] or 0), "SipResponseCode": "200"}
        reports.send(network, call, status, form)
    if call.ended is not None:
        reports.flush(network, call)


def _form(call: Call) -> dict[str, str]:
    form = {
        "CallSid": call.sid, "AccountSid": call.account_sid, "From": call.from_, "To": call.to, "Direction": "outbound-api",
        "CallStatus": call.history[-1]["status"] if call.history else call.status, "ApiVersion": API_VERSION,
        "Called": call.to, "Caller": call.from_,
    }  # fmt: skip
    if call.answered_by:
        form["AnsweredBy"] = call.answered_by
    return form


async def _detected(network: Network, call: Call, found: str) -> None:
    form = {
        "CallSid": call.sid, "AccountSid": call.account_sid, "AnsweredBy": found, "MachineDetectionDuration": "2500",
    }  # fmt: skip
    got = await network.callbacks.post(call.detection_callback, form)
    call.answered_by = found
    call.deliveries.append(delivery(call.detection_callback, got, "answered-by", network.business().isoformat()))
    network.announce(call)


async def _ask(network: Network, call: Call, url: str, more: dict[str, str]) -> Answer:
    got = await network.callbacks.post(url, _form(call) | more)
    line = delivery(url, got, "twiml", network.business().isoformat())
    if got.status >= 400 or got.status == 0:
        network.wrong(line, "a call asked for TwiML and got none", sid=call.sid)
    call.deliveries.append(line)
    return got


async def _talk(network: Network, call: Call, document: str, url: str) -> None:
    """Speaks one document after the other until none follows, then hangs up."""
    if url:
        document = (await _ask(network, call, url, {})).body
    for _ in range(MOST_DOCUMENTS):
        follows = await _perform(network, call, document, url)
        if follows is None:
            break
        url, more = follows
        document = (await _ask(network, call, url, more)).body
    end(network, call)


async def _perform(network: Network, call: Call, text: str, base: str) -> tuple[str, dict[str, str]] | None:
    """Speaks a document; gives where the next one is to be had, None at the end."""
    try:
        document = twiml.voice(text, base)
    except twiml.BrokenTwimlError as error:
        network.sandbox.violation("a call was given something that is no TwiML", sid=call.sid, why=str(error))
        await _say(network, call, "An application error has occurred. Goodbye.")
        return None
    for name in document.unknown:
        network.sandbox.violation("TwiML has a verb that the sandbox does not play", sid=call.sid, verb=name)
    for verb in document.verbs:
        match verb:
            case twiml.Say(words):
                await _say(network, call, words)
            case twiml.Pause(seconds):
                await asyncio.sleep(network.sandbox.waiting(seconds))
            case twiml.Redirect(url):
                return url, {}
            case twiml.End():
                return None
            case twiml.Gather():
                digits = await _listen(network, call, verb)
                if digits or verb.even_empty:
                    return verb.action or base, {"Digits": digits}
    return None


async def _say(network: Network, call: Call, words: str) -> None:
    call.said.append(words)
    network.announce(call)
    await asyncio.sleep(network.sandbox.waiting(len(words) / LETTERS_A_SECOND))


async def _listen(network: Network, call: Call, gather: twiml.Gather) -> str:
    """Speaks and listens at the same time, until enough keys were pressed or nothing more comes; gives the keys."""
    call.gather, call.typed = gather, ""
    call.keys.clear()
    speaking = asyncio.ensure_future(_speak(network, call, gather))
    listening = asyncio.ensure_future(call.keys.wait())
    try:
        await asyncio.wait({speaking, listening}, return_when=asyncio.FIRST_COMPLETED)
        return call.typed
    finally:
        for task in (speaking, listening):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(speaking, listening, return_exceptions=True)
        call.gather = None
        network.announce(call)


async def _speak(network: Network, call: Call, gather: twiml.Gather) -> None:
    network.announce(call)
    for words in gather.words:
        if isinstance(words, twiml.Say):
            await _say(network, call, words.text)
        else:
            await asyncio.sleep(network.sandbox.waiting(words.seconds))
    silence = network.sandbox.waiting(gather.seconds)
    typed = None
    while typed != call.typed:  # every key starts the silence anew
        typed = call.typed
        await asyncio.sleep(silence)
