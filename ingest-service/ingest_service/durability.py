"""Whether the database keeps what it says it has kept. An answer of 200 promises Stripe no less."""

from typing import Any, Final

import structlog

from ingest_service.starting import CannotStartError

log = structlog.get_logger()

NEEDED: Final = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of PostgreSQL that are on by default; switched off, a power cut loses events that were answered."""


async def check(conn: Any, *, vendor_is_played: bool) -> None:
    """Refuses a database that may lose commits; warns of it where a sandbox plays Stripe.

    Raises:
        CannotStartError: naming what is switched off.
    """
    values = await conn.fetchrow("SELECT " + ", ".join(f"current_setting('{name}') AS {name}" for name in NEEDED))
    off = [name for name in NEEDED if values[name] == "off"]
    if off and vendor_is_played:
        log.warning("database.not_durable", off=off)
    elif off:
        raise CannotStartError(
            f"the database has {', '.join(off)} off, so a power cut would lose events that were answered: "
            "switch it on, for the server, the database and the role"
        )
