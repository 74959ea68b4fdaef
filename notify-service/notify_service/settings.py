"""Everything notify-service is told by its environment: one frozen value, checked whole at start."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from notify_service.environment import EnvironmentSettings, InvalidSettingsError, explain
from notify_service.sealing import parse_keys

TWILIO = "https://api.twilio.com"


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
    """Host and port of ``127.0.0.1:8081``.

    Raises:
        ValueError: where it is not of this form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise ValueError("must be host:port, for example 127.0.0.1:8081")
    return host.strip("[]"), int(port)


class Settings(EnvironmentSettings):
    """Environment variables of notify-service."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    notify_database_url: SecretStr
    notify_database_pooled: bool = False
    """Behind a pooler in transaction mode: no cached statements, polling instead of LISTEN."""
    notify_database_connections: Annotated[int, Field(ge=4, le=200)] = 20
    notify_data_keys: SecretStr
    notify_lookup_keys: SecretStr

    notify_http_listen: str = "127.0.0.1:8081"
    notify_public_url: str = ""
    """Where Twilio reaches the webhooks; empty: status and replies are polled."""
    notify_admin_listen: str = "127.0.0.1:9081"
    notify_grpc_listen: str = "127.0.0.1:50051"
    notify_grpc_reflection: bool = False
    notify_grpc_callers: str = ""
    """Names in client certificates that may call, comma-separated; empty: every one that the authority signed."""
    notify_policy_file: Path | None = None
    notify_accounts_file: Path | None = None
    notify_brand: str = "Paybell"
    notify_zone: str = "UTC"
    notify_language: str = "en"
    notify_log_level: str = "INFO"
    notify_vendor_time_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Shrinks time-outs and settle times in tests; only with a vendor on this machine."""

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    """Comma-separated while it is rotated; the first one is used for calls."""
    twilio_api_key: str = ""
    twilio_api_secret: SecretStr = SecretStr("")
    twilio_messaging_service_sid: str = ""
    twilio_from: str = ""
    twilio_whatsapp_from: str = ""
    twilio_voice_from: str = ""
    twilio_segments_per_second: Annotated[float, Field(gt=0)] | None = None
    """The sender's pace; without it nothing is held back here."""
    twilio_api_base: str = TWILIO

    grpc_tls_ca: Path | None = None
    grpc_tls_cert: Path | None = None
    grpc_tls_key: Path | None = None
    grpc_insecure: bool = False

    @field_validator("notify_http_listen", "notify_admin_listen", "notify_grpc_listen")
    @classmethod
    def _listens(cls, value: str) -> str:
        parse_listen(value)
        return value

    @field_validator("notify_public_url", "twilio_api_base")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must begin with https:// (http:// only on this machine or a private network)")
        return value.rstrip("/")

    @field_validator("notify_data_keys", "notify_lookup_keys")
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
        if not any(tls) and not is_loopback(f"//{self.notify_grpc_listen}"):
            problems.append("NOTIFY_GRPC_LISTEN must be a loopback address without TLS")
        if self.notify_accounts_file is None:
            if not self.twilio_account_sid:
                problems.append("TWILIO_ACCOUNT_SID is required (or NOTIFY_ACCOUNTS_FILE)")
            if not self.twilio_auth_token.get_secret_value():
                problems.append("TWILIO_AUTH_TOKEN is required: Twilio signs its webhooks with it")
            if not (self.twilio_messaging_service_sid or self.twilio_from):
                problems.append("TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM is required")
        if bool(self.twilio_api_key) != bool(self.twilio_api_secret.get_secret_value()):
            problems.append("TWILIO_API_KEY and TWILIO_API_SECRET belong together")
        if self.notify_vendor_time_scale != 1.0 and not self.vendor_on_loopback:
            problems.append("NOTIFY_VENDOR_TIME_SCALE is for tests: with the real Twilio it must be 1")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def vendor_on_loopback(self) -> bool:
        """Whether Twilio is played by something on this machine."""
        return is_loopback(self.twilio_api_base)

    @property
    def data_keys(self) -> dict[str, bytes]:
        """Keys that seal values, the current one first."""
        return parse_keys(self.notify_data_keys.get_secret_value())

    @property
    def lookup_keys(self) -> dict[str, bytes]:
        """Keys that numbers are found by, the current one first."""
        return parse_keys(self.notify_lookup_keys.get_secret_value())

    @property
    def callers(self) -> tuple[str, ...]:
        """Who may call, in the order of preference; empty for everybody."""
        return tuple(filter(None, (name.strip() for name in self.notify_grpc_callers.split(","))))

    def summary(self) -> dict[str, object]:
        """What is in force, for the first log line: secrets as whether they are set."""
        return {
            name: bool(value.get_secret_value())
            if isinstance(value, SecretStr)
            else str(value)
            if isinstance(value, Path)
            else value
            for name, value in self
            if name not in ("twilio_from", "twilio_voice_from", "twilio_whatsapp_from")
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
