"""notify-service as a process: what it says where it cannot start."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.e2e.pair import free_port
from tests.integration.notify.service import key


@pytest.mark.parametrize("word", ["serve", "migrate"])
async def test_a_database_that_is_down_is_a_sentence(word: str) -> None:
    variables = {
        "NOTIFY_DATABASE_URL": f"postgres://notify:secret@127.0.0.1:{free_port()}/notify?sslmode=disable",
        "NOTIFY_DATA_KEYS": key("d1"), "NOTIFY_LOOKUP_KEYS": key("l1"), "GRPC_INSECURE": "1", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "sandbox-token", "TWILIO_FROM": "+14155550100", "PATH": os.environ.get("PATH", ""),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("notify-service")), word, env=variables, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, complained = await process.communicate()
    assert process.returncode == 1
    assert b"the database cannot be reached (ConnectionRefusedError): check NOTIFY_DATABASE_URL" in complained
    assert b"Traceback" not in complained
    assert b"secret" not in complained
