"""The short reference that every text carries, so that it can be found again in a listing."""

import hashlib
from uuid import UUID

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without what is mistaken for something else."""

LENGTH = 5


def reference(notification_id: UUID) -> str:
    """Five characters, the same for every attempt: one number would need thousands of open messages to meet one twice."""
    number = int.from_bytes(hashlib.sha256(notification_id.bytes).digest()[:5], "big")
    return "".join(ALPHABET[(number >> (5 * place)) % 32] for place in range(LENGTH))
