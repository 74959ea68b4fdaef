"""One run of everything: database, tables, sandbox and services, until somebody stops it or one of them dies."""

import secrets
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from paybell_sandbox import business
from paybell_sandbox.supervisor import database, environment, listeners, whereabouts
from paybell_sandbox.supervisor.children import Child, Keeper
from paybell_sandbox.supervisor.database import Data
from paybell_sandbox.supervisor.environment import Environment
from paybell_sandbox.supervisor.keys import played_vendors
from paybell_sandbox.supervisor.mode import Incomplete, RealVendors, Sandboxed, decide
from paybell_sandbox.supervisor.occupying import OccupiedError, occupied
from paybell_sandbox.supervisor.postgres import PostgresError, Version
from paybell_sandbox.supervisor.readiness import is_ready
from paybell_sandbox.supervisor.screen import Screen
from paybell_sandbox.supervisor.stopping import Stopping

MIGRATE_SECONDS = 120.0
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Programs:
    """The commands of the three programs, before `serve` and `migrate`."""

    ingest: tuple[str, ...]
    notify: tuple[str, ...]
    sandbox: tuple[str, ...]


def installed_programs() -> Programs:
    """The console scripts beside our Python."""
    scripts = Path(sys.executable).parent
    return Programs(
        (str(scripts / "ingest-service"),), (str(scripts / "notify-service"),), (str(scripts / "paybell-sandbox"),)
    )


@dataclass(frozen=True, slots=True)
class Options:
    """What decides a run.

    Attributes:
        root: the clone.
        settings: what `.env` holds.
        env_file: where that stands, for saying so.
        shell: the environment we were started in.
        webhooks: False switches the played vendors' webhooks off, so that both services poll.
        version: the major version of the embedded PostgreSQL.
        state: where a run with real keys keeps its data.
    """

    root: Path
    settings: Mapping[str, str]
    env_file: Path
    shell: Mapping[str, str]
    webhooks: bool = True
    version: Version = 18
    state: Path = field(default_factory=database.usual_state)


class ProgramError(RuntimeError):
    """A program did not come up, or died: which, and its last words."""

    def __init__(self, what: str, words: Sequence[str]) -> None:
        super().__init__(what)
        self.words = words


class AskedToStopError(Exception):
    """Somebody asked to stop."""


def run(options: Options, programs: Programs, screen: Screen, stopping: Stopping) -> int:
    """Runs everything until asked to stop or something dies; returns the exit code.

    When it returns, nothing is left but the data of real vendors, and after a failure the logs.
    """
    mode = decide(options.settings)
    if isinstance(mode, Incomplete):
        screen.incomplete(mode.problems, options.env_file)
        return 2
    keeps = isinstance(mode, RealVendors) and not mode.own_data
    try:
        with occupied(options.state) if keeps else nullcontext() as lock:
            return _run(mode, options, programs, screen, stopping, lock)
    except OccupiedError as problem:
        screen.failed(str(problem), ())
        return 1


def _run(
    mode: Sandboxed | RealVendors,
    options: Options,
    programs: Programs,
    screen: Screen,
    stopping: Stopping,
    lock: int | None,
) -> int:
    failed = False
    with Keeper(holding=lock) as keeper:
        logs = Path(tempfile.gettempdir()) / f"{whereabouts.FOLDER}{secrets.token_hex(8)}"
        keeper.folder(logs)
        logs.mkdir(mode=0o700)
        try:
            _Run(options, programs, screen, stopping, keeper, logs).go(mode)
        except AskedToStopError:
            screen.stopping()
        except (ProgramError, PostgresError, listeners.ListenerTakenError) as problem:
            if stopping.asked:  # whatever went wrong then, nobody waits for it any more
                screen.stopping()
            else:
                failed = True
                whereabouts.forget(logs)
                keeper.keep(logs)
                screen.failed(str(problem), problem.words if isinstance(problem, ProgramError) else ())
    if failed:
        screen.stopped_after_failure(logs)
        return 1
    screen.stopped()
    return stopping.exit_code


