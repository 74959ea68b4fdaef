"""Accounts: each is one Stripe account in one mode. Test and live are two accounts with two names.

Without an accounts file there is one, ``main``, from the environment. With one, it is a YAML list::

    accounts:
      - id: main
        stripe_account: acct_…            # only for a connected account
        livemode: true                    # else told by the key
        api_key_file: /run/secrets/stripe-key             # or api_key: rk_live_…; a connected account's is the platform's
        webhook_secrets_file: /run/secrets/stripe-hooks   # or webhook_secrets: […]
        region: US
        zone: America/New_York
        rules: rules-main.yaml            # else the service's rules
        brand: Acme                       # on the pages of payment links; else INGEST_BRAND

Paths are read from where the file stands. Stripe has one endpoint for all connected accounts of a platform: it may lead to the path of
any of them, where they list the same webhook secret; see `meant`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ingest_service.environment import InvalidSettingsError
from ingest_service.settings import Settings

ACCOUNT_ID = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
STRIPE_ACCOUNT = re.compile(r"^acct_[A-Za-z0-9]+$")
REGION = re.compile(r"^[A-Z]{2}$")
KEYS = frozenset({
    "id", "stripe_account", "livemode", "api_key", "api_key_file", "webhook_secrets", "webhook_secrets_file", "region", "zone", "rules", "brand",
})  # fmt: skip
LIVE_KEY = re.compile(r"^[a-z]{2}_live_")


@dataclass(frozen=True)
class Account:
    """One account.

    Attributes:
        stripe_account: the connected account whose events these are; None for the key's own account.
        webhook_secrets: all are tried on a signature.
        region: ISO 3166-1 of the business, the last resort for reading a national number.
        rules_file: rules of its own; None for the service's.
        brand: the name on the pages of payment links; empty: the business's public name at Stripe.
    """

    account_id: str
    stripe_account: str | None
    livemode: bool
    api_key: str
    webhook_secrets: tuple[str, ...]
    region: str
    zone: str
    rules_file: Path | None
    brand: str = ""

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Account({self.account_id})"


def load(settings: Settings) -> Mapping[str, Account]:
    """Every account by its id.

    Raises:
        InvalidSettingsError: listing every problem of the accounts file.
    """
    if settings.ingest_accounts_file is not None:
        return _from_file(settings.ingest_accounts_file, settings)
    key = settings.stripe_api_key.get_secret_value()
    main = Account(
        account_id="main",
        stripe_account=None,
        livemode=bool(LIVE_KEY.match(key)),
        api_key=key,
        webhook_secrets=_split(settings.stripe_webhook_secrets.get_secret_value()),
        region=settings.ingest_region,
        zone=settings.ingest_zone,
        rules_file=settings.ingest_rules_file,
        brand=settings.ingest_brand,
    )
    return {"main": main}


def meant(accounts: Mapping[str, Account], addressed: Account, named: object, *, livemode: bool) -> Account:
    """Whose event it is that came to the path of `addressed` and was signed with one of its secrets.

    Stripe posts the events of all connected accounts of a platform, in both modes, to one endpoint. An event that came to a connected
    account's path is for the connected account that it names, where that one lists a secret of the same endpoint. Every other
    event stays with whom it was addressed to, and is set aside there if it is not theirs.
    """
    if (
        named is None
        or addressed.stripe_account is None
        or (named == addressed.stripe_account and livemode == addressed.livemode)
    ):
        return addressed
    shared = set(addressed.webhook_secrets)
    for account in accounts.values():
        if account.stripe_account == named and account.livemode == livemode and shared & set(account.webhook_secrets):
            return account
    return addressed


def _split(secret: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in secret.split(","))))


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
    whose: dict[tuple[str, str | None], str] = {}
    for number, raw in enumerate(listed):
        try:
            account = _account(raw if isinstance(raw, dict) else {}, settings, path.parent)
        except InvalidSettingsError as error:
            problems += [f"{path}: accounts[{number}]: {line}" for line in str(error).splitlines()]
            continue
        if account.account_id in accounts:
            problems.append(f"{path}: accounts[{number}]: the id {account.account_id} is used twice")
        other = whose.setdefault((account.api_key, account.stripe_account), account.account_id)
        if other != account.account_id:
            problems.append(
                f"{path}: accounts[{number}]: {other} is the same Stripe account in the same mode, so everybody would be written to twice"
            )
        accounts[account.account_id] = account
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return accounts


def _secret(raw: Mapping[str, Any], name: str, folder: Path) -> tuple[str, ...]:
    if path := raw.get(f"{name}_file"):
        try:
            return _split((folder / str(path)).read_text())
        except OSError as error:
            raise InvalidSettingsError(f"{name}_file cannot be read: {error.strerror}") from None
    value = raw.get(name, ())
    return _split(value) if isinstance(value, str) else tuple(str(part) for part in value)


def _account(raw: Mapping[str, Any], settings: Settings, folder: Path) -> Account:
    problems = []
    identity = str(raw.get("id", ""))
    if not ACCOUNT_ID.match(identity):
        problems.append("id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")
    key = next(iter(_secret(raw, "api_key", folder)), "")
    if not key:
        problems.append("api_key or api_key_file is required")
    secrets = _secret(raw, "webhook_secrets", folder)
    if settings.ingest_public_url and not secrets:
        problems.append("webhook_secrets or webhook_secrets_file is required where INGEST_PUBLIC_URL is set")
    zone = str(raw.get("zone", settings.ingest_zone))
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"zone {zone} is no IANA zone, as Europe/Vienna")
    region = str(raw.get("region", settings.ingest_region))
    if not REGION.match(region):
        problems.append(
            "region must be two capital letters (ISO 3166-1), as AT; in quotes where YAML reads it otherwise"
        )
    stripe_account = raw.get("stripe_account")
    if stripe_account is not None and not STRIPE_ACCOUNT.match(str(stripe_account)):
        problems.append("stripe_account must be the id of a connected account (acct_…)")
    rules = raw.get("rules")
    if rules and not (folder / str(rules)).is_file():
        problems.append(f"rules: {folder / str(rules)} is not a file: correct the path, or leave it out")
    if unknown := sorted(map(str, raw.keys() - KEYS)):
        problems.append(f"{unknown[0]} is unknown: an account has {', '.join(sorted(KEYS))}")
    if problems:
        raise InvalidSettingsError("\n".join(problems))
    return Account(
        account_id=identity,
        stripe_account=str(stripe_account) if stripe_account is not None else None,
        livemode=bool(raw.get("livemode", LIVE_KEY.match(key))),
        api_key=key,
        webhook_secrets=secrets,
        region=region,
        zone=zone,
        rules_file=folder / str(rules) if rules else settings.ingest_rules_file,
        brand=str(raw.get("brand", settings.ingest_brand)),
    )
