"""Everything ingest-service is told by its environment: one frozen value, checked whole at start."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from ingest_service.environment import EnvironmentSettings, InvalidSettingsError, explain
from ingest_service.sealing import parse_keys

STRIPE = "https://api.stripe.com"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8080``.

    Raises:
        ValueError: where it is not of this form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("must be host:port, for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def can_open(url: str) -> bool:
    """Whether a customer may be sent to an address: https, or this machine's own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def links_explained(public_url: str) -> str:
    """What the links in texts about failed payments will be, and what notify must allow for it."""
    if not public_url:
        return "Texts link to the bill's own page at Stripe: payment links need INGEST_PUBLIC_URL."
    if not can_open(public_url):
        return "Texts link to the bill's own page at Stripe: INGEST_PUBLIC_URL is not https, so customers are not sent there."
    host = urlsplit(public_url).hostname or ""
    if is_loopback(public_url):
        return f"Texts hold payment links to {host}."
    needed = "unless NOTIFY_PUBLIC_URL has the same host"
    return f"Texts hold payment links to {host}: notify-service's policy must allow it under links.domains, {needed}."


class Settings(EnvironmentSettings):
    """Environment variables of ingest-service."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    ingest_database_url: SecretStr
    ingest_database_pooled: bool = False
    """Behind a pooler in transaction mode: no cached statements, polling instead of LISTEN."""
    ingest_database_connections: Annotated[int, Field(ge=4, le=200)] = 20
    ingest_data_keys: SecretStr

    ingest_http_listen: str = "127.0.0.1:8080"
    ingest_public_url: str = ""
    """Where Stripe and customers reach it; empty: Stripe's event list is polled."""
    ingest_admin_listen: str = "127.0.0.1:9080"
    ingest_console_listen: str = "127.0.0.1:8090"
    ingest_console_hosts: str = ""
    """Names, with commas, that the console may be called by besides this machine's own."""
    ingest_brand: str = ""
    """The name on the pages of payment links; without it the business's public name at Stripe."""
    ingest_notify_target: str = "127.0.0.1:50051"
    ingest_rules_file: Path | None = None
    ingest_accounts_file: Path | None = None
    ingest_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    """Where the business is: the last resort for reading a national number."""
    ingest_zone: str = "UTC"
    ingest_log_level: str = "INFO"
    ingest_poll_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How often Stripe's event list is read where there is no public URL."""
    ingest_hold_success_seconds: Annotated[float, Field(ge=0)] = 5.0
    ingest_hold_failure_seconds: Annotated[float, Field(ge=0)] = 60.0
    ingest_freshness_hours: Annotated[float, Field(gt=0)] = 24.0
    """News older than this is recorded, and nobody is written to about it: refunds after three times as long, unpaid bills, disputes
    and suspicions as long as a step may be to come."""
    ingest_stripe_reads_per_second: Annotated[int, Field(ge=1, le=100)] = 20
    ingest_webhook_hosts: str = ""
    """Hosts, with commas, that webhooks may reach although they are not on the public internet."""

    stripe_api_key: SecretStr = SecretStr("")
    stripe_webhook_secrets: SecretStr = SecretStr("")
    """Comma-separated: all are tried, so that a secret can be rotated."""
    stripe_api_base: str = STRIPE

    grpc_tls_ca: Path | None = None
    grpc_tls_cert: Path | None = None
    grpc_tls_key: Path | None = None
    grpc_insecure: bool = False

    @field_validator("ingest_http_listen", "ingest_admin_listen", "ingest_console_listen", "ingest_notify_target")
    @classmethod
    def _listens(cls, value: str) -> str:
        parse_listen(value)
        return value

    @field_validator("ingest_public_url", "stripe_api_base")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must begin with https:// (http:// only on this machine or a private network)")
        return value.rstrip("/")

    @field_validator("ingest_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be an IANA zone, for example Europe/Vienna") from None
        return value

    @field_validator("ingest_log_level")
    @classmethod
    def _is_level(cls, value: str) -> str:
        if value not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return value

    @field_validator("ingest_data_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        parse_keys(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        problems = []
        tls = (self.grpc_tls_ca, self.grpc_tls_cert, self.grpc_tls_key)
        if any(tls) and not all(tls):
            problems.append("GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY belong together: set all three or none")
        if not any(tls) and not self.grpc_insecure:
            problems.append(
                "GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY are needed (or GRPC_INSECURE=1 on this machine alone)"
            )
        if not any(tls) and not is_loopback(f"//{self.ingest_notify_target}"):
            problems.append("INGEST_NOTIFY_TARGET must be a loopback address without TLS")
        if self.ingest_accounts_file is None:
            if not self.stripe_api_key.get_secret_value():
                problems.append("STRIPE_API_KEY is required (or INGEST_ACCOUNTS_FILE)")
            if self.ingest_public_url and not self.stripe_webhook_secrets.get_secret_value():
                problems.append("STRIPE_WEBHOOK_SECRETS is required where INGEST_PUBLIC_URL is set")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def vendor_on_loopback(self) -> bool:
        """Whether Stripe is played by something on this machine."""
        return is_loopback(self.stripe_api_base)

    @property
    def vendor_is_played(self) -> bool:
        """Whether a sandbox plays Stripe: the real one is never spoken to without TLS."""
        return urlsplit(self.stripe_api_base).scheme == "http"

    @property
    def data_keys(self) -> dict[str, bytes]:
        """Keys that seal values, the current one first."""
        return parse_keys(self.ingest_data_keys.get_secret_value())

    def summary(self) -> dict[str, object]:
        """What is in force, for the first log line: secrets as whether they are set."""
        return {
            name: bool(value.get_secret_value())
            if isinstance(value, SecretStr)
            else str(value)
            if isinstance(value, Path)
            else value
            for name, value in self
        }


def load() -> Settings:
    """The settings.

    Raises:
        InvalidSettingsError: listing every problem.
    """
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        raise InvalidSettingsError(explain(error)) from None
