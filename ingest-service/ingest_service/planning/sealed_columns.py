"""What stands encrypted in the tables of planning and submitting, and the names that bind each ciphertext to its place."""

from typing import Any
from uuid import UUID

import orjson

from ingest_service.sealing import Sealed, Sealer

Json = dict[str, Any]


def seal_details(sealer: Sealer, account_id: str, fact_key: str, details: Json) -> tuple[str, bytes]:
    """A fact's details. Gives the key's id and the ciphertext."""
    return _pair(sealer.seal(orjson.dumps(details), f"fact|details|{account_id}|{fact_key}"))


def open_details(sealer: Sealer, account_id: str, fact_key: str, key_id: str, sealed: bytes) -> Json:
    """What the fold sealed into a fact: {"attributes": …, "person": …}."""
    details: Json = orjson.loads(sealer.open(key_id, sealed, f"fact|details|{account_id}|{fact_key}"))
    return details


def seal_variables(sealer: Sealer, account_id: str, plan_id: UUID, variables: Json) -> tuple[str, bytes]:
    """A plan's newest fact, its variant and what each step is made of. Gives the key's id and the ciphertext."""
    return _pair(sealer.seal(orjson.dumps(variables), f"plan|variables|{account_id}|{plan_id}"))


def open_variables(sealer: Sealer, account_id: str, plan_id: UUID, key_id: str, sealed: bytes) -> Json:
    """The reverse of seal_variables."""
    variables: Json = orjson.loads(sealer.open(key_id, sealed, f"plan|variables|{account_id}|{plan_id}"))
    return variables


def seal_frozen(sealer: Sealer, account_id: str, request_id: str, frozen: bytes) -> tuple[str, bytes]:
    """The bytes of a request."""
    return _pair(sealer.seal(frozen, f"step|frozen|{account_id}|{request_id}"))


def open_frozen(sealer: Sealer, account_id: str, request_id: str, key_id: str, sealed: bytes) -> bytes:
    """The reverse of seal_frozen."""
    return sealer.open(key_id, sealed, f"step|frozen|{account_id}|{request_id}")


def seal_rules(sealer: Sealer, account_id: str, epoch: int, text: str) -> tuple[str, bytes]:
    """A rules file as it was applied."""
    return _pair(sealer.seal(text.encode(), f"rules_version|body|{account_id}|{epoch}"))


def open_rules(sealer: Sealer, account_id: str, epoch: int, key_id: str, sealed: bytes) -> str:
    """The reverse of seal_rules."""
    return sealer.open(key_id, sealed, f"rules_version|body|{account_id}|{epoch}").decode()


def _pair(sealed: Sealed) -> tuple[str, bytes]:
    return sealed.key_id, sealed.ciphertext
