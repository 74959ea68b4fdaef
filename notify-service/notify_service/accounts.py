"""Accounts: for whom messages are sent, with which credentials, from which senders. Pure.

They come from the accounts file or, without one, from the environment: see ``accounts_file``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar, get_args

Channel = Literal["sms", "voice", "whatsapp"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)

AnySender = TypeVar("AnySender")


@dataclass(frozen=True)
class Sender:
    """Where messages of a channel come from; the unit of pacing.

    Attributes:
        name: stands in rows and logs instead of a number; one sender of an account bears it.
        scope: the brand it speaks for; ``""`` for the account's default.
        segments_per_second: its pace; None where nothing is held back.
    """

    name: str
    channel: Channel
    scope: str = ""
    number: str = ""
    messaging_service_sid: str = ""
    segments_per_second: float | None = None


@dataclass(frozen=True)
class ContentTemplate:
    """Words of a template that WhatsApp has approved, for one variant and language.

    Attributes:
        sid: Twilio's id of them, ``HX…``.
        variables: the values that stand in their places 1, 2, …; `reference` is among them, so that a message is found again.
    """

    template: str
    variant: str
    language: str
    sid: str
    variables: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    """One account.

    Attributes:
        auth_tokens: the first one calls Twilio (unless there is an API key); all are tried on Twilio's signatures.
        zone: where no better zone of a recipient is known.
        language: the last resort of every template.
        senders: each with a name of its own, and at most one for a scope and channel.
        policy_file: its own policy; None for the service's.
        texts: a folder with its own words, laid over the shipped ones; None for none.
        contents: what may be said on WhatsApp when the person has not written for a day.
    """

    account_id: str
    brand: str
    zone: str
    language: str
    twilio_account_sid: str
    auth_tokens: tuple[str, ...]
    api_key: str
    api_secret: str
    senders: tuple[Sender, ...]
    policy_file: Path | None = None
    texts: Path | None = None
    contents: tuple[ContentTemplate, ...] = ()

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Account({self.account_id})"

    @cached_property
    def by_scope(self) -> Mapping[tuple[str, str], Sender]:
        """(scope, channel) to the sender that serves it."""
        return {(sender.scope, sender.channel): sender for sender in self.senders}

    def sender_for(self, channel: str, scope: str = "") -> Sender | None:
        """Who sends on a channel under a scope."""
        return sender_for(self.by_scope, channel, scope)


def sender_for(by_scope: Mapping[tuple[str, str], AnySender], channel: str, scope: str) -> AnySender | None:
    """Who sends on a channel under a scope, for intake as for delivery: the scope's own sender, else the account's default one.

    None where nobody is configured.
    """
    return by_scope.get((scope, channel)) or by_scope.get(("", channel))
