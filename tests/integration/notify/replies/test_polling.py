"""Reading replies from the provider's list comes forward whatever else the list holds, and takes nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from notify_service.accounts import Sender
from notify_service.delivery.listed import Listed
from notify_service.delivery.twilio_client import ReadFailedError, TooMuchError
from notify_service.replies import polling
from tests.integration.notify.delivery.desk import Desk, account, desk, eventually

PHONE, OURS = "+14155551001", "+14155550100"
MINUTE = timedelta(minutes=1)


def inbound(number: int, at: datetime, to: str = OURS, service: str = "") -> Listed:
    """A text from a person."""
    return Listed(f"SM{number:032x}", "inbound", to, PHONE, service, "hello", "received", 0, at)


class Provider:
    """A list that holds so many messages of ours a minute, and these of people; it fails as it is told."""

    def __init__(self, *replies: Listed, pages_a_minute: float = 0.0) -> None:
        self.replies = replies
        self.pages_a_minute = pages_a_minute
        self.windows: list[tuple[datetime, datetime | None]] = []
        self.pages = 0
        self.fails_after: int | None = None

    async def look_up(self, kind: str, sid: str) -> Listed:
        raise NotImplementedError(kind, sid)

    async def messages_from_people(
        self, to: str | None, since: datetime, until: datetime | None, most_pages: int | None, beat: Callable[[], None]
    ) -> list[Listed]:
        assert to is None or to == OURS
        if self.fails_after is not None and len(self.windows) >= self.fails_after:
            raise ReadFailedError("TimeoutError")
        end = until or datetime.now(UTC)
        pages = int(self.pages_a_minute * ((end - since) / MINUTE)) + 1
        if most_pages is not None and pages > most_pages:
            raise TooMuchError("more pages")
        self.pages += pages
        self.windows.append((since, until))
        beat()
        return [one for one in self.replies if one.created_at and since <= one.created_at and one.created_at < end]


def polled(d: Desk, provider: Provider) -> polling.InboundPolling:
    """Polls this provider from now on."""
    made = d.replies.desks["main"].polling
    assert made is not None
    made._provider = provider
    return made


async def read_until(d: Desk) -> datetime:
    found: datetime = await d.pool.fetchval("SELECT read_until FROM poll_cursor WHERE account_id = 'main'")
    return found


async def stored(d: Desk) -> list[str]:
    return [row["sid"] for row in await d.pool.fetch("SELECT sid FROM inbound ORDER BY provider_at")]


async def test_the_cursor_moves_to_the_start_of_a_read_although_nobody_wrote(notify_pool: asyncpg.Pool) -> None:
    """Days of our own messages are listed once; the next read begins minutes back, not days."""
    async with desk(notify_pool, webhooks=False, start=False) as d:
        provider = Provider()
        before = datetime.now(UTC)
        assert await polled(d, provider).turn() == 0
        assert await read_until(d) >= before
        provider.windows.clear()
        await polled(d, provider).turn()
        ((since, until),) = provider.windows
        assert until is None
        assert before - 6 * MINUTE < since < datetime.now(UTC) - 4 * MINUTE


async def test_a_busy_account_is_read_in_ever_smaller_windows_and_a_reply_amid_it_is_found(
    notify_pool: asyncpg.Pool,
) -> None:
    """Six pages a minute: fifteen minutes hold more than are read at once, three do not. Two days are caught up."""
    now = datetime.now(UTC)
    async with desk(notify_pool, webhooks=False, start=False) as d:
        provider = Provider(inbound(1, now - timedelta(days=1)), inbound(2, now - MINUTE), pages_a_minute=6)
        await notify_pool.execute(
            "INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ('main', 'inbound', $1)",
            now - timedelta(days=2),
        )
        assert await polled(d, provider).turn() == 2
        assert len(await stored(d)) == 2
        assert await read_until(d) >= now
        for (_, until), (since, _) in zip(provider.windows, provider.windows[1:], strict=False):
            assert until == since  # no gap, and nothing twice
        assert provider.pages < 6 * 2 * 24 * 60 * 1.5


async def test_the_narrowest_window_is_read_to_its_end_whatever_it_holds(notify_pool: asyncpg.Pool) -> None:
    """A minute with a hundred pages: no bound may make it unreadable for ever."""
    async with desk(notify_pool, webhooks=False, start=False) as d:
        provider = Provider(inbound(1, datetime.now(UTC) - MINUTE), pages_a_minute=100)
        assert await polled(d, provider).turn() == 1
        assert await read_until(d) > datetime.now(UTC) - MINUTE


async def test_what_was_read_before_a_failure_stays_read(notify_pool: asyncpg.Pool) -> None:
    """The next turn goes on at the window that failed."""
    now = datetime.now(UTC)
    async with desk(notify_pool, webhooks=False, start=False) as d:
        provider = Provider(inbound(1, now - 50 * MINUTE), inbound(2, now - MINUTE))
        provider.fails_after = 2
        assert await polled(d, provider).turn() == 1
        assert now - 40 * MINUTE < await read_until(d) < now - 30 * MINUTE
        provider.fails_after = None
        provider.windows.clear()
        assert await polled(d, provider).turn() == 1
        assert provider.windows[0][0] > now - 45 * MINUTE
        assert len(await stored(d)) == 2


async def test_a_beat_follows_every_page_that_is_read(notify_pool: asyncpg.Pool) -> None:
    async with desk(notify_pool, webhooks=False, start=False) as d:
        provider, beats = Provider(), []
        await polled(d, provider).turn(lambda: beats.append(1))
        assert len(beats) == len(provider.windows) == 5  # an hour and the overlap, by quarters


async def test_a_reply_is_taken_only_by_the_account_it_was_sent_to(notify_pool: asyncpg.Pool) -> None:
    """Two accounts share one at Twilio; each reads the whole list."""
    now = datetime.now(UTC)
    theirs = account("theirs", senders=(Sender("sms", "sms", "", "", "MG" + "2" * 32),))
    ours = account(senders=(Sender("sms", "sms", "", "", "MG" + "1" * 32), Sender("wa", "whatsapp", "", OURS)))
    async with desk(notify_pool, webhooks=False, start=False, accounts=[ours, theirs]) as d:
        provider = Provider(
            inbound(1, now - MINUTE, "+14155550101", "MG" + "1" * 32),
            inbound(2, now - MINUTE, "+14155550102", "MG" + "2" * 32),
            inbound(3, now - MINUTE, f"whatsapp:{OURS}"),
        )
        for desk_of in d.replies.desks.values():
            assert desk_of.polling is not None
            desk_of.polling._provider = provider
            await desk_of.polling.turn()
        rows = await notify_pool.fetch("SELECT account_id, right(sid, 1) AS sid FROM inbound ORDER BY sid")
        assert [tuple(row) for row in rows] == [("main", "1"), ("theirs", "2"), ("main", "3")]


@pytest.mark.parametrize("service", [True, False])
async def test_a_stop_is_found_behind_our_own_messages(notify_pool: asyncpg.Pool, service: bool) -> None:
    """In the sandbox's own list, in both directions, by Messaging Service and by number."""
    senders = (Sender("sms", "sms", "", "", "MG" + "a" * 32),) if service else (Sender("sms", "sms", "", OURS),)
    async with desk(notify_pool, webhooks=False, accounts=[account(senders=senders)]) as d:
        ones = [await d.submit(f"+141555521{n:02}") for n in range(20)]
        for one in ones:
            await d.until(one, "accepted", "sent", "delivered")
        await d.reply(PHONE, "STOP")
        await eventually(lambda: d.stopped(PHONE))
