"""Matters out of Stripe's own event list, which holds the last 30 days. It is read page by page within a pace of its own; nothing is kept."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ingest_service.accounts import Account
from ingest_service.folding.asking import Asking
from ingest_service.folding.effects import Event
from ingest_service.folding.resolving import Holds
from ingest_service.inbox import envelope
from ingest_service.rehearsing.memory import Memory
from ingest_service.rehearsing.simulation import Matter
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

PAGE: Final = 100
TRIES: Final = 3


class CannotReadError(RuntimeError):
    """Stripe's list could not be read; the message says why and for which account."""


@dataclass(frozen=True, slots=True)
class EventList:
    """Reads one account's list.

    Attributes:
        read: called with how many events were read.
        folded: called with how many of them were folded.
    """

    account: Account
    reads: StripeReads
    holds: Holds
    now: datetime.datetime
    read: Callable[[int], None] = lambda _: None
    folded: Callable[[int], None] = lambda _: None

    async def matters(self, since: datetime.datetime) -> tuple[list[Matter], Memory]:
        """What happened since then.

        Raises:
            CannotReadError: Stripe could not be asked.
        """
        events = await self._events(since)
        events.sort(key=lambda event: (event.created_at, event.event_id))
        memory = Memory(self.account.account_id, self.account.region, self.holds)
        memory.ask = Asking(memory, lambda: memory.now, self.reads, self.account.account_id).ask
        for begin in range(0, len(events), PAGE):
            page = events[begin : begin + PAGE]
            await memory.tell(page)
            self.folded(len(page))
        return await memory.end(self.now), memory

    async def _events(self, since: datetime.datetime) -> list[Event]:
        found: dict[str, Event] = {}
        params: dict[str, Any] = {"limit": PAGE, "created[gte]": int(since.timestamp())}
        while True:
            body = await self._page(params)
            listed = [one for one in body.get("data") or () if isinstance(one, Mapping)]
            for one in listed:
                event = self._event(one)
                if event is not None:
                    found[event.event_id] = event
            self.read(len(listed))
            if not (body.get("has_more") and listed):
                return list(found.values())
            params["starting_after"] = listed[-1].get("id")

    async def _page(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        reason = ""
        for _ in range(TRIES):
            match await self.reads.get(self.account.account_id, "/v1/events", params):
                case Found(body=body):
                    return body
                case AskLater(reason=reason):
                    continue
                case Gone():
                    reason = "Stripe does not know any more where the list was left: begin again"
                    break
        raise CannotReadError(f"account {self.account.account_id}: {reason}")

    def _event(self, one: Mapping[str, Any]) -> Event | None:
        """An event that this account's webhook would have taken."""
        try:
            arrival = envelope.arrival(self.account, one, orjson.dumps(one), "poll", self.now)
        except envelope.UnreadableError:
            return None
        data = one.get("data")
        obj = data.get("object") if isinstance(data, Mapping) else None
        if arrival.state != "received" or not isinstance(obj, Mapping) or not isinstance(data, Mapping):
            return None
        previous = data.get("previous_attributes")
        before = previous if isinstance(previous, Mapping) else {}
        request = one.get("request")
        request_id = str(request.get("id") or "") if isinstance(request, Mapping) else ""
        return Event(arrival.event_id, arrival.type, arrival.created_at, obj, before, request_id)
