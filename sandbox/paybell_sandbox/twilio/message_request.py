"""What a request to send a message must look like; each refusal is the one that Twilio would give."""

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from paybell_sandbox.twilio import numbers, senders
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.carrier import Wanted
from paybell_sandbox.twilio.errors import TwilioError
from paybell_sandbox.twilio.network import Network

KNOWN: Final = frozenset({
    "To", "From", "MessagingServiceSid", "FallbackFrom", "Body", "MediaUrl", "ContentSid", "ContentVariables", "StatusCallback",
    "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt", "ValidityPeriod", "ForceDelivery", "ContentRetention",
    "AddressRetention", "SmartEncoded", "PersistentAction", "TrafficType", "ShortenUrls", "ScheduleType", "SendAt", "SendAsMms",
    "RiskCheck", "MessageIntent",
})  # fmt: skip

CHOICES: Final = {
    "RiskCheck": ("enable", "disable"),
    "ContentRetention": ("retain", "discard"),
    "AddressRetention": ("retain", "obfuscate"),
    "TrafficType": ("free",),
    "MessageIntent": (
        "otp", "notifications", "fraud", "security", "customercare", "delivery", "education", "events", "polling", "announcements",
        "marketing",
    ),
    **dict.fromkeys(("ProvideFeedback", "ForceDelivery", "SmartEncoded", "ShortenUrls", "SendAsMms"), ("true", "false")),
}  # fmt: skip
"""Parameters that are one of a few words."""

LONGEST_BODY: Final = 1_600
MOST_MEDIA: Final = 10
LONGEST_VALIDITY: Final = 36_000
LONGEST_URL: Final = 4_000
SOONEST: Final = datetime.timedelta(minutes=5)
LATEST: Final = datetime.timedelta(days=35)

_UNFIT = re.compile(r"[\n\r\t]| {4}")
"""What WhatsApp takes in no variable."""
_HOST = re.compile(r"^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$")


def valid_url(url: str) -> bool:
    """An absolute http(s) URL whose host name has no underscore, at most 4,000 characters.

    Unlike Twilio it takes this machine's own address: the services live there.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return len(url) <= LONGEST_URL and parts.scheme in ("http", "https") and bool(_HOST.match(host or ""))


def parse(form: Mapping[str, str], media: Sequence[str], network: Network, account_sid: str) -> Wanted:
    """A valid request.

    Raises:
        TwilioError: as Twilio would answer. A parameter that Twilio does not know is refused too, where Twilio would
            silently drop it.
    """
    if unknown := sorted(set(form) - KNOWN):
        network.sandbox.violation(
            "a message was asked for with a parameter that Twilio does not know", parameter=unknown[0]
        )
        raise TwilioError(20001, f"unknown parameter {unknown[0]}")
    to, sender, service = form.get("To", ""), form.get("From") or None, form.get("MessagingServiceSid") or None
    _check_to(to)
    senders.check_message(network.account(account_sid), to, sender, service)
    body = _body(form, media)
    callback = form.get("StatusCallback", "")
    if callback and not valid_url(callback):
        raise TwilioError(21609, callback)
    _check_choices(form)
    _check_validity(form)
    send_at = _send_at(form, service, network.sandbox.clock.real_now())
    _check_reachable(to, sender, service, network)
    return Wanted(
        account_sid=account_sid,
        to=to,
        sender=sender,
        service=service,
        body=body,
        status_callback=callback,
        num_media=len(media),
        template="ContentSid" in form,
        send_at=send_at,
    )


def _check_to(to: str) -> None:
    if not to:
        raise TwilioError(21604)
    if not numbers.is_dialable(plain_number(to)) or to.rpartition(":")[0] not in ("", "whatsapp", "rcs"):
        raise TwilioError(21265 if senders.SHORT_CODE.fullmatch(to) else 21211, to)


def _check_reachable(to: str, sender: str | None, service: str | None, network: Network) -> None:
    if refuse := numbers.behaviour(plain_number(to)).refuse:
        raise TwilioError(refuse, to)
    if (
        not to.startswith("whatsapp:")
        and (plain_number(to), service or plain_number(sender or "")) in network.opted_out
    ):
        raise TwilioError(21610)


def _body(form: Mapping[str, str], media: Sequence[str]) -> str:
    body = form.get("Body", "")
    if len(body) > LONGEST_BODY:
        raise TwilioError(21617)
    if len(media) > MOST_MEDIA:
        raise TwilioError(21623)
    for url in media:
        if not valid_url(url):
            raise TwilioError(21620, url)
    content = form.get("ContentSid", "")
    if content:
        return f"[{_content_sid(content)}] {' '.join(_variables(form.get('ContentVariables') or '{}'))}".strip()
    if not body and not media:
        raise TwilioError(21602)
    return body


def _content_sid(text: str) -> str:
    if not re.fullmatch(r"HX[0-9a-fA-F]{32}", text):
        raise TwilioError(20404, text)
    return text


def _variables(text: str) -> list[str]:
    try:
        variables = json.loads(text)
    except ValueError:
        raise TwilioError(21656) from None
    if not isinstance(variables, dict):
        raise TwilioError(21656)
    if any(not isinstance(value, str) or not value or _UNFIT.search(value) for value in variables.values()):
        raise TwilioError(21656, "a value is empty, no text, or holds a line break, a tab or four spaces")
    return [str(value) for value in variables.values()]


def _check_choices(form: Mapping[str, str]) -> None:
    for name, words in CHOICES.items():
        if form.get(name, words[0]) not in words:
            raise TwilioError(20001, f"{name} is one of {', '.join(words)}")


def _check_validity(form: Mapping[str, str]) -> None:
    period = form.get("ValidityPeriod")
    if period is not None and not (period.isdigit() and 1 <= int(period) <= LONGEST_VALIDITY):
        raise TwilioError(20001, f"ValidityPeriod must be between 1 and {LONGEST_VALIDITY}")


def _send_at(form: Mapping[str, str], service: str | None, now: datetime.datetime) -> datetime.datetime | None:
    if "ScheduleType" not in form and "SendAt" not in form:
        return None
    if service is None:
        raise TwilioError(35118)
    try:
        at = datetime.datetime.fromisoformat(form.get("SendAt", ""))
        ahead = at - now
    except (ValueError, TypeError):
        raise TwilioError(35114) from None
    if form.get("ScheduleType") != "fixed" or not SOONEST <= ahead <= LATEST:
        raise TwilioError(35114)
    return at
