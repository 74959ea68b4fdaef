"""Every request that a sandbox of this test run took on Twilio's side, in a file that SANDBOX_RECORD_FILE names."""

import atexit
import json
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Final

NAME: Final = "SANDBOX_RECORD_FILE"


def begin() -> None:
    """Has every sandbox that is started from now on write down what it takes, unless it is already said where."""
    if not os.environ.get(NAME):
        folder = tempfile.mkdtemp(prefix="paybell-requests-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[NAME] = str(Path(folder) / "requests.jsonl")


def keep(sandbox: str) -> None:
    """Adds what a sandbox in another process took, which is told nothing of our environment.

    Args:
        sandbox: its address.
    """
    if where := os.environ.get(NAME):
        with urllib.request.urlopen(f"{sandbox}/sandbox/requests", timeout=60) as answer:
            requests = json.load(answer)["requests"]
        with Path(where).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(request) + "\n" for request in requests)


def kept() -> list[Any]:
    """All of them."""
    where = Path(os.environ[NAME])
    return [json.loads(line) for line in where.read_text(encoding="utf-8").splitlines()] if where.exists() else []
