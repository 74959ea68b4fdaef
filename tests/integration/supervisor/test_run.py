"""A run of everything, with stand-ins for the three programs and a real PostgreSQL: what comes up, and that all of it goes."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from paybell_sandbox.supervisor import database, whereabouts
from paybell_sandbox.supervisor.postgres import installed_binaries
from tests.processes import Process, family, listens, makers_of_shared_memory, mentioning, wait_until

ROOT = Path(__file__).resolve().parents[3]
REAL = "STRIPE_API_KEY=rk_test_1\nTWILIO_ACCOUNT_SID=AC1\nTWILIO_AUTH_TOKEN=t\nTWILIO_FROM=+14155550100\n"


@dataclass
class Run:
    """A started run, with its own temporary folder and everything it said."""

    process: subprocess.Popen[bytes]
    place: Path
    started: float
    seen: set[Process] = field(default_factory=set)

    def said(self) -> str:
        return (self.place / "said").read_text()

    def told(self, program: str, command: str = "serve") -> dict[str, str]:
        """The environment that a program was started with."""
        told: dict[str, str] = json.loads((self.place / "told" / f"{program}-{command}.json").read_text())
        return told

    def wait_up(self) -> None:
        """Waits until it says that all is up, and takes down every process it consists of."""
        wait_until(lambda: "Ctrl-C stops everything" in self.said() or self.process.poll() is not None, 60, "up")
        assert self.process.poll() is None, self.said()
        self.seen = family(self.process.pid)

    def ports(self) -> list[int]:
        told = self.told("ingest-service") | self.told("notify-service")
        if (self.place / "told" / "sandbox-serve.json").exists():
            told |= self.told("sandbox")
        ports = [int(value.rpartition(":")[2]) for name, value in told.items() if name.endswith("_LISTEN")]
        return [*ports, *(int(found) for found in re.findall(r"@127\.0\.0\.1:(\d+)/", " ".join(told.values())))]

    def temporary(self) -> list[str]:
        return sorted(path.name for path in (self.place / "tmp").iterdir())

    def assert_nothing_left(self) -> None:
        wait_until(lambda: all(process.is_gone() for process in self.seen), 25, "all processes gone")
        wait_until(lambda: not self.temporary(), 5, "temporary folder empty")
        assert not [port for port in self.ports() if listens(port)]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that PostgreSQL's unprivileged user may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="paybell-test-"))
    folder.chmod(0o755)
    for name in ("tmp", "told", "state"):
        (folder / name).mkdir()
    (folder / ".env").touch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(place: Path) -> Iterator[Callable[..., Run]]:
    """Starts runs and stops them; whatever a failed test leaves of them is killed."""
    runs: list[Run] = []

    def begin(**environment: str) -> Run:
        command = [sys.executable, "-m", "tests.standins.everything", str(place / ".env"), str(place / "state")]
        env = {**os.environ, "TMPDIR": str(place / "tmp"), "STANDIN_TOLD": str(place / "told"), **environment}
        with (place / "said").open("wb") as said:
            process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=said, stderr=said, start_new_session=True, stdin=subprocess.DEVNULL
            )
        runs.append(Run(process, place, time.monotonic()))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(30)
        run.process.kill()
        run.process.wait()
        for process in run.seen:
            if not process.is_gone():
                os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("how", "exit_code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
)
def test_however_it_is_stopped_nothing_is_left(start: Callable[..., Run], how: signal.Signals, exit_code: int) -> None:
    """No process, port or file, and no mode or owner of any folder on the way was changed."""
    before = _modes()
    run = start()
    run.wait_up()
    assert len(run.seen) > 8, "the run, its keeper, three programs, and PostgreSQL with its own"
    assert all(listens(port) for port in run.ports())
    run.process.send_signal(how)
    assert run.process.wait(25) == exit_code
    run.assert_nothing_left()
    assert _modes() == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
@pytest.mark.parametrize("moment", ["data.new", "data.new/base/1", "data"], ids=["early", "initdb", "PostgreSQL"])
def test_stopped_while_the_database_is_made_or_started_it_is_no_failure_and_leaves_nothing(
    start: Callable[..., Run], how: signal.Signals, moment: str
) -> None:
    """Ctrl-C reaches all that stand in the terminal's foreground group, not the run alone."""
    run = start()
    wait_until(lambda: bool(list((run.place / "tmp").glob(f"paybell-*/{moment}"))), 30, moment)
    os.killpg(run.process.pid, how)
    assert run.process.wait(25) == (0 if how is signal.SIGINT else -how), run.said()
    assert "failed" not in run.said()
    wait_until(lambda: not mentioning(str(run.place)), 25, "all processes gone")
    wait_until(lambda: not run.temporary(), 10, "temporary folder empty")


