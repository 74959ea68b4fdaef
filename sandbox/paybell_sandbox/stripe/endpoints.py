"""Webhook endpoints: where events go, signed with what, in which shape."""

from __future__ import annotations

from dataclasses import dataclass

from paybell_sandbox.stripe.versions import has_event
from paybell_sandbox.stripe.world import Event, Obj


@dataclass(frozen=True)
class Endpoint:
    id: str
    url: str
    secrets: tuple[str, ...]
    """One, or two while one replaces the other."""
    api_version: str
    account: str
    """Whose endpoint it is."""
    livemode: bool
    created: int
    connect: bool = False
    """It hears of the connected accounts of its account, not of the account itself."""
    enabled_events: tuple[str, ...] = ("*",)

    def wants(self, event: Event, main_account: str) -> bool:
        """Connected accounts belong to the main account."""
        if event.livemode != self.livemode:
            return False
        if self.connect:
            concerned = self.account == main_account and event.account != main_account
        else:
            concerned = event.account == self.account
        return (
            concerned
            and has_event(self.api_version, event.type)
            and ("*" in self.enabled_events or event.type in self.enabled_events)
        )

    def as_object(self) -> Obj:
        return {
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": self.api_version,
            "application": None,
            "created": self.created,
            "description": None,
            "enabled_events": list(self.enabled_events),
            "livemode": self.livemode,
            "metadata": {},
            "status": "enabled",
            "url": self.url,
        }
