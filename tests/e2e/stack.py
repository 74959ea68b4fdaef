"""`paybell-sandbox run` as a newcomer has it: everything in processes of its own, asked over HTTP alone."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.contract import recorded
from tests.processes import Process, family, wait_until

SCRIPT = Path(sys.executable).with_name("paybell-sandbox")
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """A run that is up.

    Attributes:
        place: where its `.env` and its temporary files are.
        address: of the sandbox, with its page.
        members: all its processes.
    """

    process: "subprocess.Popen[bytes]"
    place: Path
    address: str
    members: set[Process]

    def ask(self, path: str, body: object = None, *, method: str | None = None) -> Any:
        """What the sandbox answers; asked by POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS + 30) as answer:
            return json.load(answer)

    def play(self, story: str, **given: Any) -> dict[str, str]:
        """Lets something happen at Stripe; the ids of what is concerned."""
        ids: dict[str, str] = self.ask(f"/sandbox/stories/{story}", given)["ids"]
        return ids

    def told(self, to: str, **query: str) -> list[dict[str, Any]]:
        """What Twilio has taken for a number, oldest first."""
        asked = urlencode({"to": to, "direction": "outbound-api"} | query)
        return list(self.ask(f"/sandbox/messages?{asked}")["messages"])

    def await_told(self, to: str, count: int) -> list[dict[str, Any]]:
        """The same, once there is so much."""
        asked = urlencode({"to": to, "direction": "outbound-api", "count": str(count), "timeout": PATIENCE_SECONDS})
        try:
            return list(self.ask(f"/sandbox/wait/messages?{asked}")["messages"])
        except urllib.error.HTTPError as late:
            there = [one["body"] for one in json.load(late)["messages"]]
            raise AssertionError(f"{to} has not {count} messages in {PATIENCE_SECONDS} s, but {there}") from late

    def pass_(self, *, days: int = 0, hours: int = 0, minutes: int = 0) -> None:
        """Moves the clock of both services and both vendors."""
        self.ask("/sandbox/clock", {"advance_seconds": (days * 24 + hours) * 3_600 + minutes * 60})

    def deliver_as_stripe_does(self, repeats: int, reorder_window_ms: int) -> None:
        """Has every event posted more than once and mixed up: what is calm for newcomers is not for a test."""
        told = self.ask(
            "/sandbox/stripe/delivery", {"repeats": repeats, "reorder_window_ms": reorder_window_ms}, method="PUT"
        )
        assert told["repeats"] == repeats

    def end(self, how: signal.Signals, patience_seconds: float = 40) -> int:
        """Ends the run, and waits until all of it is gone; its exit code."""
        recorded.keep(self.address)
        self.process.send_signal(how)
        code = self.process.wait(patience_seconds)
        wait_until(lambda: all(process.is_gone() for process in self.members), 25, "all processes gone")
        return code


@contextlib.contextmanager
def started(*options: str, env: str = "") -> Iterator[Stack]:
    """A run with these options and this `.env`, until the block ends."""
    place = Path(tempfile.mkdtemp(prefix="paybell-test-"))
    place.chmod(0o755)  # PostgreSQL's unprivileged user passes it, unlike pytest's own
    (place / "tmp").mkdir()
    (place / ".env").write_text(env)
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
        (address,) = re.findall(r"http://\S+", said.read_text())
        yield Stack(run, place, address, family(run.pid))
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
        wait_until(lambda: not list((place / "tmp").iterdir()), 25, "temporary folder empty")  # its keeper sees to it
        shutil.rmtree(place)
