"""Somebody else's gRPC client uses notify-service as the README says."""

import asyncio
import datetime
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.notify import service

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")


@pytest.fixture
async def address(notify_database_url: str) -> AsyncIterator[str]:
    """Where notify-service listens; Twilio is out of reach, which changes nothing for a caller."""
    async with service.running(service.settings(notify_database_url, "http://127.0.0.1:9/twilio")) as (running, _):
        yield f"http://127.0.0.1:{running.grpc_port}"


def example() -> tuple[list[str], str]:
    """The README's command and body, word for word."""
    text = (ROOT / "README.md").read_text()
    found = re.search(
        r"```sh\n\.venv/bin/buf (curl [^\n]*SubmitNotifications) -d @- <<'JSON'\n(.*?)\nJSON\n```", text, re.DOTALL
    )
    assert found is not None
    return found.group(1).split(), found.group(2)


async def buf(*arguments: str, body: str = "") -> str:
    """What buf prints."""
    process = await asyncio.create_subprocess_exec(
        str(BUF),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(body.encode())
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def test_reflection_lists_the_methods(address: str) -> None:
    listed = await buf("curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-methods", address)
    assert "notify.v1.NotificationService/SubmitNotifications" in listed
    assert "grpc.health.v1.Health/Check" in listed


async def test_the_example_of_the_readme_submits_a_notification(address: str) -> None:
    command, body = example()
    now = datetime.datetime.now(datetime.UTC)
    filled = body.replace("NOT_AFTER", (now + datetime.timedelta(hours=1)).isoformat()).replace(
        '"NOW"', f'"{now.isoformat()}"'
    )
    arguments = [address + part.partition("50051")[2] if part.startswith("http://") else part for part in command]
    answer = json.loads(await buf(*arguments, "-d", "@-", body=filled))
    [result] = answer["results"]
    assert result["requestId"] == "hello-1"
    assert result["accepted"]["state"] == "NOTIFICATION_STATE_QUEUED"


async def test_a_field_that_the_contract_lacks_is_refused_by_name(address: str) -> None:
    command, _ = example()
    arguments = [address + part.partition("50051")[2] if part.startswith("http://") else part for part in command]
    with pytest.raises(AssertionError, match="phone"):
        await buf(*arguments, "-d", "@-", body='{"requests": [{"phone": "+14155552671"}]}')


async def test_health_is_serving(address: str) -> None:
    checked = await buf(
        "curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", "{}", f"{address}/grpc.health.v1.Health/Check"
    )
    assert json.loads(checked) == {"status": "SERVING"}
