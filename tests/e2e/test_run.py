"""`make run` as a newcomer has it: the real services, the played vendors, one address, and nothing left afterwards."""

import signal

import pytest

from tests.e2e.stack import started
from tests.processes import listens, wait_until


@pytest.mark.parametrize(
    ("options", "how", "exit_code"),
    [
        pytest.param((), signal.SIGINT, 0, id="with webhooks, Ctrl-C"),
        pytest.param(("--postgres", "16"), signal.SIGKILL, -9, id="on PostgreSQL 16, kill -9"),
        pytest.param(("--no-webhooks",), signal.SIGTERM, 143, id="polling, SIGTERM"),
    ],
)
def test_a_failed_renewal_becomes_one_text_and_all_of_it_goes_when_stopped(
    options: tuple[str, ...], how: signal.Signals, exit_code: int
) -> None:
    with started(*options, env="INGEST_POLL_SECONDS=0.5\n") as stack:
        told = stack.ask("/sandbox/stories/renewal_fails", {})
        texts = stack.ask("/sandbox/wait/messages?direction=outbound-api&timeout=45")["messages"]
        assert len(texts) == 1
        (failed,) = (event["id"] for event in told["events"] if event["type"] == "invoice.payment_failed")
        assert stack.ask(f"/page/story?event={failed}")
        assert stack.end(how, 25) == exit_code
        wait_until(lambda: not list((stack.place / "tmp").iterdir()), 5, "temporary folder empty")
        assert not listens(int(stack.address.rpartition(":")[2]))
