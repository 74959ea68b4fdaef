"""Accounts: for whom messages are sent, with which credentials, from which senders.

Without an accounts file there is one, ``main``, from the environment. With one, it is a YAML list::

    accounts:
      - id: main
        brand: Acme
        zone: America/New_York
        language: en
        twilio:
          account_sid: AC…
          auth_tokens_file: /run/secrets/twilio-token      # or auth_tokens: […]
        senders:
          - name: sms
            channel: sms
            messaging_service_sid: MG…                     # or from: "+1…"
            segments_per_second: 10
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from notify_service.environment import InvalidSettingsError
from notify_service.settings import Settings

Channel = Literal["sms", "voice", "whatsapp"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
ACCOUNT_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")


@dataclass(frozen=True)
class Sender:
    """Where messages of a channel come from; the unit of pacing.

    Attributes:
        name: stands in rows and logs instead of a number.
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
class Account:
    """One account.

    Attributes:
        auth_tokens: the first one calls Twilio (unless there is an API key); all are tried on Twilio's signatures.
        zone: where no better zone of a recipient is known.
        language: the last resort of every template.
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

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Account({self.account_id})"

    def sender_for(self, channel: str, scope: str = "") -> Sender | None:
        """The sender of a channel for a scope, else the channel's default one."""
        fitting = [sender for sender in self.senders if sender.channel == channel]
        scoped = [sender for sender in fitting if sender.scope == scope]
        return next(iter(scoped or [sender for sender in fitting if not sender.scope]), None)

    def sender(self, name: str) -> Sender | None:
        """The sender of this name."""
        return next((sender for sender in self.senders if sender.name == name), None)


def load(settings: Settings) -> Mapping[str, Account]:
    """Every account by its id.

    Raises:
        InvalidSettingsError: listing every problem of the accounts file.
    """
    if settings.notify_accounts_file is None:
        return {"main": _from_environment(settings)}
    return _from_file(settings.notify_accounts_file, settings)


def _split(secret: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in secret.split(","))))


def _from_environment(settings: Settings) -> Account:
    pace = settings.twilio_segments_per_second
    senders = [Sender("sms", "sms", "", settings.twilio_from, settings.twilio_messaging_service_sid, pace)]
    if settings.twilio_voice_from or (settings.twilio_from.startswith("+") and not settings.twilio_voice_from):
        senders.append(Sender("voice", "voice", "", settings.twilio_voice_from or settings.twilio_from))
    if settings.twilio_whatsapp_from:
        senders.append(Sender("whatsapp", "whatsapp", "", settings.twilio_whatsapp_from.removeprefix("whatsapp:")))
    return Account(
        account_id="main",
        brand=settings.notify_brand,
        zone=settings.notify_zone,
        language=settings.notify_language,
        twilio_account_sid=settings.twilio_account_sid,
        auth_tokens=_split(settings.twilio_auth_token.get_secret_value()),
        api_key=settings.twilio_api_key,
        api_secret=settings.twilio_api_secret.get_secret_value(),
        senders=tuple(senders),
    )


def _from_file(path: Path, settings: Settings) -> Mapping[str, Account]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InvalidSettingsError(f"{path}: cannot be read as YAML ({type(error).__name__})") from None
    listed = document.get("accounts") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InvalidSettingsError(f"{path}: needs a list `accounts:` with at least one entry")
    problems: list[str] = []
    accounts: dict[str, Account] = {}
    for number, raw in enumerate(listed):
        try:
            account = _account(raw if isinstance(raw, dict) else {}, settings)
        except InvalidSettingsError as error:
            problems += [f"{path}: accounts[{number}]: {line}" for line in str(error).splitlines()]
            continue
        if account.account_id in accounts:
            problems.append(f"{path}: accounts[{number}]: the id {account.account_id} is used twice")
        accounts[account.account_id] = account
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return accounts


def secret_of(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A secret that stands in the file or in one it names; a list, or comma-separated.

    Raises:
        InvalidSettingsError: where the named file cannot be read.
    """
    if path := raw.get(f"{name}_file"):
        try:
            return _split(Path(str(path)).read_text())
        except OSError as error:
            raise InvalidSettingsError(f"{name}_file cannot be read: {error.strerror}") from None
    value = raw.get(name, ())
    return _split(value) if isinstance(value, str) else tuple(str(part) for part in value)


def _account(raw: Mapping[str, Any], settings: Settings) -> Account:
    problems = []
    identity = str(raw.get("id", ""))
    if not ACCOUNT_ID.match(identity):
        problems.append("id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")
    twilio = raw.get("twilio") or {}
    tokens = secret_of(twilio, "auth_tokens")
    if not twilio.get("account_sid"):
        problems.append("twilio.account_sid is required")
    if not tokens:
        problems.append("twilio.auth_tokens or twilio.auth_tokens_file is required")
    zone = str(raw.get("zone", settings.notify_zone))
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"zone {zone} is no IANA zone, as Europe/Vienna")
    senders = []
    for index, sender in enumerate(raw.get("senders") or []):
        if sender.get("channel") not in CHANNELS or not sender.get("name"):
            problems.append(f"senders[{index}] needs a name and a channel out of {', '.join(CHANNELS)}")
            continue
        if not (sender.get("from") or sender.get("messaging_service_sid")):
            problems.append(f"senders[{index}] needs from or messaging_service_sid")
        senders.append(
            Sender(
                name=str(sender["name"]),
                channel=sender["channel"],
                scope=str(sender.get("scope", "")),
                number=str(sender.get("from", "")),
                messaging_service_sid=str(sender.get("messaging_service_sid", "")),
                segments_per_second=sender.get("segments_per_second"),
            )
        )
    if not senders:
        problems.append("senders: at least one is required")
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return Account(
        account_id=identity,
        brand=str(raw.get("brand", settings.notify_brand)),
        zone=zone,
        language=str(raw.get("language", settings.notify_language)),
        twilio_account_sid=str(twilio["account_sid"]),
        auth_tokens=tokens,
        api_key=str(twilio.get("api_key", "")),
        api_secret=next(iter(secret_of(twilio, "api_secret")), ""),
        senders=tuple(senders),
    )
