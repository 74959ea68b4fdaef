"""The keys and tokens of a run. For a trial they are made anew each time; with real keys those that seal data are kept."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

NAMES = ("INGEST_DATA_KEYS", "NOTIFY_DATA_KEYS", "NOTIFY_LOOKUP_KEYS")


def new_data_keys() -> dict[str, str]:
    """A fresh 256-bit key for each purpose, in the form the services read: `id:base64`."""
    return {name: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}" for name in NAMES}


def kept_data_keys(path: Path) -> dict[str, str]:
    """The keys of an earlier run, or new ones, written down before anything is sealed with them."""
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        kept = new_data_keys()
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return kept


@dataclass(frozen=True, slots=True)
class PlayedVendors:
    """What the played Stripe and Twilio and the services agree on for one run. It opens nothing anywhere else."""

    stripe_key: str
    webhook_secret: str
    account_sid: str
    auth_token: str


def played_vendors() -> PlayedVendors:
    """New ones, in the vendors' shapes."""
    return PlayedVendors(
        stripe_key=f"sk_test_{secrets.token_hex(16)}",
        webhook_secret=f"whsec_{secrets.token_hex(16)}",
        account_sid=f"AC{secrets.token_hex(16)}",
        auth_token=secrets.token_hex(16),
    )
