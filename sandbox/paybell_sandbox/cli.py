"""`paybell-sandbox`: plays Stripe, Twilio and a phone, and runs all of Paybell on one machine."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
"""The clone: the packages of this repository are installed where they stand."""

cli = typer.Typer(
    help="Plays Stripe, Twilio and a phone, and runs all of Paybell on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PostgresVersion = Annotated[Literal["18", "16"], typer.Option(help="Major version of the embedded PostgreSQL.")]


@cli.command()
def serve() -> None:
    """Serve the sandbox alone: both vendors' APIs and the phone's page. Settings come from the environment."""
    from paybell_sandbox.app import main as serve_sandbox

    serve_sandbox()


@cli.command()
def run(
    env_file: Annotated[Path, typer.Option(help="Keys of the real vendors, if there are any.")] = Path(".env"),
    webhooks: Annotated[
        bool, typer.Option(help="Let the played vendors post to the services; without, the services poll.")
    ] = True,
    postgres: PostgresVersion = "18",
    with_parent: Annotated[bool, typer.Option(help="Stop when the program that started this one is gone.")] = False,
) -> None:
    """Run everything: PostgreSQL, both services, and the sandbox unless .env holds real keys."""
    from paybell_sandbox.supervisor import env_file as reading
    from paybell_sandbox.supervisor.run import Options, installed_programs
    from paybell_sandbox.supervisor.run import run as run_everything
    from paybell_sandbox.supervisor.screen import Screen
    from paybell_sandbox.supervisor.stopping import Stopping

    try:
        settings = reading.read(env_file)
    except reading.UnreadableEnvFileError as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    options = Options(
        root=ROOT,
        settings=settings,
        env_file=env_file,
        shell=os.environ,
        webhooks=webhooks,
        version=18 if postgres == "18" else 16,
    )
    with Stopping(with_parent=with_parent) as stopping:
        raise typer.Exit(run_everything(options, installed_programs(), Screen(), stopping))


@cli.command()
def postgres(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    version: PostgresVersion = "18",
) -> None:
    """Run an empty embedded PostgreSQL with both services' databases, print their URLs, and remove it in the end."""
    from paybell_sandbox.supervisor.postgres import EmbeddedPostgres, PostgresError
    from paybell_sandbox.supervisor.stopping import Stopping

    console = Console(highlight=False, soft_wrap=True)
    with Stopping() as stopping:
        try:
            server = EmbeddedPostgres(port=port, version=18 if version == "18" else 16)
        except PostgresError as problem:
            if stopping.asked:
                raise typer.Exit(stopping.exit_code) from None
            console.print(str(problem), style="red", markup=False)
            raise typer.Exit(1) from None
        with server:
            for service in ("ingest", "notify"):
                console.print(f"{service.upper()}_DATABASE_URL={server.url(server.create_service(service))}")
            while not stopping.wait(0.2):
                if server.child.exit_code() is not None:
                    console.print(
                        "PostgreSQL ended. Its last lines:", *server.child.last_lines(), sep="\n", markup=False
                    )
                    raise typer.Exit(1)
        raise typer.Exit(stopping.exit_code)


@cli.command()
def why(
    what: Annotated[str, typer.Argument(help="An event, an object of Stripe's, a concern or a Twilio SID.")],
) -> None:
    """Tell what became of something in the run with real keys that is up."""
    from paybell_sandbox.supervisor import asking, database, whereabouts
    from paybell_sandbox.supervisor import env_file as reading

    run = whereabouts.of_a_run_that_is_up()
    if run is None or run.sandbox:
        told = f"The sandbox tells it: open {run.sandbox}" if run else "No run is up. With the stack: compose/stack why"
        typer.echo(told, err=True)
        raise typer.Exit(1)
    env = asking.environment_for(run, reading.read(ROOT / ".env"), os.environ, database.usual_state())
    os.execve(asking.COMMAND[0], [*asking.COMMAND, what], env)  # noqa: S606 - no shell is wanted


@cli.command()
def smoke() -> None:
    """Drive one message through whatever stack is up."""
    from paybell_sandbox.smoke.driving import drive
    from paybell_sandbox.smoke.stack import NotDrivenError, here

    console = Console(highlight=False, soft_wrap=True)
    try:
        console.print(drive(here(ROOT)), markup=False)
    except NotDrivenError as error:
        console.print(str(error), markup=False)
        raise typer.Exit(1) from None


def main() -> None:
    """Runs the command line."""
    cli()


if __name__ == "__main__":
    main()
