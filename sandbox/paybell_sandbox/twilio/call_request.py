"""What a request to make a call must look like; each refusal is the one that Twilio would give."""

from collections.abc import Mapping
from typing import Final

from paybell_sandbox.twilio import numbers, senders
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.message_request import valid_url
from paybell_sandbox.twilio.network import Network
from paybell_sandbox.twilio.shapes import Call

KNOWN: Final = frozenset({
    "To", "From", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod",
    "SendDigits", "Timeout", "Record", "RecordingChannels", "RecordingStatusCallback", "RecordingStatusCallbackMethod",
    "SipAuthUsername", "SipAuthPassword", "MachineDetection", "MachineDetectionTimeout", "RecordingStatusCallbackEvent", "Trim",
    "CallerId", "MachineDetectionSpeechThreshold", "MachineDetectionSpeechEndThreshold", "MachineDetectionSilenceTimeout",
    "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", "Byoc", "CallReason", "CallToken", "RecordingTrack",
    "TimeLimit", "ClientNotificationUrl", "Url", "Twiml", "ApplicationSid",
})  # fmt: skip

EVENTS: Final = frozenset({"initiated", "ringing", "answered", "completed"})
LONGEST_TWIML: Final = 4_000
LONGEST_RING: Final = 600
ONLY_POST: Final = ("Method", "StatusCallbackMethod", "AsyncAmdStatusCallbackMethod")
DETECTIONS: Final = ("", "Enable", "DetectMessageEnd")


def parse(form: Mapping[str, str], events: tuple[str, ...], network: Network, account_sid: str) -> Call:
    """A call that Twilio takes, not ringing yet.

    Raises:
        TwilioError: as Twilio would answer; also for a parameter that Twilio does not know, which it would silently drop.
    """
    if unknown := sorted(set(form) - KNOWN):
        network.sandbox.violation(
            "a call was asked for with a parameter that Twilio does not know", parameter=unknown[0]
        )
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    to, sender = form.get("To", ""), form.get("From", "")
    _check_numbers(to, sender, network, account_sid)
    twiml, url = document(form, needed=True)
    callback, detected = form.get("StatusCallback", ""), form.get("AsyncAmdStatusCallback", "")
    for address in (callback, detected):
        if address and not valid_url(address):
            raise TwilioError(21609, address)
    if not set(events) <= EVENTS:
        raise TwilioError(20001, f"StatusCallbackEvent is one of {sorted(EVENTS)}")
    if any(form.get(name, "POST") != "POST" for name in ONLY_POST):
        raise TwilioError(20001, "the sandbox calls back by POST only")
    if form.get("MachineDetection", "") not in DETECTIONS:
        raise TwilioError(20001, "MachineDetection is Enable or DetectMessageEnd")
    refused = numbers.behaviour(to).refuse
    if refused and refused not in (21614, 21610):  # a landline takes calls, and who wants no texts may be called
        raise TwilioError(21214 if refused == 21612 else refused, to)
    return Call(
        sid=network.sid("CA"),
        account_sid=account_sid,
        to=to,
        from_=sender,
        twiml=twiml,
        url=url,
        status="queued",
        created=network.sandbox.clock.real_now(),
        business_at=network.business(),
        status_callback=callback,
        status_events=events or ("completed",),
        machine_detection=form.get("MachineDetection", ""),
        detection_callback=detected if form.get("AsyncAmd", "").lower() == "true" else "",
        ring_seconds=_ring_seconds(form),
    )


def document(form: Mapping[str, str], *, needed: bool) -> tuple[str, str]:
    """The TwiML that came with a request, and where it is to be had instead, which wins.

    Raises:
        TwilioError: where there is none though it is needed, or the address or length is wrong.
    """
    twiml, url = form.get("Twiml", ""), form.get("Url", "")
    if needed and not (twiml or url):
        raise TwilioError(21205)
    if url and not valid_url(url):
        raise TwilioError(21205, url)
    if len(twiml) > LONGEST_TWIML:
        raise TwilioError(20001, f"Twiml is at most {LONGEST_TWIML} characters long")
    return twiml, url


def _check_numbers(to: str, sender: str, network: Network, account_sid: str) -> None:
    if not to:
        raise TwilioError(21201)
    if not sender:
        raise TwilioError(21213)
    if not numbers.is_dialable(to):
        raise TwilioError(21211, to)
    senders.check_call(network.account(account_sid), sender)


def _ring_seconds(form: Mapping[str, str]) -> float:
    text = form.get("Timeout", "60")
    if not text.isdigit() or not 1 <= int(text) <= LONGEST_RING:
        raise TwilioError(20001, f"Timeout is from 1 to {LONGEST_RING} seconds")
    return float(text)
