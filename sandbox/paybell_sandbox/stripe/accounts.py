"""The Stripe accounts of this sandbox, each with a world in test and one in live mode, and the keys that open them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from paybell_sandbox.stripe.api.errors import ApiError
from paybell_sandbox.stripe.ids import Ids
from paybell_sandbox.stripe.objects.risk import value_list_object
from paybell_sandbox.stripe.world import Event, World

DEFAULT_ACCOUNT: Final = "acct_1StudioPaybell00"
_KEY: Final = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]+")
_LISTS: Final = (
    ("card_fingerprint", "card_fingerprint"),
    ("email", "email"),
    ("customer_id", "customer_id"),
    ("client_ip_address", "ip_address"),
)
"""Radar's default lists that we know: field and item type. Their aliases end in _blocklist and _allowlist."""


@dataclass
class Accounts:
    seed: str
    now: Callable[[], int]
    heard: Callable[[Event], None]
    key: str = ""
    """The main account's key; empty: any key that has Stripe's form opens it."""
    hosted: str = ""
    """Where the sandbox shows Stripe's pages for customers; empty: links lead to Stripe."""
    main: str = DEFAULT_ACCOUNT
    keys: dict[str, str] = field(default_factory=dict)
    """Further keys -> the account they open by themselves."""
    connected: set[str] = field(default_factory=set)
    """Accounts that the main account reaches through Stripe-Account (Connect)."""
    _worlds: dict[tuple[str, bool], World] = field(default_factory=dict)

    def world(self, account: str, *, livemode: bool) -> World:
        """The account's world in this mode, made where it is new, with Radar's default lists."""
        known = self._worlds.get((account, livemode))
        if known is not None:
            return known
        world = World(
            account=account,
            livemode=livemode,
            ids=Ids(f"{self.seed}:{account}:{livemode}"),
            now=self.now,
            on_event=self.heard,
            hosted=self.hosted,
        )
        for name, item_type in _LISTS:
            for end, word in (("blocklist", "block"), ("allowlist", "allow")):
                title = f"{name.replace('_', ' ').capitalize()} {word} list"
                world.add(value_list_object(world, alias=f"{name}_{end}", name=title, item_type=item_type))
        self._worlds[account, livemode] = world
        return world

    def worlds(self) -> Iterator[World]:
        yield from self._worlds.values()

    def is_known(self, account: str) -> bool:
        return account == self.main or account in self.connected or account in self.keys.values()

    @property
    def livemode(self) -> bool:
        """The mode of the main account's key, which stories play in unless told otherwise."""
        return "_live_" in self.key

    def opened_by(self, key: str | None, on_behalf_of: str | None) -> World:
        """The world a request is about. ApiError where the key opens nothing."""
        if key is None:
            raise ApiError(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            )
        form = _KEY.fullmatch(key)
        account = self.keys.get(key)
        if account is None and form is not None and (not self.key or key == self.key):
            account = self.main
        if account is None or form is None:
            raise ApiError(401, f"Invalid API Key provided: {_masked(key)}")
        if on_behalf_of is not None and on_behalf_of != account:
            if account != self.main or on_behalf_of not in self.connected:
                raise ApiError(
                    403,
                    f"The provided key '{_masked(key)}' does not have access to account '{on_behalf_of}' "
                    "(or that account does not exist). Application access may have been revoked.",
                    code="account_invalid",
                )
            account = on_behalf_of
        return self.world(account, livemode=form.group(2) == "live")


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * len(key)
