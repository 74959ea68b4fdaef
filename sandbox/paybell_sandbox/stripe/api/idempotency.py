"""Idempotency keys (docs.stripe.com/api/idempotent_requests): the first answer to a key is the answer to all.

Nothing is stored for a request that was refused before it began: unknown parameters, a wrong key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from paybell_sandbox.stripe.api.errors import ApiError

LONGEST: Final = 255


@dataclass
class Stored:
    method: str
    path: str
    params: str
    """The form as it came, sorted."""
    request_id: str
    status: int
    body: bytes


@dataclass
class Answers:
    """By account, mode and key."""

    kept: dict[tuple[str, bool, str], Stored] = field(default_factory=dict)

    def earlier(self, account: str, key: str, method: str, path: str, params: str, *, livemode: bool) -> Stored | None:
        """The stored answer. ApiError where the key was used for something else."""
        if len(key) > LONGEST:
            raise ApiError(400, f"Idempotency key is too long: at most {LONGEST} characters.", kind="idempotency_error")
        stored = self.kept.get((account, livemode, key))
        if stored is None:
            return None
        if (stored.method, stored.path) != (method, path):
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{path}' vs '{stored.path}'). Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        if stored.params != params:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        return stored

    def keep(self, account: str, key: str, answer: Stored, *, livemode: bool) -> None:
        self.kept[account, livemode, key] = answer
