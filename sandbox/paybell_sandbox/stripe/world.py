"""One Stripe account in one mode: its objects, in the newest shape, and the events that told of their changes.

Nothing here knows of servers or of waiting. Who wants to hear of events sets `on_event`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from paybell_sandbox.stripe import changes, rendering
from paybell_sandbox.stripe.ids import Ids
from paybell_sandbox.stripe.versions import NEWEST

Obj = dict[str, Any]
"""An object as Stripe writes it in JSON."""


@dataclass(frozen=True)
class Cause:
    """The API request behind a change. Without a request id Stripe did it by itself (renewal, retry, dispute)."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Picture:
    """An object at one moment in both shapes: joins of the old shape are those of that moment."""

    newest: Obj
    acacia: Obj

    def shaped(self, version: str) -> Obj:
        return rendering.shaped(self.newest, self.acacia, version)


@dataclass(frozen=True)
class Event:
    """An event before it is rendered for an endpoint. `created` is business time, Unix seconds."""

    id: str
    type: str
    created: int
    livemode: bool
    account: str
    subject: Picture
    previous: Picture | None
    cause: Cause

    def envelope(self, version: str, *, connected: bool, pending_webhooks: int = 1) -> Obj:
        """The event as an endpoint of this version receives it; `connected` adds the account (Connect)."""
        data: Obj = {"object": self.subject.shaped(version)}
        if self.previous is not None:
            data["previous_attributes"] = changes.previous_attributes(self.previous.shaped(version), data["object"])
        envelope: Obj = {
            "id": self.id,
            "object": "event",
            "api_version": version,
            "created": self.created,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": pending_webhooks,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": self.type,
        }
        if connected:
            envelope["account"] = self.account
        return envelope


def _nobody(_event: Event) -> None:
    return None


@dataclass
class World:
    account: str
    livemode: bool
    ids: Ids
    now: Callable[[], int]
    """Business time, Unix seconds."""
    default_version: str = NEWEST
    """The account's API version: of requests without Stripe-Version and of GET /v1/events."""
    hosted: str = ""
    """Where the sandbox shows the pages that Stripe hosts; empty: links lead to Stripe."""
    on_event: Callable[[Event], None] = _nobody
    objects: dict[str, Obj] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    cause: Cause = field(default_factory=Cause)
    quiet: bool = False
    kinds: dict[str, list[Obj]] = field(default_factory=dict)
    """Kind ("invoice", "charge", …) -> its objects, oldest addition first."""
    invoices_by_payment: dict[str, list[str]] = field(default_factory=dict)
    """PaymentIntent id -> invoice ids. On the newest objects nothing says it (docs.stripe.com/changelog/basil)."""
    payments_by_invoice: dict[str, list[Obj]] = field(default_factory=dict)
    line_items: dict[str, list[Obj]] = field(default_factory=dict)
    """Checkout Session id -> what was bought; Stripe gives it only on request."""
    cast: dict[str, str] = field(default_factory=dict)
    """Person of the stories -> the customer they are here."""

    def add(self, obj: Obj) -> Obj:
        identity: str = obj["id"]
        if identity in self.objects:
            raise ValueError(f"{identity} exists in {self.account}: run the story with another seed")
        self.objects[identity] = obj
        self.kinds.setdefault(obj["object"], []).append(obj)
        if obj["object"] == "invoice_payment":
            self.invoices_by_payment.setdefault(obj["payment"]["payment_intent"], []).append(obj["invoice"])
            self.payments_by_invoice.setdefault(obj["invoice"], []).append(obj)
        return obj

    def remove(self, obj: Obj) -> None:
        """Stripe forgets it: a deleted list item or customer."""
        del self.objects[obj["id"]]
        self.kinds[obj["object"]].remove(obj)

    def find(self, identity: str | None) -> Obj | None:
        return None if identity is None else self.objects.get(identity)

    def need(self, identity: str | None) -> Obj:
        found = self.find(identity)
        if found is None:
            raise LookupError(f"no object {identity} in {self.account}")
        return found

    def newest(self, kind: str) -> list[Obj]:
        """All objects of a kind ("invoice", "charge", …), the newest first, as Stripe lists them."""
        ranked = enumerate(self.kinds.get(kind, []))
        return [obj for _, obj in sorted(ranked, key=lambda pair: (pair[1]["created"], pair[0]), reverse=True)]

    def payments_of(self, invoice: str) -> list[Obj]:
        return self.payments_by_invoice.get(invoice, [])

    def invoice_of(self, payment_intent: str | None) -> str | None:
        invoices = self.invoices_by_payment.get(payment_intent or "")
        return invoices[0] if invoices else None

    def picture(self, obj: Obj) -> Picture:
        newest = copy.deepcopy(obj)
        return Picture(newest, rendering.acacia(newest, self))

    def emit(self, kind: str, obj: Obj, before: Picture | None = None) -> Event:
        event = Event(
            id=self.ids.new("evt"),
            type=kind,
            created=self.now(),
            livemode=self.livemode,
            account=self.account,
            subject=self.picture(obj),
            previous=before,
            cause=self.cause,
        )
        if not self.quiet:
            self.events.append(event)
            self.on_event(event)
        return event

    def change(self, obj: Obj, kind: str, **changed: Any) -> None:
        """Set top-level fields of an object and tell of it as an update, unless they stood so already."""
        if all(name in obj and obj[name] == value for name, value in changed.items()):
            return
        before = self.picture(obj)
        obj.update(changed)
        self.emit(kind, obj, before)

    @contextmanager
    def caused_by(self, request_id: str | None, idempotency_key: str | None = None) -> Iterator[None]:
        """Changes inside are the work of this API request."""
        outer, self.cause = self.cause, Cause(request_id, idempotency_key)
        try:
            yield
        finally:
            self.cause = outer

    @contextmanager
    def back_then(self, at: int) -> Iterator[None]:
        """What happens inside happened at this moment (Unix seconds), and Stripe tells of it as it did then."""
        now = self.now
        self.now = lambda: at
        try:
            yield
        finally:
            self.now = now

    @contextmanager
    def long_ago(self, seconds: int) -> Iterator[None]:
        """What happens inside happened `seconds` ago, and nobody was told: what was there before somebody listened."""
        now, quiet = self.now, self.quiet
        self.now, self.quiet = (lambda: now() - seconds), True
        try:
            yield
        finally:
            self.now, self.quiet = now, quiet
