"""The pair on a sandbox whose clock moves both services and both vendors, so that stories of days run in seconds."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from paybell_sandbox.stripe import STRIPE
from tests.e2e.pair import ENDIVE, Pair, free_port, running_pair, until

DAY = 86_400


@contextlib.asynccontextmanager
async def running_days(
    ingest_url: str, notify_url: str, *, rules: Path | None = None, zone: str = "UTC", ingest: dict[str, Any] | None = None
) -> AsyncIterator["Days"]:  # fmt: skip
    """At 10:00 of the zone, with these rules (without, the shipped ones)."""
    ingest_admin, notify_admin = free_port(), free_port()
    given: dict[str, Any] = {"ingest_admin_listen": f"127.0.0.1:{ingest_admin}", "ingest_zone": zone} | (ingest or {})
    if rules is not None:
        given["ingest_rules_file"] = rules
    async with running_pair(
        ingest_url, notify_url, ingest=given,
        notify={"notify_admin_listen": f"127.0.0.1:{notify_admin}"},
        sandbox={
            "zone": zone, "ingest_admin_url": f"http://127.0.0.1:{ingest_admin}", "notify_admin_url": f"http://127.0.0.1:{notify_admin}",
        },
        posted_by_sandbox=True,
    ) as pair:  # fmt: skip
        days = Days(pair)

        async def begun() -> bool:
            return await days.offset() == pair.box.sandbox.clock.offset

        await until(begun, 20)
        await days.quiet()
        yield days


class Days:
    """Stories, and the clock between them."""

    def __init__(self, pair: Pair) -> None:
        """On a running pair."""
        self.pair = pair

    async def offset(self) -> int:
        """How far ahead ingest's business time is."""
        url = f"http://127.0.0.1:{self.pair.ingest.admin_port}/clock"
        async with self.pair.http.get(url) as answer:
            return int((await answer.json())["offset_seconds"])

    async def play(self, story: str, **given: Any) -> dict[str, str]:
        """Lets something happen; the sandbox posts its events. Returns when both services have nothing left to do."""
        ids, _ = self.pair.play(story, version=ENDIVE, **given)
        await self.quiet()
        return ids

    async def quiet(self) -> None:
        """Nothing is on its way any more."""
        self.pair.offset = self.pair.box.sandbox.clock.offset
        await self.pair.box.app[STRIPE].deliveries.until_delivered()
        await self.pair.quiet()

    async def pass_(self, *, days: int = 0, hours: int = 0) -> None:
        """Moves the clock as the page's buttons do."""
        await self._clock({"advance_seconds": days * DAY + hours * 3_600})

    async def next_step(self) -> bool:
        """As the page's button does; whether there was one."""
        return bool((await self._clock({"next_step": True})).get("moved", True))

    async def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        async with self.pair.http.post(f"{self.pair.box.url}/sandbox/clock", json=body) as answer:
            assert answer.status == 200, await answer.text()
            told: dict[str, Any] = await answer.json()
        await self.quiet()
        return told

    def texts(self, to: str) -> list[str]:
        """What Twilio has taken for this number."""
        return self.pair.texts(to)

    def asked(self) -> list[str]:
        """Method and path of every call that Stripe took."""
        return [f"{call['method']} {call['path']}" for call in self.pair.box.app[STRIPE].api.log.found()]
