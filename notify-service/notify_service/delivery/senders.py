"""How an account sends: its credentials and a sender for each channel. Values, made from the configuration. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from notify_service.accounts import sender_for

from .listed import From


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request is signed with: an API key and its secret, or the account's SID and token."""

    account_sid: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.account_sid})"


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender. `name` is the pacing unit that notifications name; `pace` is segments (or calls) a second, None: unpaced."""

    name: str
    channel: str
    origin: From
    pace: float | None = None


@dataclass(frozen=True, slots=True)
class SendingAccount:
    """One account. `by_scope`: (scope, channel) to a sender; scope "" serves every scope that has none of its own.

    `brand`: who is calling, in our own words. `takes_keys`: whether keys pressed in a call reach us.
    """

    account_id: str
    credentials: Credentials
    by_scope: Mapping[tuple[str, str], Sender]
    brand: str = ""
    takes_keys: bool = False

    def sender_for(self, channel: str, scope: str) -> Sender | None:
        """Who sends on a channel under a scope; None where nobody is configured: then the channel is refused."""
        return sender_for(self.by_scope, channel, scope)

    def senders(self) -> Mapping[str, Sender]:
        """Every sender by its name."""
        return {sender.name: sender for sender in self.by_scope.values()}
