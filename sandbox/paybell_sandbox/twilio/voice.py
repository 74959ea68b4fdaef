"""A call from ringing to hanging up: what TwiML says is said, and key presses go where it wants them."""

import asyncio
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

from paybell_sandbox.twilio.callbacks import Answer, delivery
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import API_VERSION, Call

RING_SECONDS = 60.0
DEEPEST_REDIRECT = 5


async def ring(network: Network, call: Call) -> None:
    """Rings until somebody answers or nobody does."""
    await _come_to(network, call, "initiated")
    await _come_to(network, call, "ringing")
    await asyncio.sleep(network.sandbox.waiting(RING_SECONDS))
    if call.status == "ringing":
        call.ended = network.sandbox.clock.real_now()
        await _come_to(network, call, "no-answer")


async def answer(network: Network, call: Call, answered_by: str) -> None:
    """Somebody (``human``) or something (``machine_start``, …) takes the call and hears what it says."""
    if call.status != "ringing":
        return
    call.started = network.sandbox.clock.real_now()
    call.answered_by = answered_by if call.machine_detection else None
    await _come_to(network, call, "in-progress")
    twiml = call.twiml
    if call.url:
        twiml = (await _ask(network, call, call.url, {})).body
    await _play(network, call, twiml, call.url, 0)


async def press(network: Network, call: Call, digits: str) -> None:
    """A key is pressed while the call listens."""
    gather = call.gather
    if gather is None or call.ended is not None:
        return
    call.gather = None
    call.pressed.append(digits)
    if gather["action"]:
        got = await _ask(network, call, gather["action"], {"Digits": digits})
        await _play(network, call, got.body, gather["action"], 0)


async def hang_up(network: Network, call: Call, status: str = "completed") -> None:
    """The call ends."""
    if call.ended is None:
        call.ended = network.sandbox.clock.real_now()
        call.gather = None
        await _come_to(network, call, status)


async def refuse(network: Network, call: Call) -> None:
    """The person declines while it rings."""
    if call.status == "ringing":
        call.ended = network.sandbox.clock.real_now()
        await _come_to(network, call, "busy")


async def _come_to(network: Network, call: Call, status: str) -> None:
    call.status = "queued" if status == "initiated" else status
    call.history.append({"status": status, "business_at": network.business().isoformat()})
    network.announce(call)
    event = {"in-progress": "answered", "no-answer": "completed", "busy": "completed", "canceled": "completed"}.get(
        status, status
    )
    if call.status_callback and event in call.status_events:
        form = _form(call) | {"SequenceNumber": str(call.sequence), "Timestamp": str(call.to_json()["date_updated"])}
        call.sequence += 1
        if call.ended is not None:
            form["CallDuration"] = str(call.to_json()["duration"] or 0)
        got = await network.callbacks.post(call.status_callback, form)
        call.deliveries.append(delivery(call.status_callback, got, status, network.business().isoformat()))


def _form(call: Call) -> dict[str, str]:
    form = {
        "CallSid": call.sid, "AccountSid": call.account_sid, "From": call.from_, "To": call.to, "Direction": "outbound-api",
        "CallStatus": call.history[-1]["status"] if call.history else call.status, "ApiVersion": API_VERSION,
        "Called": call.to, "Caller": call.from_,
    }  # fmt: skip
    if call.answered_by:
        form["AnsweredBy"] = call.answered_by
    return form


async def _ask(network: Network, call: Call, url: str, more: dict[str, str]) -> Answer:
    got = await network.callbacks.post(url, _form(call) | more)
    call.deliveries.append(delivery(url, got, "twiml", network.business().isoformat()))
    return got


async def _play(network: Network, call: Call, twiml: str, base: str, depth: int) -> None:
    try:
        root = ElementTree.fromstring(twiml)  # noqa: S314 - our own services wrote it
    except ElementTree.ParseError:
        call.said.append("An application error has occurred. Goodbye.")
        await hang_up(network, call)
        return
    for verb in root:
        match verb.tag:
            case "Say":
                call.said.append(_words(verb))
            case "Gather":
                call.said.extend(_words(inner) for inner in verb.iter("Say"))
                call.gather = _listening(verb, base)
                network.announce(call)
                return
            case "Redirect" if depth < DEEPEST_REDIRECT:
                target = urljoin(base, (verb.text or "").strip())
                await _play(network, call, (await _ask(network, call, target, {})).body, target, depth + 1)
                return
            case "Hangup":
                break
            case _:
                continue
    network.announce(call)
    await hang_up(network, call)


def _listening(gather: ElementTree.Element, base: str) -> dict[str, Any]:
    action = gather.get("action", "")
    return {"action": urljoin(base, action) if action else base, "digits": int(gather.get("numDigits", "0") or 0)}


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())
