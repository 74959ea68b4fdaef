"""The composition root: opens everything, wires it, and closes it in the opposite order."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiohttp import web

from notify_service import accounts_file, database, gauges, logs
from notify_service.accounts import Account
from notify_service.challenges import service as question_service
from notify_service.challenges.codes import Codes
from notify_service.challenges.service import Questions
from notify_service.clock import Clock, refuse_moved_clock
from notify_service.consent.addresses import AddressBook
from notify_service.delivery import service as delivery_service
from notify_service.delivery.service import OUTCOMES_BELL, Delivery, sending_bell
from notify_service.delivery.vault import SealedVault
from notify_service.edge import admin_http, grpc_limits, grpc_server, twilio_http
from notify_service.edge.admin_http import Admin
from notify_service.edge.notification_rpc import SERVICE, NotificationRpc
from notify_service.in_force import put_all_in_force
from notify_service.intake.submission import Intake
from notify_service.loops import Loops, measure_lag
from notify_service.metrics import Metrics
from notify_service.outcomes.feed import Feed
from notify_service.replies import service as reply_service
from notify_service.replies.consent import LedgerConsent
from notify_service.replies.service import ReplyService
from notify_service.sealing import Finder, Sealer
from notify_service.settings import Settings, parse_listen
from notify_service.shutdown import SECONDS as STOP_SECONDS
from notify_service.shutdown import Shutdown
from notify_service.wake import Bells

log = structlog.get_logger()

CHANNEL = "notify_service"
CALL_SECONDS = 5.0
"""How long calls under way may take after the signal; none needs so long, and a long poll is answered at once."""
HEADER_SECONDS = 10.0
GAUGE_SECONDS = 15.0


@dataclass(frozen=True)
class RunningService:
    """A service that listens; ports are those really bound."""

    grpc_port: int
    http_port: int
    admin_port: int
    loops: Loops


class CannotStartError(RuntimeError):
    """Something outside the process keeps it from starting; the message says what to do."""


@contextlib.contextmanager
def _told(what: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotStartError(f"{what} ({type(error).__name__}): {remedy}") from error


@contextlib.asynccontextmanager
async def _listening(app: web.Application, name: str, listen: str) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=HEADER_SECONDS, shutdown_timeout=CALL_SECONDS)
    await runner.setup()
    try:
        host, port = parse_listen(listen)
        with _told(f"{name}={listen} cannot be listened on", "name a free address of this machine"):
            await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[RunningService]:
    """The whole service until the block ends; closing takes as long as ``shutdown`` says, at most."""
    accounts = accounts_file.load(settings)
    url = settings.notify_database_url.get_secret_value()
    async with contextlib.AsyncExitStack() as stack:
        with _told("the database cannot be reached", "check NOTIFY_DATABASE_URL and whether PostgreSQL runs there"):
            pool = await stack.enter_async_context(
                database.pool(url, size=settings.notify_database_connections, pooled=settings.notify_database_pooled)
            )
        clock = Clock()
        async with pool.acquire() as conn:
            await database.check_schema(conn)
            await database.make_partitions(conn)
            await clock.refresh(conn)
        refuse_moved_clock(clock, vendors_on_loopback=settings.vendor_on_loopback)
        in_force = await put_all_in_force(pool, settings, accounts)
        metrics, loops, shutdown = Metrics(), Loops(), Shutdown()
        bells = Bells(
            [
                *delivery_service.bell_names(accounts),
                *reply_service.bell_names(accounts),
                *question_service.bell_names(accounts),
                "clock",
            ]
        )
        sealer, finder = Sealer(settings.data_keys), Finder(settings.lookup_keys)
        codes, outcomes = Codes(settings.lookup_keys), Feed(lambda: bells.ring(OUTCOMES_BELL))
        delivery = Delivery(
            accounts,
            delivery_service.Neighbours(
                pool,
                clock,
                sealer,
                in_force.policy,
                outcomes,
                bells,
                metrics.count,
                shutdown.left,
            ),
            api_base=settings.twilio_api_base,
            public_url=settings.notify_public_url or None,
            time_scale=settings.notify_vendor_time_scale,
        )
        stack.push_async_callback(delivery.close)
        intake = Intake(
            pool,
            clock,
            in_force,
            sealer,
            AddressBook(sealer, finder),
            codes,
            lambda account: bells.ring(sending_bell(account), question_service.questions_bell(account)),
        )
        questions = Questions(
            accounts,
            question_service.Neighbours(
                pool, clock, codes, SealedVault(sealer), LedgerConsent(sealer, finder), outcomes, bells, metrics.count
            ),
            public_url=settings.notify_public_url or None,
            submit=intake.submit,
        )
        replies = ReplyService(
            accounts,
            {account_id: line.client for account_id, line in delivery.lines.items()},
            reply_service.Neighbours(pool, clock, sealer, finder, bells, metrics.count),
            polled=not settings.notify_public_url,
            time_scale=settings.notify_vendor_time_scale,
            answers=questions.answers,
        )
        stack.push_async_callback(_within, shutdown, STOP_SECONDS, loops.close)
        replies.start(loops)
        questions.start(loops)
        _start_loops(loops, bells, delivery, pool, settings, clock, metrics, accounts)

        public = web.Application(client_max_size=64 * 1024)
        if settings.notify_public_url:
            twilio_http.setup(
                public,
                settings.notify_public_url,
                accounts,
                twilio_http.Desks(delivery.tell, replies.take, replies.whose, questions.go_on),
                lambda what: metrics.webhooks.labels(what).inc(),
            )
        http_port = await stack.enter_async_context(
            _listening(public, "NOTIFY_HTTP_LISTEN", settings.notify_http_listen)
        )
        rpc = NotificationRpc(pool, clock, accounts, intake, bells, metrics, loops.stopping)
        handler = grpc_limits.handlers(SERVICE, rpc.methods(), metrics, settings.callers)
        with _told(
            f"NOTIFY_GRPC_LISTEN={settings.notify_grpc_listen} cannot be listened on",
            "name a free address of this machine, and files in GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY that can be read",
        ):
            server = await grpc_server.start(settings, handler)
        stack.push_async_callback(_within, shutdown, CALL_SECONDS, server.stop)
        admin = web.Application()
        admin_http.setup(admin, _admin(settings, pool, clock, bells, loops, metrics, accounts))
        admin_port = await stack.enter_async_context(
            _listening(admin, "NOTIFY_ADMIN_LISTEN", settings.notify_admin_listen)
        )
        await server.serving()
        stack.callback(_begin_stop, shutdown, loops, bells)
        log.info("started", port=server.port, http_port=http_port, admin_port=admin_port, **settings.summary())
        yield RunningService(server.port, http_port, admin_port, loops)


def _begin_stop(shutdown: Shutdown, loops: Loops, bells: Bells) -> None:
    shutdown.begin()
    loops.stopping.set()
    bells.ring_all()  # who waits for work sees at once that there will be none


async def _within(shutdown: Shutdown, at_most: float, close: Callable[[float], Awaitable[None]]) -> None:
    shutdown.begin()  # also where the start itself failed
    await close(shutdown.left(at_most))


def _start_loops(
    loops: Loops,
    bells: Bells,
    delivery: Delivery,
    pool: Any,
    settings: Settings,
    clock: Clock,
    metrics: Metrics,
    accounts: Mapping[str, Account],
) -> None:
    delivery.start(loops)
    if not settings.notify_database_pooled:
        loops.add("listen", bells.listen(settings.notify_database_url.get_secret_value(), CHANNEL), heeds_stop=False)
    loops.add("publish", bells.publish(pool, CHANNEL), heeds_stop=False)
    loops.add("lag", measure_lag(metrics.loop_lag.set), heeds_stop=False)

    async def make_partitions() -> None:
        async with pool.acquire() as conn:
            await database.make_partitions(conn)

    async def follow_clock() -> None:
        async with pool.acquire() as conn:
            if await clock.refresh(conn):
                bells.ring_all()

    async def measure() -> None:
        metrics.halted.clear()
        for account_id, halts in delivery.halted().items():
            for sender, cause in halts.items():
                metrics.halted.labels(account_id, sender, cause).set(1)
        await gauges.measure(pool, clock, metrics, accounts)

    loops.every("partitions", 3600.0, make_partitions)
    loops.every("gauges", GAUGE_SECONDS, measure)
    if settings.vendor_on_loopback:
        loops.every("clock", 1.0, follow_clock)


def _admin(
    settings: Settings,
    pool: Any,
    clock: Clock,
    bells: Bells,
    loops: Loops,
    metrics: Metrics,
    accounts: Mapping[str, Account],
) -> Admin:
    async def unready() -> list[str]:
        problems = ["it is stopping"] if loops.stopping.is_set() else []
        problems += [f"the loop {name} does not turn" for name in loops.late()]
        try:
            async with asyncio.timeout(1.0), pool.acquire() as conn:
                await conn.fetchval("SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            problems.append(f"the database does not answer ({type(error).__name__})")
        return problems

    async def tell() -> dict[str, Any]:
        due = await gauges.next_due(pool, clock, accounts)
        return {
            "now": clock.now().isoformat(),
            "offset_seconds": clock.offset_seconds,
            "next_due_at": due.isoformat() if due is not None else None,
        }

    async def move(offset_seconds: int) -> None:
        async with pool.acquire() as conn:
            await clock.move(conn, offset_seconds)
        bells.ring_all()

    return Admin(unready, metrics.text, tell, move if settings.vendor_on_loopback else None)


async def serve(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM; a second one ends it at once.

    Raises:
        LoopDiedError: where a background loop ended by itself.
    """
    logs.configure("notify-service", settings.notify_log_level)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            raise SystemExit(1)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with running(settings) as service:
        watching = asyncio.ensure_future(service.loops.watch())
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait([watching, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        log.info("stopping")
        service.loops.stopping.set()
        await watching
    log.info("stopped")