def _modes() -> dict[str, tuple[int, int, int]]:
    """Modes and owners of what the run walks through or uses without having made it."""
    used = [ROOT, installed_binaries(18), Path(tempfile.gettempdir()), Path.home(), ROOT / "sandbox", Path(sys.prefix)]
    walked = {folder for path in used for folder in (path, *path.parents)}
    return {str(path): (stat.st_mode, stat.st_uid, stat.st_gid) for path in walked for stat in [path.stat()]}


def test_one_address_is_printed_and_it_answers_within_seconds(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_up()
    assert time.monotonic() - run.started < 20, "a start takes about three seconds, on a busy machine more"
    addresses = re.findall(r"http://\S+", run.said())
    assert len(addresses) == 1, run.said()
    with urllib.request.urlopen(f"{addresses[0]}/readyz") as answer:
        assert answer.status == 200


def test_the_three_programs_are_told_what_fits_together_and_nothing_of_the_shell(start: Callable[..., Run]) -> None:
    run = start(STRIPE_API_KEY="sk_live_of_the_shell", PGHOST="elsewhere", HTTPS_PROXY="http://proxy.example:3128")
    run.wait_up()
    ingest, notify, sandbox = (run.told(name) for name in ("ingest-service", "notify-service", "sandbox"))
    assert ingest["STRIPE_API_KEY"].startswith("sk_test_")
    assert ingest["STRIPE_API_BASE"] == f"http://{sandbox['SANDBOX_LISTEN']}/stripe"
    assert ingest["STRIPE_WEBHOOK_SECRETS"] == sandbox["SANDBOX_STRIPE_WEBHOOK_SECRET"]
    assert sandbox["SANDBOX_STRIPE_WEBHOOK_URL"] == f"http://{ingest['INGEST_HTTP_LISTEN']}/webhooks/stripe"
    assert ingest["INGEST_NOTIFY_TARGET"] == notify["NOTIFY_GRPC_LISTEN"]
    assert notify["TWILIO_API_BASE"] == f"http://{sandbox['SANDBOX_LISTEN']}/twilio"
    assert notify["TWILIO_AUTH_TOKEN"] == sandbox["SANDBOX_TWILIO_AUTH_TOKEN"]
    assert ingest["INGEST_DATABASE_URL"] != notify["NOTIFY_DATABASE_URL"]
    assert not [name for name in notify if name.startswith(("STRIPE_", "INGEST_"))]
    assert not [name for name in ingest if name.startswith(("TWILIO_", "NOTIFY_"))]
    assert not [name for told in (ingest, notify, sandbox) for name in told if name.startswith("PG")]
    assert "127.0.0.1" in ingest["no_proxy"]


def test_without_webhooks_no_vendor_knows_where_we_are(start: Callable[..., Run]) -> None:
    run = start(STANDIN_POLL="1")
    run.wait_up()
    told = run.told("ingest-service") | run.told("notify-service") | run.told("sandbox")
    for name in ("INGEST_PUBLIC_URL", "NOTIFY_PUBLIC_URL", "SANDBOX_STRIPE_WEBHOOK_URL", "SANDBOX_TWILIO_INBOUND_URL"):
        assert name not in told
    assert "Webhooks are off" in run.said()


def test_two_runs_at_once_do_not_meet(start: Callable[..., Run]) -> None:
    first = start()
    first.wait_up()
    ports = first.ports()
    second = start()
    second.wait_up()
    assert not set(ports) & set(second.ports())


def test_a_program_that_dies_is_named_with_its_last_lines_and_ends_the_run(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_up()
    port = run.told("notify-service")["NOTIFY_ADMIN_LISTEN"]
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"http://{port}/die")
    assert run.process.wait(25) == 1
    assert "notify-service ended with exit code 3" in run.said()
    assert '"event": "dying"' in run.said()
    wait_until(lambda: all(process.is_gone() for process in run.seen), 25, "all processes gone")
    (logs,) = (run.place / "tmp").iterdir()
    assert str(logs) in "".join(run.said().split())
    assert (logs / "notify-service.log").read_text()


def test_the_database_that_dies_is_named_and_leaves_no_shared_memory(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_up()
    server = next(process for process in run.seen if "/postgres -D" in process.command)
    assert server.pid in makers_of_shared_memory()
    os.kill(server.pid, signal.SIGKILL)
    assert run.process.wait(25) == 1
    assert server.pid not in makers_of_shared_memory()
    assert "postgres was killed by signal 9" in run.said()


@pytest.mark.parametrize("what", ["ingest-service:migrate", "sandbox:serve"])
def test_what_does_not_come_up_is_said_in_its_own_words(start: Callable[..., Run], what: str) -> None:
    run = start(STANDIN_DIES=what)
    assert run.process.wait(60) == 1
    assert "the moon is full" in run.said()
    assert re.split("[-:]", what)[0] in run.said()


def test_it_ends_with_its_parent_where_asked_to(place: Path) -> None:
    """`make run` asks so: whoever kills make means all of it."""
    shell = f'"{sys.executable}" -m tests.standins.everything "{place}/.env" "{place}/state" & echo $!; wait'
    env = {**os.environ, "TMPDIR": str(place / "tmp"), "STANDIN_TOLD": str(place / "told"), "STANDIN_WITH_PARENT": "1"}
    with (place / "said").open("wb") as said:
        parent = subprocess.Popen(["bash", "-c", shell], cwd=ROOT, env=env, stdout=said, stderr=said)
    run = Run(parent, place, time.monotonic())
    try:
        run.wait_up()
    finally:
        parent.kill()
        parent.wait()
    run.assert_nothing_left()


def test_half_a_set_of_keys_is_refused_with_all_that_is_missing(start: Callable[..., Run], place: Path) -> None:
    (place / ".env").write_text("STRIPE_API_KEY=sk_test_1\nTWILIO_API_KEY=SK1\n")
    run = start()
    assert run.process.wait(20) == 2
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM", "TWILIO_API_SECRET"):
        assert name in run.said()
    assert not run.temporary()


def test_with_real_keys_there_is_no_sandbox_and_data_is_kept(start: Callable[..., Run], place: Path) -> None:
    """Whom we wrote to must be known in the next run: its database and its keys are the same."""
    (place / ".env").write_text(REAL)
    told = []
    for _ in range(2):
        run = start()
        run.wait_up()
        assert not (place / "told" / "sandbox-serve.json").exists()
        assert "is asked for events" in run.said()
        told.append(run.told("ingest-service"))
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(25) == 0
        run.assert_nothing_left()
    assert told[0]["INGEST_DATA_KEYS"] == told[1]["INGEST_DATA_KEYS"]
    assert told[0]["STRIPE_API_KEY"] == "rk_test_1"
    assert not [name for name in told[0] if name in ("STRIPE_API_BASE", "INGEST_PUBLIC_URL")]
    assert (place / "state" / "data-keys.json").stat().st_mode & 0o077 == 0
    assert (place / "state" / "postgres").stat().st_mode & 0o077 == 0


def test_a_second_run_on_the_same_data_is_refused_and_takes_nothing_from_the_first(
    start: Callable[..., Run], place: Path
) -> None:
    """The segment of shared memory is what keeps a second PostgreSQL from the data: it must outlive the attempt."""
    (place / ".env").write_text(REAL)
    first = start()
    first.wait_up()
    server = next(process for process in first.seen if "/postgres -D" in process.command)
    before = first.temporary()
    second = start()
    assert second.process.wait(25) == 1
    assert f"Paybell already runs here (pid {first.process.pid})" in second.said()
    assert first.temporary() == before
    assert server.pid in makers_of_shared_memory()
    assert first.process.poll() is None
    assert listens(first.ports()[0])


def test_data_is_free_for_the_next_run_only_when_all_of_a_killed_one_is_gone(
    start: Callable[..., Run], place: Path
) -> None:
    (place / ".env").write_text(REAL)
    first = start()
    first.wait_up()
    keeper = next(process for process in first.seen if "keeper.py" in process.command)
    os.kill(keeper.pid, signal.SIGSTOP)
    first.process.kill()
    first.process.wait()
    try:
        assert start().process.wait(25) == 1
    finally:
        os.kill(keeper.pid, signal.SIGCONT)
    first.assert_nothing_left()
    start().wait_up()


async def test_a_run_with_real_keys_can_be_asked_about_its_data_while_it_is_up(
    start: Callable[..., Run], place: Path
) -> None:
    (place / ".env").write_text(REAL)
    run = start()
    run.wait_up()
    told = database.of_the_run_that_is_up(place / "state")
    assert told["INGEST_DATA_KEYS"] == run.told("ingest-service")["INGEST_DATA_KEYS"]
    connection = await asyncpg.connect(told["INGEST_DATABASE_URL"])
    assert await connection.fetchval("SELECT current_database()") == "ingest"
    await connection.close()
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(25) == 0
    assert not database.of_the_run_that_is_up(place / "state")


def test_where_it_listens_is_written_down_while_it_is_up(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start()
    run.wait_up()
    monkeypatch.setattr(tempfile, "tempdir", str(run.place / "tmp"))
    up = whereabouts.of_a_run_that_is_up()
    assert up is not None
    assert up.pid == run.process.pid
    assert up.sandbox == f"http://{run.told('sandbox')['SANDBOX_LISTEN']}"
    assert up.ingest == f"http://{run.told('ingest-service')['INGEST_HTTP_LISTEN']}"
    run.process.kill()
    run.process.wait()
    assert whereabouts.of_a_run_that_is_up() is None
