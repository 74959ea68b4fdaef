"""`make run` as a newcomer has it: the real services, the played vendors, one address, and nothing left afterwards."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract import recorded
from tests.processes import family, listens, wait_until

SCRIPT = Path(sys.executable).with_name("paybell-sandbox")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that PostgreSQL's unprivileged user may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="paybell-test-"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir()
    yield folder
    shutil.rmtree(folder)


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("options", "how", "exit_code"),
    [
        pytest.param((), signal.SIGINT, 0, id="with webhooks, Ctrl-C"),
        pytest.param(("--postgres", "16"), signal.SIGKILL, -9, id="on PostgreSQL 16, kill -9"),
        pytest.param(("--no-webhooks",), signal.SIGTERM, 143, id="polling, SIGTERM"),
    ],
)
def test_a_failed_renewal_becomes_one_text_and_all_of_it_goes_when_stopped(
    place: Path, options: tuple[str, ...], how: signal.Signals, exit_code: int
) -> None:
    (place / ".env").write_text("INGEST_POLL_SECONDS=0.5\n")
    said = place / "said"
    with said.open("wb") as output:
        run = subprocess.Popen(
            [SCRIPT, "run", "--env-file", str(place / ".env"), *options],
            env={**os.environ, "TMPDIR": str(place / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "Ctrl-C stops" in said.read_text() or run.poll() is not None, 90, "up")
        assert run.poll() is None, said.read_text()
        members = family(run.pid)
        (address,) = re.findall(r"http://\S+", said.read_text())
        told = ask(f"{address}/sandbox/stories/renewal_fails", {})
        texts = ask(f"{address}/sandbox/wait/messages?direction=outbound-api&timeout=45")["messages"]
        assert len(texts) == 1
        (failed,) = (event["id"] for event in told["events"] if event["type"] == "invoice.payment_failed")
        assert ask(f"{address}/page/story?event={failed}")
        recorded.keep(address)
        run.send_signal(how)
        assert run.wait(25) == exit_code
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    wait_until(lambda: all(process.is_gone() for process in members), 25, "all processes gone")
    wait_until(lambda: not list((place / "tmp").iterdir()), 5, "temporary folder empty")
    assert not listens(int(address.rpartition(":")[2]))
