"""What the sandbox is told by its environment."""

import secrets

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TwilioAccount(BaseModel):
    """An account at Twilio: what opens it, and from what it may send. Tokens with commas while they are rotated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth_token: SecretStr
    senders: tuple[str, ...] = ()
    whatsapp_senders: tuple[str, ...] = ()
    services: dict[str, tuple[str, ...]] = {}

    @property
    def tokens(self) -> list[str]:
        """Every token that opens it; the first one signs."""
        return self.auth_token.get_secret_value().split(",")


class Settings(BaseSettings):
    """Environment variables ``SANDBOX_…``; an empty one counts as unset. Nothing here opens anything outside the machine."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore", env_ignore_empty=True)

    listen: str = "127.0.0.1:8070"
    public_url: str = ""
    """Where the services reach the sandbox; empty: the listening address."""

    stripe_webhook_url: str = ""
    stripe_webhook_secret: SecretStr = SecretStr("whsec_sandbox")
    stripe_api_key: SecretStr = SecretStr("")
    """The key that the services present; empty: any key that has Stripe's form."""

    stripe_repeats: int = Field(default=1, ge=1, le=100)
    """How often each event is posted; above 1 in end-to-end tests, as Stripe delivers at least once."""
    stripe_reorder_window_ms: int = Field(default=0, ge=0, le=60_000)
    """Each post waits a random time up to this, so that events overtake each other; above 0 in end-to-end tests."""

    twilio_account_sid: str = "AC00000000000000000000000000000000"
    twilio_auth_token: SecretStr = SecretStr("sandbox-token")
    twilio_api_key: str = ""
    twilio_api_secret: SecretStr = SecretStr("")
    twilio_senders: tuple[str, ...] = ("+14155550100", "+14155550101")
    """Numbers, short codes and names that the account may text from, and its numbers that it may call from: ``["+1…"]``."""
    twilio_whatsapp_senders: tuple[str, ...] = ("+14155550100",)
    """Numbers that the account may write from on WhatsApp."""
    twilio_services: dict[str, tuple[str, ...]] = {"MG" + "a" * 32: ("+14155550100",)}
    """The account's Messaging Services, each with its pool of senders: ``{"MG…": ["+1…"]}``."""
    twilio_more_accounts: dict[str, TwilioAccount] = {}
    """Further accounts by their SID: ``{"AC…": {"auth_token": "…", "senders": ["+1…"]}}``. No number is of two accounts."""
    twilio_advanced_opt_out: bool = False
    """Whether the Messaging Services have Advanced Opt-Out: then replies to them carry OptOutType."""
    twilio_inbound_url: str = ""
    """Where replies are posted; empty: nowhere, as without a public address."""

    ingest_admin_url: str = ""
    notify_admin_url: str = ""
    ingest_console_url: str = ""

    seed: int = Field(default_factory=lambda: secrets.randbelow(2**31))
    """Of all that is random in the sandbox. Another one at each start, because the services may remember the ids of an earlier start."""
    time_scale: float = Field(default=1.0, gt=0, le=1)
    """Shrinks every waiting time of the vendors: carrier delays, retries, listing lag."""
    zone: str = "America/New_York"
    """Where the phone lies; business time starts at 10:00 there."""
    record_file: str = ""
    """Every request that the Twilio side took is appended here as a line of JSON."""

    @property
    def twilio_accounts(self) -> dict[str, TwilioAccount]:
        """Every account at Twilio by its SID, the first one of old."""
        first = TwilioAccount(
            auth_token=self.twilio_auth_token,
            senders=self.twilio_senders,
            whatsapp_senders=self.twilio_whatsapp_senders,
            services=self.twilio_services,
        )
        return {self.twilio_account_sid: first, **self.twilio_more_accounts}
