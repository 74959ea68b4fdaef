"""Seals what must not stand readable in the database, and finds numbers without reading them.

AES-256-GCM with a fresh nonce; the place a value belongs to (table, column, ids) is authenticated with it, so a ciphertext
moved to another row does not open. Numbers are found by HMAC-SHA-256 under a key of its own.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class MalformedKeyError(ValueError):
    """Keys that are not ``id:base64`` of 32 bytes, comma-separated; the message never holds a key."""


class UnsealableError(RuntimeError):
    """A sealed value that does not open: its key is not configured, or it was moved or changed."""


def parse_keys(text: str) -> dict[str, bytes]:
    """Keys by id, the one to use for new values first.

    Args:
        text: ``id:base64,id2:base64``; each key is 32 bytes.

    Raises:
        MalformedKeyError: saying what is wrong with which key.
    """
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        identity, colon, encoded = part.partition(":")
        if not colon or not identity or len(identity) > 32:
            raise MalformedKeyError("a key is written id:base64, with an id of at most 32 characters")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise MalformedKeyError(f"key {identity} is not base64") from None
        if len(key) != KEY_BYTES:
            raise MalformedKeyError(
                f"key {identity} has {len(key)} bytes; {KEY_BYTES} are needed (openssl rand -base64 32)"
            )
        keys[identity] = key
    if not keys:
        raise MalformedKeyError("at least one key is needed: k1:$(openssl rand -base64 32)")
    return keys


@dataclass(frozen=True)
class Sealed:
    """A value that only the holder of the key can read."""

    key_id: str
    ciphertext: bytes


class Sealer:
    """Seals and opens with a set of data keys."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """The first key seals, every key opens."""
        self._ciphers = {identity: AESGCM(key) for identity, key in keys.items()}
        self._current = next(iter(keys))

    def seal(self, plain: bytes, place: str) -> Sealed:
        """Seals a value for its place, as ``notification_body|main|<id>|1``."""
        nonce = os.urandom(NONCE_BYTES)
        return Sealed(self._current, nonce + self._ciphers[self._current].encrypt(nonce, plain, place.encode()))

    def open(self, key_id: str, ciphertext: bytes, place: str) -> bytes:
        """The value.

        Raises:
            UnsealableError: where its key is not configured, or it does not belong to this place.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnsealableError(f"data key {key_id} is not configured; add it behind the current one")
        try:
            return cipher.decrypt(ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:], place.encode())
        except InvalidTag:
            raise UnsealableError(f"a value sealed with key {key_id} does not open in its place") from None


class Finder:
    """Finds numbers by keyed hash."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """The first key makes new hashes; all are searched."""
        self._keys = dict(keys)
        self.current_key_id = next(iter(keys))

    @property
    def rotating(self) -> bool:
        """Whether another replica may make hashes under another key."""
        return len(self._keys) > 1

    def hash(self, e164: str) -> bytes:
        """32 bytes under the current key."""
        return hmac.digest(self._keys[self.current_key_id], e164.encode(), hashlib.sha256)

    def every_hash(self, e164: str) -> list[bytes]:
        """Under every key, the current one first."""
        return [hmac.digest(key, e164.encode(), hashlib.sha256) for key in self._keys.values()]
