"""Whether a run plays the vendors itself or talks to the real ones: `.env` decides, and nothing else.

A key that merely stands in the shell's environment sends nobody a text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DATA = (
    "INGEST_DATABASE_URL",
    "INGEST_DATA_KEYS",
    "NOTIFY_DATABASE_URL",
    "NOTIFY_DATA_KEYS",
    "NOTIFY_LOOKUP_KEYS",
)
"""Where a run with real keys keeps its data: all of these in `.env`, or none."""

VENDORS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("STRIPE_API_KEY",), "the secret or restricted key of your Stripe account"),
    (("TWILIO_ACCOUNT_SID",), "on the front page of Twilio's console, begins with AC"),
    (("TWILIO_AUTH_TOKEN",), "beside it; Twilio signs its webhooks with it"),
    (
        ("TWILIO_MESSAGING_SERVICE_SID", "TWILIO_FROM"),
        "who texts: a Messaging Service (begins with MG) or one of your Twilio numbers (begins with +)",
    ),
)
"""What a run with real keys cannot do without: one name of each row, and where to find its value."""

INSTEAD = {"STRIPE_API_KEY": "INGEST_ACCOUNTS_FILE"} | dict.fromkeys(
    ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID"), "NOTIFY_ACCOUNTS_FILE"
)
"""A file with several accounts says the same for each."""


KEYS = (
    *(name for names, _ in VENDORS for name in names),
    *("STRIPE_WEBHOOK_SECRETS", "TWILIO_API_KEY", "TWILIO_API_SECRET"),
)
"""What opens an account of somebody's: with any of these in `.env` nothing is played."""


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """No keys: the sandbox plays Stripe, Twilio and the phone."""


@dataclass(frozen=True, slots=True)
class RealVendors:
    """All keys are there.

    Attributes:
        live: the Stripe key is a live one: real customers are written to; None where a file holds it.
        own_data: databases and data keys come from `.env`; otherwise the run keeps its own.
        stripe_webhooks: Stripe can reach us; otherwise its events are polled.
        twilio_webhooks: Twilio can reach us; otherwise receipts and replies are polled.
    """

    live: bool | None
    own_data: bool
    stripe_webhooks: bool
    twilio_webhooks: bool


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Some keys are there and some are not. Each problem says what is missing and what to do."""

    problems: tuple[str, ...]


Mode = Sandboxed | RealVendors | Incomplete


def decide(settings: Mapping[str, str]) -> Mode:
    """The mode for these settings of `.env`. `NAME_FILE` counts as `NAME`; an empty value counts as none."""
    if not any_set(settings, KEYS) and not any(settings.get(name) for name in INSTEAD.values()):
        return Sandboxed()
    missing = [
        (names, where)
        for names, where in VENDORS
        if not any_set(settings, names) and not settings.get(INSTEAD[names[0]])
    ]
    problems = [f"{' or '.join(names)} is missing: {where}" for names, where in missing]
    problems += _halves(settings)
    if problems:
        return Incomplete(tuple(problems))
    return RealVendors(
        live="_live_" in settings["STRIPE_API_KEY"] if settings.get("STRIPE_API_KEY") else None,
        own_data=any_set(settings, DATA),
        stripe_webhooks=any_set(settings, ["INGEST_PUBLIC_URL"]),
        twilio_webhooks=any_set(settings, ["NOTIFY_PUBLIC_URL"]),
    )


def _halves(settings: Mapping[str, str]) -> list[str]:
    """What is there by half and means nothing so."""
    problems = []
    key, secret = any_set(settings, ["TWILIO_API_KEY"]), any_set(settings, ["TWILIO_API_SECRET"])
    if key != secret:
        problems.append("TWILIO_API_KEY and TWILIO_API_SECRET belong together: set both or neither")
    secrets = any_set(settings, ["STRIPE_WEBHOOK_SECRETS", "INGEST_ACCOUNTS_FILE"])
    if any_set(settings, ["INGEST_PUBLIC_URL"]) and not secrets:
        problems.append(
            "STRIPE_WEBHOOK_SECRETS is missing: with INGEST_PUBLIC_URL Stripe posts to us, and without the endpoint's "
            "signing secret (begins with whsec_) we could not tell its events from anybody's. Without INGEST_PUBLIC_URL "
            "events are polled and no secret is needed"
        )
    absent = [name for name in DATA if not any_set(settings, [name])]
    if absent and len(absent) < len(DATA):
        problems.append(
            f"{', '.join(absent)} missing: databases and data keys of your own go together; leave out all of "
            f"{', '.join(DATA)} and a database is kept for you"
        )
    return problems


def any_set(settings: Mapping[str, str], names: Iterable[str]) -> bool:
    """Whether one of the names has a value, of its own or in a file."""
    return any(settings.get(name) or settings.get(f"{name}_FILE") for name in names)
