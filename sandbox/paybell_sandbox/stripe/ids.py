"""Ids as Stripe writes them, from a seed: one seed gives the same ids every time."""

from __future__ import annotations

import random
import string
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHORT: Final = frozenset({"cus", "prod", "si", "req", "ii", "file"})
"""Kinds whose ids are 14 characters. The others carry a piece of the account and are 24 long."""
_PAYMENT: Final = frozenset({"pi", "ch", "re", "txn"})
"""These begin with 3 where Stripe made them for a PaymentIntent, the others with 1."""


class Ids:
    def __init__(self, seed: str | int) -> None:
        self._random = random.Random(f"ids:{seed}")  # noqa: S311 - repeatable on purpose
        self._account = self.text(10)

    def text(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))

    def new(self, prefix: str) -> str:
        if prefix in _SHORT:
            return f"{prefix}_{self.text(14)}"
        return f"{prefix}_{'3' if prefix in _PAYMENT else '1'}{self.text(5)}{self._account}{self.text(8)}"

    def checkout(self, *, livemode: bool) -> str:
        return f"cs_{'live' if livemode else 'test'}_a1{self.text(56)}"

    def secret(self, of: str) -> str:
        return f"{of}_secret_{self.text(25)}"

    def number(self, below: int) -> int:
        return self._random.randrange(below)
