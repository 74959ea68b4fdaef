"""A Twilio that hangs makes everything slow and nothing unready."""

from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from notify_service import loops as loops_module
from notify_service.delivery.listed import Listed
from notify_service.delivery.twilio_client import ReadFailedError, TwilioClient
from tests.integration.notify.delivery.desk import desk


async def test_looks_that_each_run_into_their_timeout_leave_the_resolver_ready(
    notify_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty messages without a final status, and forty that nobody knows of; each look takes all the time it may."""
    moment = SimpleNamespace(now=1000.0)
    moment.monotonic = lambda: moment.now
    late: list[str] = []
    async with desk(notify_pool, start=False) as d:
        step = d.delivery._times.timeout.total_seconds()

        async def hang(*_: Any) -> Listed:
            late.extend(d.loops.late())
            moment.now += max(step, 5.0)
            raise ReadFailedError("TimeoutError")

        for read in ("look_up", "messages_to"):
            monkeypatch.setattr(TwilioClient, read, hang)
        for number in range(80):
            one = await d.submit(f"+14155552{number:03}", wake=False)
            state, sid = ("accepted", f"SM{number:032x}") if number % 2 else ("unknown", None)
            await notify_pool.execute(
                """INSERT INTO attempt (account_id, created_on, notification_id, number, token, channel, sender, address_id, state, sid,
                                        body_hash, not_after, business_at, check_at)
                   SELECT account_id, created_on, notification_id, 1, decode(md5($1::uuid::text), 'hex'), 'sms', 'sms', address_id, $2, $3,
                          '', now(), now(), now() FROM notification WHERE notification_id = $1""",
                *(one, state, sid),
            )
        beats: list[float] = []
        monkeypatch.setattr(loops_module, "time", moment)
        d.loops.beat("resolver main")

        def beat() -> None:
            beats.append(moment.now)
            d.loops.beat("resolver main")

        assert await d.delivery.lines["main"].resolver.turn(beat) == 80
    assert late == []
    assert len(beats) == 80
    assert moment.now == 1000.0 + 80 * 5
