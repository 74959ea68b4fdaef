"""The command ``ingest-service``."""

import getpass
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ingest_service.environment import InvalidSettingsError

main = typer.Typer(
    help="Takes Stripe events and decides who hears about what, and when.", no_args_is_help=True, add_completion=False
)
rules = typer.Typer(help="The rules in force.", no_args_is_help=True)
main.add_typer(rules, name="rules")
decisions = typer.Typer(help="Answers that wait for a person.", no_args_is_help=True)
main.add_typer(decisions, name="decisions")
webhooks = typer.Typer(help="Calls of webhooks that were given up.", no_args_is_help=True)
main.add_typer(webhooks, name="webhooks")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"ingest-service cannot do this:\n{message}\n")
    raise typer.Exit(1)


def _run(work: Any) -> Any:
    import uvloop

    return uvloop.run(work)


@main.command()
def serve() -> None:
    """Run the service."""
    from ingest_service import app, settings
    from ingest_service.clock import MovedClockError
    from ingest_service.database import WrongSchemaError
    from ingest_service.loops import LoopDiedError
    from ingest_service.planning.rules_store import FixTheRulesFile
    from ingest_service.starting import CannotStartError

    try:
        _run(app.serve(settings.load()))
    except (InvalidSettingsError, FixTheRulesFile, WrongSchemaError, MovedClockError, CannotStartError) as error:
        _fail(str(error))
    except LoopDiedError as error:
        _fail(f"{error}; it has been logged, and the process ends to be started afresh")


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from ingest_service import database, settings, starting

    try:
        with starting.database_told():
            _run(database.migrate(settings.load().ingest_database_url.get_secret_value()))
    except (InvalidSettingsError, database.MigrationError, starting.CannotStartError) as error:
        _fail(str(error))
    sys.stdout.write("the database has this version's schema\n")


@main.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A rules file; without one, those of the settings.")] = None,
) -> None:
    """Read settings, accounts and rules; say what the rules do, or everything that is wrong."""
    from ingest_service import accounts, app, settings
    from ingest_service.planning import commands
    from ingest_service.planning.rules_store import FixTheRulesFile

    problems: list[str] = []
    files = [file] if file is not None else []
    if file is None:
        try:
            loaded = settings.load()
            files = sorted(set(app.rules_files(accounts.load(loaded)).values()))
            sys.stdout.write(f"{settings.links_explained(loaded.ingest_public_url)}\n")
        except InvalidSettingsError as error:
            problems += str(error).splitlines()
    for one in files:
        try:
            sys.stdout.writelines(f"{sentence}\n" for sentence in commands.explained(one))
        except (FixTheRulesFile, OSError) as error:
            problems += str(error).splitlines()
    if problems:
        _fail("\n".join(problems))


@rules.command("apply")
def apply(
    file: Annotated[Path | None, typer.Argument(help="A rules file; without one, those of the settings.")] = None,
) -> None:
    """Put a rules file in force. One with an error changes nothing."""
    from ingest_service import accounts, app, database, settings, starting
    from ingest_service.planning import commands
    from ingest_service.planning.rules_store import FixTheRulesFile
    from ingest_service.sealing import Sealer

    async def work() -> list[str]:
        loaded = settings.load()
        files = app.rules_files(accounts.load(loaded))
        if file is not None:
            files = dict.fromkeys(files, file)
        async with database.pool(
            loaded.ingest_database_url.get_secret_value(), size=2, pooled=loaded.ingest_database_pooled
        ) as pool:
            applied = await commands.apply_files(pool, files, Sealer(loaded.data_keys), by=getpass.getuser())
        return [one.sentence() for one in applied]

    try:
        with starting.database_told():
            lines = _run(work())
    except (InvalidSettingsError, FixTheRulesFile, starting.CannotStartError) as error:
        _fail(str(error))
    sys.stdout.writelines(f"{line}\n" for line in lines)


@decisions.command("held")
def held() -> None:
    """List the answers that wait for a person, the oldest first."""
    from ingest_service import accounts, database, settings
    from ingest_service.deciding import commands

    async def work() -> list[str]:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            return await commands.held(pool, list(accounts.load(loaded)))

    try:
        sys.stdout.writelines(f"{line}\n" for line in _run(work()))
    except (InvalidSettingsError, OSError) as error:
        _fail(str(error))


@decisions.command("decide")
def decide(
    question: Annotated[str, typer.Argument(help="The question, as `decisions held` names it.")],
    do: Annotated[list[str], typer.Argument(help="What shall be done: approve_review, refund_as_fraud, nothing, …")],
    account: Annotated[str, typer.Option(help="Its account.")] = "main",
) -> None:
    """Decide about an answer that waits for a person. What is done is read back with `why`."""
    from ingest_service import database, settings
    from ingest_service.clock import Clock
    from ingest_service.deciding import commands

    async def work() -> str:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            clock = Clock()
            async with pool.acquire() as conn:
                await clock.refresh(conn)
            return await commands.decide(pool, account, question, do, getpass.getuser(), clock.now())

    try:
        sys.stdout.write(f"{_run(work())}\n")
    except (InvalidSettingsError, OSError, commands.CannotDecideError) as error:
        _fail(str(error))


