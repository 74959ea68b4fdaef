"""A reply as the provider hands it over. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from notify_service.consent.number import of_whatsapp

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Reply:
    """`sender` and `to` without a channel's prefix. `provider_at`: the provider's date, where it is known.

    `service`: the Messaging Service that was written to; `button`: what a tapped button stands for, where one was. `shared`: nobody
    knows for which of several accounts it is.
    """

    sid: str
    channel: str
    sender: str
    to: str
    body: str
    opt_out_type: str = ""
    provider_at: datetime | None = None
    service: str = ""
    button: str = ""
    shared: bool = False

    def __repr__(self) -> str:
        return f"Reply({self.sid})"

    @staticmethod
    def of_form(form: Mapping[str, str]) -> "Reply | None":
        """From a webhook's form; None where it names no message."""
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        if not _SID.fullmatch(sid) or not form.get("From"):
            return None
        channel, sender = sender_of(form["From"])
        return Reply(
            sid, channel, sender, split(form.get("To", ""))[1], form.get("Body", ""), form.get("OptOutType", "").upper(),
            service=form.get("MessagingServiceSid", ""), button=form.get("ButtonPayload", ""),
        )  # fmt: skip

    def payload(self) -> bytes:
        """What is kept, sealed, as long as bodies are: JSON."""
        kept = asdict(self)
        del kept["provider_at"]
        return json.dumps(kept, ensure_ascii=False).encode()

    @staticmethod
    def of_payload(raw: bytes, provider_at: datetime | None) -> "Reply":
        """What `payload` made."""
        return Reply(**json.loads(raw), provider_at=provider_at)


def sender_of(address: str) -> tuple[str, str]:
    """The channel and number of whoever wrote: the number as it is written to."""
    channel, number = split(address)
    return channel, of_whatsapp(number) if channel == "whatsapp" else number


def split(address: str) -> tuple[str, str]:
    """Channel and number of an address: "whatsapp:+1…" or "+1…". RCS comes through the same sender as SMS."""
    prefix, colon, number = address.rpartition(":")
    return ("whatsapp" if colon and prefix == "whatsapp" else "sms"), number
