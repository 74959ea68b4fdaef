"""What each program of a run is told: its own settings and nobody else's keys."""

from collections.abc import Mapping

from paybell_sandbox.supervisor.keys import PlayedVendors
from paybell_sandbox.supervisor.listeners import url

OURS = ("INGEST_", "NOTIFY_", "SANDBOX_", "STRIPE_", "TWILIO_", "GRPC_", "DATABASE_URL", "PG")
"""Beginnings of names that the shell's environment does not pass on: `.env` and this module decide these."""

INGEST = ("INGEST_", "STRIPE_", "GRPC_")
NOTIFY = ("NOTIFY_", "TWILIO_", "GRPC_")

SENDER = "+14155550100"
"""Whom the played texts come from: a number that exists only in stories."""

Environment = dict[str, str]


def base(shell: Mapping[str, str]) -> Environment:
    """The shell's environment without anything of ours. Calls to this machine never go through a proxy."""
    passed = {name: value for name, value in shell.items() if not name.startswith(OURS)}
    direct = ",".join(filter(None, [shell.get("no_proxy") or shell.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    return passed | {"no_proxy": direct, "NO_PROXY": direct, "PYTHONUNBUFFERED": "1"}


def both_services(settings: Mapping[str, str], listeners: Mapping[str, str]) -> tuple[Environment, Environment]:
    """What `.env` says to ingest-service and to notify-service, and how they meet: gRPC on loopback, in the clear."""
    ingest = _of(settings, INGEST) | {
        "INGEST_HTTP_LISTEN": listeners["INGEST_HTTP_LISTEN"],
        "INGEST_ADMIN_LISTEN": listeners["INGEST_ADMIN_LISTEN"],
        "INGEST_CONSOLE_LISTEN": listeners["INGEST_CONSOLE_LISTEN"],
        "INGEST_NOTIFY_TARGET": listeners["NOTIFY_GRPC_LISTEN"],
    }
    notify = _of(settings, NOTIFY) | {
        "NOTIFY_HTTP_LISTEN": listeners["NOTIFY_HTTP_LISTEN"],
        "NOTIFY_ADMIN_LISTEN": listeners["NOTIFY_ADMIN_LISTEN"],
        "NOTIFY_GRPC_LISTEN": listeners["NOTIFY_GRPC_LISTEN"],
    }
    if settings.get("NOTIFY_BRAND") and not ingest.get("INGEST_BRAND"):
        ingest["INGEST_BRAND"] = settings["NOTIFY_BRAND"]  # one name in the texts and on the pages they link to
    if not settings.get("GRPC_TLS_CA"):
        ingest["GRPC_INSECURE"] = notify["GRPC_INSECURE"] = "1"
    return ingest, notify


def _of(settings: Mapping[str, str], prefixes: tuple[str, ...]) -> Environment:
    return {name: value for name, value in settings.items() if value and name.startswith(prefixes)}


def playing(
    listeners: Mapping[str, str], vendors: PlayedVendors, *, webhooks: bool = True
) -> tuple[Environment, Environment, Environment]:
    """What ingest-service, notify-service and the sandbox are told besides, where the sandbox plays both vendors.

    Without `webhooks` no vendor knows where we are: both services ask for news, as behind a router.
    """
    sandbox_url, notify_url = url(listeners["SANDBOX_LISTEN"]), url(listeners["NOTIFY_HTTP_LISTEN"])
    ingest = {
        "STRIPE_API_KEY": vendors.stripe_key,
        "STRIPE_WEBHOOK_SECRETS": vendors.webhook_secret,
        "STRIPE_API_BASE": f"{sandbox_url}/stripe",
    }
    notify = {
        "TWILIO_ACCOUNT_SID": vendors.account_sid,
        "TWILIO_AUTH_TOKEN": vendors.auth_token,
        "TWILIO_FROM": SENDER,
        "TWILIO_API_BASE": f"{sandbox_url}/twilio",
        "NOTIFY_GRPC_REFLECTION": "1",
    }
    sandbox = {
        "SANDBOX_LISTEN": listeners["SANDBOX_LISTEN"],
        "SANDBOX_STRIPE_API_KEY": vendors.stripe_key,
        "SANDBOX_STRIPE_WEBHOOK_SECRET": vendors.webhook_secret,
        "SANDBOX_TWILIO_ACCOUNT_SID": vendors.account_sid,
        "SANDBOX_TWILIO_AUTH_TOKEN": vendors.auth_token,
        "SANDBOX_INGEST_ADMIN_URL": url(listeners["INGEST_ADMIN_LISTEN"]),
        "SANDBOX_NOTIFY_ADMIN_URL": url(listeners["NOTIFY_ADMIN_LISTEN"]),
        "SANDBOX_INGEST_CONSOLE_URL": url(listeners["INGEST_CONSOLE_LISTEN"]),
    }
    if webhooks:
        ingest["INGEST_PUBLIC_URL"] = url(listeners["INGEST_HTTP_LISTEN"])
        notify["NOTIFY_PUBLIC_URL"] = notify_url
        sandbox["SANDBOX_STRIPE_WEBHOOK_URL"] = f"{ingest['INGEST_PUBLIC_URL']}/webhooks/stripe"
        sandbox["SANDBOX_TWILIO_INBOUND_URL"] = f"{notify_url}/webhooks/twilio/inbound"
    return ingest, notify, sandbox
