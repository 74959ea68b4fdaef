"""What is up: where it listens, who plays the vendors, and how to ask it what became of an event."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paybell_sandbox.stack import engine, telling
from paybell_sandbox.stack.__main__ import WHY
from paybell_sandbox.supervisor import asking, database, env_file, whereabouts
from paybell_sandbox.supervisor.listeners import USUAL
from paybell_sandbox.supervisor.mode import Incomplete, Sandboxed, any_set, decide
from paybell_sandbox.supervisor.whereabouts import Whereabouts

E164 = re.compile(r"\+[1-9]\d{7,14}")
SANDBOX_PHONE = "+14155552671"

INSTEAD = (
    "make a payment of your own instead, with your number as the customer's phone: in Stripe's dashboard, or through your "
    "shop in test mode. Within half a minute the text is there."
)


class NotDrivenError(RuntimeError):
    """No message was driven, or it did not arrive; the message says what to do."""


@dataclass(frozen=True)
class Asking:
    """A command that tells what became of the event whose id is put behind it."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    shown: str
    """The same for a person to type."""


@dataclass(frozen=True)
class Played:
    """The sandbox plays the vendors.

    Attributes:
        target: whose phone gets the text.
    """

    sandbox_url: str
    target: str


@dataclass(frozen=True)
class Real:
    """The vendors are real.

    Attributes:
        secret: of the webhook endpoint.
        target: whose phone gets the text.
    """

    ingest_url: str
    secret: str
    livemode: bool
    target: str
    asking: Asking


def find(
    root: Path, environment: Mapping[str, str], settings: Mapping[str, str], run: Whereabouts | None
) -> Played | Real:
    """The stack that is up, where `.env` holds these settings and `run` is the run of this machine, if one is up.

    Raises:
        NotDrivenError: where real keys are set and no number, or where nothing can be driven so.
    """
    target = environment.get("SMOKE_TO", "")
    if target and not E164.fullmatch(target):
        raise NotDrivenError("SMOKE_TO must be a number in E.164, as +14155552671")
    mode = decide(settings)
    if isinstance(mode, Incomplete):
        raise NotDrivenError("\n".join(mode.problems))
    if isinstance(mode, Sandboxed):
        url = _url("SANDBOX", environment, settings, run)
        if not url:
            raise NotDrivenError("A run with real vendors is up, and .env holds no keys any more: start it anew")
        return Played(url, target or SANDBOX_PHONE)
    if not target:
        raise NotDrivenError(
            "There are real keys in .env, so a real phone will ring: say whose, as SMOKE_TO=+14155552671 make smoke"
        )
    if run is not None and run.sandbox and "SMOKE_INGEST_URL" not in environment:
        raise NotDrivenError("The run that is up plays the vendors, and .env holds keys now: start it anew")
    return _real(root, environment, settings, run, target)


def _real(
    root: Path, environment: Mapping[str, str], settings: Mapping[str, str], run: Whereabouts | None, target: str
) -> Real:
    if settings.get("INGEST_ACCOUNTS_FILE"):
        raise NotDrivenError(f"INGEST_ACCOUNTS_FILE holds several accounts, and one event is of one of them: {INSTEAD}")
    if not any_set(settings, ["STRIPE_WEBHOOK_SECRETS"]):
        raise NotDrivenError(
            f"Stripe is asked for events here (no INGEST_PUBLIC_URL), so none can be posted: {INSTEAD}"
        )
    secret = _value(root, settings, "STRIPE_WEBHOOK_SECRETS").split(",")[0].strip()
    return Real(
        ingest_url=_url("INGEST", environment, settings, run),
        secret=secret,
        livemode="_live_" in _value(root, settings, "STRIPE_API_KEY"),
        target=target,
        asking=_asking(root, environment, settings, run),
    )


def _url(which: str, environment: Mapping[str, str], settings: Mapping[str, str], run: Whereabouts | None) -> str:
    """Where the sandbox or ingest-service's webhook is: as said, else as the run wrote down, else as published."""
    if url := environment.get(f"SMOKE_{which}_URL"):
        return url.rstrip("/")
    if port := environment.get(f"{which}_PORT"):
        return f"http://127.0.0.1:{port}"
    if run is not None:
        return run.sandbox if which == "SANDBOX" else run.ingest
    usual = USUAL["SANDBOX_LISTEN" if which == "SANDBOX" else "INGEST_HTTP_LISTEN"]
    return f"http://127.0.0.1:{settings.get(f'{which}_PORT') or usual}"


def _asking(root: Path, environment: Mapping[str, str], settings: Mapping[str, str], run: Whereabouts | None) -> Asking:
    if said := environment.get("SMOKE_WHY"):
        return Asking(tuple(shlex.split(said)), environment, said)
    if "SMOKE_INGEST_URL" in environment:
        raise NotDrivenError(
            "SMOKE_INGEST_URL names a stack somewhere else: say too how it is asked what became of an event, "
            "as SMOKE_WHY='ssh your.host paybell/compose/stack why'"
        )
    if run is not None and "INGEST_PORT" not in environment:
        return Asking(
            asking.COMMAND,
            asking.environment_for(run, settings, environment, database.usual_state()),
            "paybell-sandbox why",
        )
    try:
        compose = engine.find(root, telling.for_anything_else(root, environment))
    except engine.NoEngineError:
        raise NotDrivenError("Nothing is up: start a stack with `make run` or `make up` first") from None
    if compose.said("ps", "-q", "sandbox").strip():
        raise NotDrivenError("The stack that is up plays the vendors, and .env holds keys now: bring it up anew")
    return Asking(tuple(compose.command(*WHY)), compose.environment, "compose/stack why")


def _value(root: Path, settings: Mapping[str, str], name: str) -> str:
    """The value, of its own or in the file that is named."""
    if file := settings.get(f"{name}_FILE"):
        try:
            return (root / file).read_text().strip()
        except OSError as error:
            raise NotDrivenError(f"{name}_FILE names a file that cannot be read: {error.strerror}") from None
    return settings.get(name, "")


def here(root: Path) -> Played | Real:
    """The stack that the shell, `.env` of this clone and the runs of this machine speak of."""
    try:
        settings = env_file.read(root / ".env")
    except env_file.UnreadableEnvFileError as error:
        raise NotDrivenError(str(error)) from None
    return find(root, os.environ, settings, whereabouts.of_a_run_that_is_up())
