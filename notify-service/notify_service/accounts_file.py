"""Reads the accounts: one, ``main``, from the environment, or many from a file, a YAML list::

    accounts:
      - id: main
        brand: Acme
        policy: policy-main.yaml                           # else the service's
        texts: texts-main                                  # a folder laid over the shipped texts; else those
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
        whatsapp_templates:                                # what WhatsApp approved, for when nobody has written for a day
          - template: fraud_question
            variant: default                               # left out: default
            language: en
            content_sid: HX…
            variables: [brand, amount, code, reference]    # what stands at {{1}}, {{2}}, …

Paths are read from where the file stands. A file with a problem is refused whole, with every problem, where it stands and what to do about it.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from notify_service.accounts import CHANNELS, Account, ContentTemplate, Sender
from notify_service.environment import InvalidSettingsError
from notify_service.settings import Settings

ACCOUNT_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SENDER_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
VALUE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
CONTENT_SID: Final = re.compile(r"HX[0-9a-f]{32}")
CONTENT_KEYS: Final = frozenset({"template", "variant", "language", "content_sid", "variables"})
SCOPE: Final = re.compile(r"([a-z][a-z0-9_]{0,63})?")


def load(settings: Settings) -> Mapping[str, Account]:
    """Every account by its id.

    Raises:
        InvalidSettingsError: listing every problem of the accounts file.
    """
    if settings.notify_accounts_file is None:
        return {"main": _from_environment(settings)}
    return _from_file(settings.notify_accounts_file, settings)


def _from_environment(settings: Settings) -> Account:
    pace = settings.twilio_segments_per_second
    senders = [Sender("sms", "sms", "", settings.twilio_from, settings.twilio_messaging_service_sid, pace)]
    if settings.twilio_voice_from or settings.twilio_from.startswith("+"):
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
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidSettingsError(
            f"{path}: cannot be read as YAML ({type(error).__name__}): correct NOTIFY_ACCOUNTS_FILE or the file"
        ) from None
    listed = document.get("accounts") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InvalidSettingsError(f"{path}: needs a list `accounts:` with at least one entry")
    problems: list[str] = []
    accounts: dict[str, Account] = {}
    for number, raw in enumerate(listed):
        entry = _Entry(raw if isinstance(raw, dict) else {}, settings, path.parent)
        account = entry.read()
        if account.account_id in accounts:
            entry.problems.append(f"id {account.account_id} is used twice: give each account an id of its own")
        accounts[account.account_id] = account
        problems += [f"{path}: accounts[{number}]: {problem}" for problem in entry.problems]
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return accounts


class _Entry:
    """Reads one account and collects what is wrong with it; what it gives is worth something only where nothing is."""

    def __init__(self, raw: Mapping[str, Any], settings: Settings, folder: Path) -> None:
        self.problems: list[str] = []
        self._raw, self._settings, self._folder = raw, settings, folder

    def read(self) -> Account:
        raw, settings = self._raw, self._settings
        identity = str(raw.get("id", ""))
        if not ACCOUNT_ID.fullmatch(identity):
            self.problems.append("id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")
        twilio = raw.get("twilio")
        twilio = twilio if isinstance(twilio, dict) else {}
        if not twilio.get("account_sid"):
            self.problems.append("twilio.account_sid is required: copy it from Twilio's console")
        tokens = self._secret(twilio, "auth_tokens")
        if not tokens and "auth_tokens_file" not in twilio:
            self.problems.append("twilio.auth_tokens or twilio.auth_tokens_file is required: give the account's token")
        api_key, api_secrets = str(twilio.get("api_key", "")), self._secret(twilio, "api_secret")
        if bool(api_key) != bool(api_secrets) and "api_secret_file" not in twilio:
            self.problems.append("twilio.api_key and twilio.api_secret belong together: give both or none")
        return Account(
            account_id=identity,
            brand=str(raw.get("brand", settings.notify_brand)),
            zone=self._zone(str(raw.get("zone", settings.notify_zone))),
            language=str(raw.get("language", settings.notify_language)),
            twilio_account_sid=str(twilio.get("account_sid", "")),
            auth_tokens=tokens,
            api_key=api_key,
            api_secret=next(iter(api_secrets), ""),
            senders=tuple(self._senders(raw.get("senders"))),
            policy_file=self._there("policy", Path.is_file, "a file"),
            texts=self._there("texts", Path.is_dir, "a folder"),
            contents=tuple(self._contents(raw.get("whatsapp_templates"))),
        )

    def _there(self, name: str, is_there: Callable[[Path], bool], what: str) -> Path | None:
        """A file or folder that the entry names."""
        if not (given := self._raw.get(name)):
            return None
        path = self._folder / str(given)
        if not is_there(path):
            self.problems.append(f"{name}: {path} is not {what}: correct the path, or leave it out")
        return path

    def _zone(self, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.problems.append(f"zone {name} is no IANA zone: use one as Europe/Vienna")
        return name

    def _secret(self, raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
        """A secret that stands in the file or in one it names; a list, or comma-separated."""
        if path := raw.get(f"{name}_file"):
            try:
                return _split((self._folder / str(path)).read_text())
            except OSError as error:
                self.problems.append(
                    f"twilio.{name}_file cannot be read ({error.strerror}): name a file that this process may read"
                )
                return ()
        value = raw.get(name) or ()
        return tuple(map(str, value)) if isinstance(value, list) else _split(str(value)) if value else ()

    def _senders(self, listed: Any) -> Iterator[Sender]:
        if not isinstance(listed, list) or not listed:
            self.problems.append("senders: at least one is required: give a list with name, channel and from")
            return
        names: set[str] = set()
        served: set[tuple[str, str]] = set()
        for index, raw in enumerate(listed):
            sender = self._sender(f"senders[{index}]", raw if isinstance(raw, dict) else {})
            if sender is None:
                continue
            # A name is what an attempt is found again by: under a shared one its message would be sought from the wrong number.
            if sender.name in names:
                self.problems.append(
                    f"senders[{index}]: the name {sender.name} is used twice: give each sender a name of its own"
                )
            if (sender.scope, sender.channel) in served:
                whom = f"the scope {sender.scope}" if sender.scope else "the account's default scope"
                self.problems.append(
                    f"senders[{index}]: {whom} has a sender for {sender.channel} already: remove one, or give it a scope of its own"
                )
            names.add(sender.name)
            served.add((sender.scope, sender.channel))
            yield sender

    def _sender(self, where: str, raw: Mapping[str, Any]) -> Sender | None:
        name, channel, scope = str(raw.get("name", "")), raw.get("channel"), str(raw.get("scope") or "")
        if not SENDER_NAME.fullmatch(name):
            self.problems.append(f"{where}: name must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter")
        if not SCOPE.fullmatch(scope):
            self.problems.append(f"{where}: scope must be 1 to 64 of a-z, 0-9 and _, beginning with a letter")
        number, service = raw.get("from", ""), raw.get("messaging_service_sid", "")
        if not isinstance(number, str):  # YAML reads +1415… as a number and loses the plus
            self.problems.append(f"{where}: from is no text: put the number in quotes")
        elif not (number or service):
            self.problems.append(
                f"{where}: from or messaging_service_sid is required: say where its messages come from"
            )
        pace = self._pace(where, raw.get("segments_per_second"))
        if channel not in CHANNELS:
            self.problems.append(f"{where}: channel must be one of {', '.join(CHANNELS)}")
            return None
        return Sender(name, channel, scope, str(number), str(service), pace)

    def _contents(self, listed: Any) -> Iterator[ContentTemplate]:
        if listed is None:
            return
        if not isinstance(listed, list):
            self.problems.append(
                "whatsapp_templates is no list: give template, language, content_sid and variables of each"
            )
            return
        served: set[tuple[str, str, str]] = set()
        for index, raw in enumerate(listed):
            content = self._content(f"whatsapp_templates[{index}]", raw if isinstance(raw, dict) else {})
            key = content.template, content.variant, content.language
            if key in served:
                self.problems.append(
                    f"whatsapp_templates[{index}]: {' '.join(key)} stands twice: remove one, or name its variant or language"
                )
            served.add(key)
            yield content

    def _content(self, where: str, raw: Mapping[str, Any]) -> ContentTemplate:
        template, variant, language = (str(raw.get(name, other)) for name, other in (("template", ""), ("variant", "default"), ("language", "")))  # fmt: skip
        sid, variables = str(raw.get("content_sid", "")), raw.get("variables")
        if unknown := sorted(set(map(str, raw)) - CONTENT_KEYS):
            self.problems.append(f"{where}: {unknown[0]} is unknown: it has {', '.join(sorted(CONTENT_KEYS))}")
        if not VALUE.fullmatch(template) or not VALUE.fullmatch(variant):
            self.problems.append(f"{where}: template and variant must be names of templates as in texts/")
        if not LANGUAGE.fullmatch(language):
            self.problems.append(f"{where}: language must be such as en or pt-BR")
        if not CONTENT_SID.fullmatch(sid):
            self.problems.append(
                f"{where}: content_sid must be HX and 32 hexadecimal digits: copy it from Twilio's console"
            )
        names = tuple(map(str, variables)) if isinstance(variables, list) else ()
        if not names or not all(VALUE.fullmatch(name) for name in names):
            self.problems.append(f"{where}: variables must list the names of values in the order of their places")
        elif "reference" not in names:  # by it a message is found again of which nobody knows whether it went
            self.problems.append(f"{where}: variables lack reference: give it a place in the approved words")
        return ContentTemplate(template, variant, language, sid, names)

    def _pace(self, where: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            self.problems.append(
                f"{where}: segments_per_second must be a number above 0: give the sender's pace, or leave it out"
            )
            return None
        return float(value)


def _split(secret: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in secret.split(","))))
