"""What is said, per channel, as it is stored sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from notify_service.sealing import Sealed, Sealer


@dataclass(frozen=True, slots=True)
class Content:
    """Words that the provider holds, approved by the channel: its id of them, and what stands in their places."""

    sid: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spoken:
    """The words on one channel, and the reference by which a listing finds them.

    `content`: what is to be sent instead where the channel does not take words of our own.
    """

    text: str
    reference: str
    language: str
    content: Content | None = None


def place(account_id: str, notification_id: UUID, round_number: int) -> str:
    """Where a body is sealed for."""
    return f"notification_body|{account_id}|{notification_id}|{round_number}"


def seal(
    sealer: Sealer, account_id: str, notification_id: UUID, round_number: int, channels: Mapping[str, Spoken]
) -> Sealed:
    """Seals what is said on each channel."""
    plain = orjson.dumps({name: _stored(words) for name, words in channels.items()})
    return sealer.seal(plain, place(account_id, notification_id, round_number))


def unseal(sealer: Sealer, account_id: str, row: Mapping[str, Any]) -> dict[str, Spoken]:
    """From a row of ``notification_body``.

    Raises:
        UnsealableError: where its key is not configured.
    """
    where = place(account_id, row["notification_id"], row["round"])
    stored = orjson.loads(sealer.open(row["data_key_id"], row["ciphertext"], where))
    return {name: _read(*words) for name, words in stored.items()}


def _stored(words: Spoken) -> list[Any]:
    content = [words.content.sid, dict(words.content.variables)] if words.content is not None else None
    return [words.text, words.reference, words.language, content]


def _read(text: str, reference: str, language: str, content: list[Any] | None = None) -> Spoken:
    return Spoken(text, reference, language, Content(*content) if content is not None else None)
