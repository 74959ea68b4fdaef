"""The command ``notify-service``."""

import asyncio
import sys
from collections.abc import Mapping
from typing import NoReturn

import typer

from notify_service.environment import InvalidSettingsError

main = typer.Typer(help="Owns consent, words and delivery through Twilio.", no_args_is_help=True, add_completion=False)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"notify-service cannot do this:\n{message}\n")
    raise typer.Exit(1)


def _run(work: "asyncio.Future[None] | object") -> None:
    import uvloop

    uvloop.run(work)  # type: ignore[arg-type]


@main.command()
def serve() -> None:
    """Run the service."""
    from notify_service import app, settings
    from notify_service.clock import MovedClockError
    from notify_service.consent.policy import PolicyError
    from notify_service.database import WrongSchemaError
    from notify_service.loops import LoopDiedError
    from notify_service.words.template import TemplateError

    try:
        _run(app.serve(settings.load()))
    except (
        InvalidSettingsError,
        PolicyError,
        TemplateError,
        WrongSchemaError,
        MovedClockError,
        app.CannotStartError,
    ) as error:
        _fail(str(error))
    except LoopDiedError as error:
        _fail(f"{error}; it has been logged, and the process ends to be started afresh")


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from notify_service import database, settings

    try:
        _run(database.migrate(settings.load().notify_database_url.get_secret_value()))
    except (InvalidSettingsError, database.MigrationError) as error:
        _fail(str(error))
    except database.GONE as error:
        _fail(
            f"the database cannot be reached ({type(error).__name__}): check NOTIFY_DATABASE_URL and whether PostgreSQL runs there"
        )
    sys.stdout.write("the database has this version's schema\n")


@main.command()
def check() -> None:
    """Read settings, accounts, policies and texts, and say everything that is wrong with them."""
    from notify_service import accounts_file, database, in_force, settings
    from notify_service.accounts import Account
    from notify_service.consent.policy import PolicyError
    from notify_service.words import template_store
    from notify_service.words.template import TemplateError

    problems: list[str] = []
    accounts: Mapping[str, Account] = {}
    loaded = None
    try:
        loaded = settings.load()
        accounts = accounts_file.load(loaded)
    except InvalidSettingsError as error:
        problems += str(error).splitlines()
    if loaded is not None:
        for account in accounts.values() or [None]:
            try:
                in_force.read_policy(loaded, account)
            except PolicyError as error:
                problems += [line for line in str(error).splitlines() if line not in problems]
    try:
        in_force.read_words(accounts, template_store.read_shipped(database.shipped("texts")))
    except TemplateError as error:
        problems += str(error).splitlines()
    if problems:
        _fail("\n".join(problems))
    sys.stdout.write("settings, accounts, policy and texts are in order\n")


if __name__ == "__main__":
    main()