@dataclass
class _Run:
    options: Options
    programs: Programs
    screen: Screen
    stopping: Stopping
    keeper: Keeper
    logs: Path
    watched: list[Child] = field(default_factory=list)

    def go(self, mode: Sandboxed | RealVendors) -> None:
        """Starts everything in order, says where it is, and watches it. Ends only by an exception."""
        options = self.options
        self.screen.title()
        names = [name for name in listeners.USUAL if isinstance(mode, Sandboxed) or name != "SANDBOX_LISTEN"]
        where = listeners.choose(options.settings, names)
        shell = environment.base(options.shell)
        ingest, notify = environment.both_services(options.settings, where)
        ingest, notify = shell | ingest, shell | notify
        data = self._database(mode)
        if data is not None:
            self.watched.append(data.server)
            ingest, notify = ingest | data.ingest, notify | data.notify
        ready = {
            "notify-service": listeners.url(where["NOTIFY_ADMIN_LISTEN"]),
            "ingest-service": listeners.url(where["INGEST_ADMIN_LISTEN"]),
        }
        sandbox: Environment = {}
        if isinstance(mode, Sandboxed):
            for_ingest, for_notify, sandbox = environment.playing(where, played_vendors(), webhooks=options.webhooks)
            ingest, notify = business.FOR_INGEST | ingest | for_ingest, business.FOR_NOTIFY | notify | for_notify
            ready = {"sandbox": listeners.url(where["SANDBOX_LISTEN"]), **ready}
        self._migrate(ingest, notify)
        with self.screen.step("Starting the services", f"{', '.join(ready)}"):
            if isinstance(mode, Sandboxed):
                self._serve("sandbox", self.programs.sandbox, shell | sandbox)
            self._serve("notify-service", self.programs.notify, notify)
            self._serve("ingest-service", self.programs.ingest, ingest)
            self._wait_ready(ready)
        whereabouts.write(self.logs, where)
        if isinstance(mode, Sandboxed):
            self.screen.playing(ready["sandbox"], self.logs, webhooks=options.webhooks)
        else:
            self.screen.real(mode, options.settings, where, None if mode.own_data else options.state, self.logs)
        self._watch()

    def _database(self, mode: Sandboxed | RealVendors) -> Data | None:
        if isinstance(mode, RealVendors) and mode.own_data:
            return None
        with self.screen.step("Starting PostgreSQL", "PostgreSQL"):
            if isinstance(mode, Sandboxed):
                data = database.for_one_run(self.keeper, self.logs, self.options.version)
            else:
                data = database.kept(self.keeper, self.logs, self.options.version, self.options.state)
        self._check()
        return data

    def _migrate(self, ingest: Environment, notify: Environment) -> None:
        """Both at once; each has its own database."""
        with self.screen.step("Making the tables", "Tables of both services"):
            running = [
                self._child("ingest-migrate", (*self.programs.ingest, "migrate"), ingest),
                self._child("notify-migrate", (*self.programs.notify, "migrate"), notify),
            ]
            until = time.monotonic() + MIGRATE_SECONDS
            while any(child.exit_code() is None for child in running):
                self._check()
                if time.monotonic() > until:
                    slow = next(child for child in running if child.exit_code() is None)
                    raise ProgramError(f"{slow.name} took more than {MIGRATE_SECONDS:.0f} s.", slow.last_lines())
            for child in running:
                if child.exit_code() != 0:
                    raise ProgramError(f"{child.name} failed with exit code {child.exit_code()}.", child.last_lines())

    def _serve(self, name: str, command: Sequence[str], env: Environment) -> None:
        self.watched.append(self._child(name, (*command, "serve"), env))

    def _child(self, name: str, command: Sequence[str], env: Environment) -> Child:
        log = self.logs / f"{name}.log"
        return Child(name, command, keeper=self.keeper, env=env, log=log, cwd=self.options.root)

    def _wait_ready(self, ready: Mapping[str, str]) -> None:
        waiting = dict(ready)
        until = time.monotonic() + READY_SECONDS
        while waiting := {name: base for name, base in waiting.items() if not is_ready(base)}:
            self._check()
            if time.monotonic() > until:
                name = next(iter(waiting))
                child = next(child for child in self.watched if child.name == name)
                raise ProgramError(f"{name} was not ready after {READY_SECONDS:.0f} s.", child.last_lines())

    def _watch(self) -> None:
        while True:
            self._check(0.2)

    def _check(self, seconds: float = 0.03) -> None:
        """Waits so long; raises as soon as somebody asked to stop, or when a program has died."""
        if self.stopping.wait(seconds):
            raise AskedToStopError
        for child in self.watched:
            code = child.exit_code()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise ProgramError(f"{child.name} {how}. Its last lines:", child.last_lines())
