"""The command ``ingest-service``."""

import getpass
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from ingest_service.environment import InvalidSettingsError

if TYPE_CHECKING:
    import asyncpg

    from ingest_service.settings import Settings

T = TypeVar("T")

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


def _on_database(work: "Callable[[Settings, asyncpg.Pool], Awaitable[T]]", *refusals: type[Exception]) -> T:
    """What `work` gives, done with the settings and the database. Ends the command where that, or a refusal, prevents it."""
    from ingest_service import database, settings, starting

    async def done() -> Any:
        loaded = settings.load()
        url = loaded.ingest_database_url.get_secret_value()
        async with database.pool(url, size=2, pooled=loaded.ingest_database_pooled) as pool:
            return await work(loaded, pool)

    expected: tuple[type[Exception], ...] = (InvalidSettingsError, starting.CannotStartError, *refusals)
    try:
        with starting.database_told():
            given: T = _run(done())
            return given
    except expected as error:
        _fail(str(error))


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


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
    _say(["the database has this version's schema"])


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
            _say([settings.links_explained(loaded.ingest_public_url)])
        except InvalidSettingsError as error:
            problems += str(error).splitlines()
    for one in files:
        try:
            _say(commands.explained(one))
        except (FixTheRulesFile, OSError) as error:
            problems += str(error).splitlines()
    if problems:
        _fail("\n".join(problems))


@rules.command("apply")
def apply(
    file: Annotated[Path | None, typer.Argument(help="A rules file; without one, those of the settings.")] = None,
) -> None:
    """Put a rules file in force. One with an error changes nothing."""
    from ingest_service import accounts, app
    from ingest_service.planning import commands
    from ingest_service.planning.rules_store import FixTheRulesFile
    from ingest_service.sealing import Sealer

    async def work(loaded: "Settings", pool: "asyncpg.Pool") -> list[str]:
        files = app.rules_files(accounts.load(loaded))
        if file is not None:
            files = dict.fromkeys(files, file)
        applied = await commands.apply_files(pool, files, Sealer(loaded.data_keys), by=getpass.getuser())
        return [one.sentence() for one in applied]

    _say(_on_database(work, FixTheRulesFile))


@decisions.command("held")
def held() -> None:
    """List the answers that wait for a person, the oldest first."""
    from ingest_service import accounts
    from ingest_service.deciding import commands

    _say(_on_database(lambda loaded, pool: commands.held(pool, list(accounts.load(loaded)))))


@decisions.command("decide")
def decide(
    question: Annotated[str, typer.Argument(help="The question, as `decisions held` names it.")],
    do: Annotated[list[str], typer.Argument(help="What shall be done: approve_review, refund_as_fraud, nothing, …")],
    account: Annotated[str, typer.Option(help="Its account.")] = "main",
) -> None:
    """Decide about an answer that waits for a person. What is done is read back with `why`."""
    from ingest_service.clock import Clock
    from ingest_service.deciding import commands

    async def work(_loaded: "Settings", pool: "asyncpg.Pool") -> str:
        clock = Clock()
        async with pool.acquire() as conn:
            await clock.refresh(conn)
        return await commands.decide(pool, account, question, do, getpass.getuser(), clock.now())

    _say([_on_database(work, commands.CannotDecideError)])


@decisions.command("verify")
def verify() -> None:
    """Check that nothing was changed in the audit trail of decisions."""
    from ingest_service import accounts
    from ingest_service.deciding import commands

    wrong = _on_database(lambda loaded, pool: commands.broken(pool, list(accounts.load(loaded))))
    if wrong:
        _fail("\n".join(wrong))
    _say(["every trail is whole"])


@webhooks.command("set-aside")
def set_aside() -> None:
    """List the calls that were given up, the oldest first, each with its reason."""
    from ingest_service import accounts
    from ingest_service.webhooks import commands

    _say(_on_database(lambda loaded, pool: commands.set_aside(pool, list(accounts.load(loaded)))))


@webhooks.command("again")
def again(
    call: Annotated[str, typer.Argument(help="The call, as `webhooks set-aside` names it.")],
    account: Annotated[str, typer.Option(help="Its account.")] = "main",
) -> None:
    """Let a call that was given up be made again, under its key."""
    from ingest_service.webhooks import commands

    _say([_on_database(lambda _loaded, pool: commands.again(pool, account, call), commands.NotSetAsideError)])


@main.command()
def why(
    what: Annotated[str, typer.Argument(help="An event, an object of Stripe's, a concern, a request or a Twilio SID.")],
    account: Annotated[str, typer.Option(help="One account; without it, all that know it.")] = "",
) -> None:
    """Tell what became of something, in plain sentences."""
    from ingest_service import accounts, app
    from ingest_service.story.telling import Telling
    from ingest_service.story.why import why as tell
    from ingest_service.submitting.notify_client import connected

    async def work(loaded: "Settings", pool: "asyncpg.Pool") -> list[str]:
        names = list(accounts.load(loaded))
        if account and account not in names:
            raise InvalidSettingsError(f"there is no account {account}: there are {', '.join(names)}")
        async with connected(loaded.ingest_notify_target, app.tls(loaded)) as notify:
            return await tell(Telling(pool, names, notify), what, account or None)

    _say(_on_database(work))


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
