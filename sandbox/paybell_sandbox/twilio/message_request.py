"""What a request to send a message must look like; each refusal is the one that Twilio would give."""

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from paybell_sandbox.twilio import numbers
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.network import Network, plain_number

KNOWN = frozenset({
    "To", "From", "MessagingServiceSid", "FallbackFrom", "Body", "MediaUrl", "ContentSid", "ContentVariables", "StatusCallback",
    "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt", "ValidityPeriod", "ForceDelivery", "ContentRetention",
    "AddressRetention", "SmartEncoded", "PersistentAction", "TrafficType", "ShortenUrls", "ScheduleType", "SendAt", "SendAsMms",
    "RiskCheck", "MessageIntent",
})  # fmt: skip

LONGEST_BODY = 1_600
_HOST = re.compile(r"^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$")


@dataclass(frozen=True)
class MessageRequest:
    """A request that Twilio takes."""

    to: str
    sender: str | None
    service: str | None
    body: str
    status_callback: str
    num_media: int
    scheduled: bool


def valid_callback(url: str) -> bool:
    """An absolute http(s) URL whose host name has no underscore, at most 4,000 characters."""
    parts = urlsplit(url)
    return len(url) <= 4_000 and parts.scheme in ("http", "https") and bool(_HOST.match(parts.hostname or ""))


def parse(form: Mapping[str, str], media: int, network: Network) -> MessageRequest:
    """A valid request.

    Raises:
        TwilioError: as Twilio would answer.
    """
    if unknown := sorted(set(form) - KNOWN):
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    to, sender, service = form.get("To", ""), form.get("From") or None, form.get("MessagingServiceSid") or None
    _check_addresses(to, sender, service)
    body = _body(form, media)
    callback = form.get("StatusCallback", "")
    if callback and not valid_callback(callback):
        raise TwilioError(21609)
    _check_validity(form)
    scheduled = _check_schedule(form, service, network.sandbox.clock.real_now())
    behaviour = numbers.behaviour(plain_number(to))
    if behaviour.refuse:
        raise TwilioError(behaviour.refuse)
    if (plain_number(to), service or plain_number(sender or "")) in network.opted_out:
        raise TwilioError(21610)
    return MessageRequest(to, sender, service, body, callback, media, scheduled)


def _check_addresses(to: str, sender: str | None, service: str | None) -> None:
    if not to:
        raise TwilioError(21604)
    if not numbers.is_dialable(plain_number(to)):
        raise TwilioError(21265 if re.fullmatch(r"\+?\d{3,6}", to) else 21211, to[:4] + "…")
    if sender is None and service is None:
        raise TwilioError(21603)
    if service is not None and not re.fullmatch(r"MG[0-9a-f]{32}", service):
        raise TwilioError(21701)
    if sender is not None and to == sender:
        raise TwilioError(21266)
    if sender is not None and not (
        numbers.is_dialable(plain_number(sender)) or re.fullmatch(r"[A-Za-z0-9 ]{1,11}|\d{3,6}", sender)
    ):
        raise TwilioError(21212)
    if sender is not None and to.startswith("whatsapp:") != sender.startswith("whatsapp:"):
        raise TwilioError(21612)


def _body(form: Mapping[str, str], media: int) -> str:
    body = form.get("Body", "")
    if len(body) > LONGEST_BODY:
        raise TwilioError(21617)
    if form.get("ContentSid"):
        variables = json.loads(form.get("ContentVariables") or "{}")
        return f"[{form['ContentSid']}] " + " ".join(str(value) for value in variables.values())
    if not body and not media:
        raise TwilioError(21602)
    return body


def _check_validity(form: Mapping[str, str]) -> None:
    period = form.get("ValidityPeriod")
    if period is not None and not (period.isdigit() and 1 <= int(period) <= 36_000):
        raise TwilioError(20001, "ValidityPeriod must be between 1 and 36000")


def _check_schedule(form: Mapping[str, str], service: str | None, now: datetime.datetime) -> bool:
    if "ScheduleType" not in form and "SendAt" not in form:
        return False
    if service is None:
        raise TwilioError(35118)
    try:
        ahead = (datetime.datetime.fromisoformat(form.get("SendAt", "")) - now).total_seconds()
    except (ValueError, TypeError):
        raise TwilioError(35114) from None
    if form.get("ScheduleType") != "fixed" or not 300 <= ahead <= 35 * 86_400:
        raise TwilioError(35114)
    return True
