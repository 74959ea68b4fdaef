"""What the sandbox is told by its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment variables ``SANDBOX_…``. Nothing here opens anything outside the machine."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore")

    listen: str = "127.0.0.1:8070"
    public_url: str = ""
    """Where the services reach the sandbox; empty: the listening address."""

    stripe_webhook_url: str = ""
    stripe_webhook_secret: SecretStr = SecretStr("whsec_sandbox")
    stripe_api_key: SecretStr = SecretStr("")
    """The key that the services present; empty: any key that has Stripe's form."""

    twilio_account_sid: str = "AC00000000000000000000000000000000"
    twilio_auth_token: SecretStr = SecretStr("sandbox-token")
    twilio_api_key: str = ""
    twilio_api_secret: SecretStr = SecretStr("")
    twilio_inbound_url: str = ""
    """Where replies are posted; empty: nowhere, as without a public address."""

    ingest_admin_url: str = ""
    notify_admin_url: str = ""
    ingest_console_url: str = ""

    seed: int = 1
    time_scale: float = Field(default=1.0, gt=0, le=1)
    """Shrinks every waiting time of the vendors: carrier delays, retries, listing lag."""
    zone: str = "America/New_York"
    """Where the phone lies; business time starts at 10:00 there."""
    record_file: str = ""
    """Every request that the Twilio side took is appended here as a line of JSON."""
