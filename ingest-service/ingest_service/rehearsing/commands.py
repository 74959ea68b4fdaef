"""What `ingest-service rehearse` does: opens everything for reading, rehearses, and says how far it is."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ingest_service import database
from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding.resolving import Holds
from ingest_service.links.link import link_maker
from ingest_service.rehearsing.rehearsal import AccountRehearsed, Rehearsal, Source, Told
from ingest_service.rehearsing.trial import Trial
from ingest_service.sealing import Sealer
from ingest_service.settings import Settings
from ingest_service.stripe_budget import OwnPace
from ingest_service.stripe_reads import reading_within
from ingest_service.submitting.notify_client import Tls, connected


@contextmanager
def progress(*, quiet: bool) -> Iterator[Told]:
    """Shows how far it is, on standard error, where a person looks."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=quiet,
    )
    tasks: dict[str, TaskID] = {}

    def told(what: str, more: int, of: int | None) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=of)
        bar.update(tasks[what], advance=more, total=of)

    with bar:
        yield told


async def rehearse(
    settings: Settings,
    accounts: Mapping[str, Account],
    files: Mapping[str, Path],
    tls: Tls | None,
    *,
    source: Source,
    days: int,
    show: int,
    told: Told,
) -> list[AccountRehearsed]:
    """Rehearses for these accounts. See `Rehearsal.run` for what it raises."""
    async with AsyncExitStack() as stack:
        url = settings.ingest_database_url.get_secret_value()
        pool = await stack.enter_async_context(database.pool(url, size=2, pooled=settings.ingest_database_pooled))
        clock = Clock()
        async with pool.acquire() as conn:
            await clock.refresh(conn)
        notify = await stack.enter_async_context(connected(settings.ingest_notify_target, tls))
        now = clock.now()
        zones = {account_id: ZoneInfo(account.zone) for account_id, account in accounts.items()}
        pace = OwnPace.beside(settings.ingest_stripe_reads_per_second)
        holds = Holds(
            timedelta(seconds=settings.ingest_hold_success_seconds),
            timedelta(seconds=settings.ingest_hold_failure_seconds),
            timedelta(hours=settings.ingest_freshness_hours),
        )
        rehearsal = Rehearsal(
            pool,
            Sealer(settings.data_keys),
            accounts,
            files,
            now,
            Trial(notify, zones, now, link_maker(settings.ingest_public_url, next(iter(settings.data_keys.values())))),
            holds,
            lambda: reading_within(pace, accounts, api_base=settings.stripe_api_base),
            told,
        )
        return await rehearsal.run(source, timedelta(days=days), show)