@decisions.command("verify")
def verify() -> None:
    """Check that nothing was changed in the audit trail of decisions."""
    from ingest_service import accounts, database, settings
    from ingest_service.deciding import commands

    async def work() -> list[str]:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            return await commands.broken(pool, list(accounts.load(loaded)))

    try:
        wrong = _run(work())
    except (InvalidSettingsError, OSError) as error:
        _fail(str(error))
    if wrong:
        _fail("\n".join(wrong))
    sys.stdout.write("every trail is whole\n")


@webhooks.command("set-aside")
def set_aside() -> None:
    """List the calls that were given up, the oldest first, each with its reason."""
    from ingest_service import accounts, database, settings
    from ingest_service.webhooks import commands

    async def work() -> list[str]:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            return await commands.set_aside(pool, list(accounts.load(loaded)))

    try:
        sys.stdout.writelines(f"{line}\n" for line in _run(work()))
    except (InvalidSettingsError, OSError) as error:
        _fail(str(error))


@webhooks.command("again")
def again(
    call: Annotated[str, typer.Argument(help="The call, as `webhooks set-aside` names it.")],
    account: Annotated[str, typer.Option(help="Its account.")] = "main",
) -> None:
    """Let a call that was given up be made again, under its key."""
    from ingest_service import database, settings
    from ingest_service.webhooks import commands

    async def work() -> str:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            return await commands.again(pool, account, call)

    try:
        sys.stdout.write(f"{_run(work())}\n")
    except (InvalidSettingsError, OSError, commands.NotSetAsideError) as error:
        _fail(str(error))


@main.command()
def why(
    what: Annotated[str, typer.Argument(help="An event, an object of Stripe's, a concern, a request or a Twilio SID.")],
    account: Annotated[str, typer.Option(help="One account; without it, all that know it.")] = "",
) -> None:
    """Tell what became of something, in plain sentences."""
    from ingest_service import accounts, app, database, settings, starting
    from ingest_service.story.telling import Telling
    from ingest_service.story.why import why as tell
    from ingest_service.submitting.notify_client import connected

    try:
        loaded = settings.load()
        names, secured = list(accounts.load(loaded)), app.tls(loaded)
    except (InvalidSettingsError, OSError) as error:
        _fail(str(error))
    if account and account not in names:
        _fail(f"there is no account {account}: there are {', '.join(names)}")

    async def work() -> list[str]:
        url = loaded.ingest_database_url.get_secret_value()
        async with (
            database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool,
            connected(loaded.ingest_notify_target, secured) as notify,
        ):
            return await tell(Telling(pool, names, notify), what, account or None)

    try:
        with starting.database_told():
            lines = _run(work())
    except starting.CannotStartError as error:
        _fail(str(error))
    sys.stdout.writelines(f"{line}\n" for line in lines)


@main.command()
def rehearse(
    file: Annotated[Path | None, typer.Argument(help="A rules file; without one, those of the settings.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="inbox: facts as we have them; stripe: Stripe's own event list.")
    ] = "inbox",
    days: Annotated[int, typer.Option(min=1, max=30, help="So many days back.")] = 30,
    account: Annotated[str, typer.Option(help="One account; without it, all.")] = "",
    show: Annotated[int, typer.Option(min=0, help="So many examples of each step.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for a program.")] = False,
) -> None:
    """Run the facts of the last days against rules without sending or storing anything: who would hear what."""
    from rich.console import Console

    from ingest_service import accounts, app, logs, settings, starting
    from ingest_service.planning.rules_store import FixTheRulesFile
    from ingest_service.rehearsing import commands, printing
    from ingest_service.rehearsing.event_list import CannotReadError
    from ingest_service.submitting.notify_client import ConfigureAccount, DoNotRepeat, TryLater

    if source not in ("inbox", "stripe"):
        _fail("--from is inbox or stripe")
    try:
        loaded = settings.load()
        logs.configure("ingest-service", loaded.ingest_log_level)
        known = accounts.load(loaded)
        chosen = {name: each for name, each in known.items() if account in ("", name)}
        if not chosen:
            _fail(f"there is no account {account}: there are {', '.join(known)}")
        files = app.rules_files(chosen) if file is None else dict.fromkeys(chosen, file)
        with starting.database_told(), commands.progress(quiet=as_json or not sys.stderr.isatty()) as told:
            done = _run(
                commands.rehearse(
                    loaded, chosen, files, app.tls(loaded), source="stripe" if source == "stripe" else "inbox",
                    days=days, show=show, told=told,
                )
            )  # fmt: skip
    except (InvalidSettingsError, FixTheRulesFile, CannotReadError, OSError, starting.CannotStartError) as error:
        _fail(str(error))
    except (TryLater, ConfigureAccount, DoNotRepeat) as error:
        _fail(f"notify-service cannot be asked ({type(error).__name__}): check INGEST_NOTIFY_TARGET and its accounts")
    if as_json:
        sys.stdout.write(printing.as_json(done, source=source, days=days) + "\n")
    else:
        printing.show(Console(), done, source=source, days=days)
    if wrong := printing.problems(done):
        _fail("\n".join(wrong))


if __name__ == "__main__":
    main()
