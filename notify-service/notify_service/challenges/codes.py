"""Reply codes: derived from the question, never stored. Pure.

A code ties an answer to one question. It is a keyed hash of the question and a number n; n is the first one whose code no other open
question of the number asked has. All notifications of a question carry the same code.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

DIGITS_OF_MONEY: Final = 6
DIGITS: Final = 4
MOST: Final = 1_000
"""So many codes are tried; among a person's few open questions the first is nearly always free."""


class NoCodeError(RuntimeError):
    """No code can be had: its key is not configured, or every one that was tried is in use."""


def digits(*, moves_money: bool) -> int:
    """How long a code is."""
    return DIGITS_OF_MONEY if moves_money else DIGITS


def stand_in(*, moves_money: bool) -> str:
    """What stands for a code where there is none yet: as long as one, so that segments are counted right."""
    return "0" * digits(moves_money=moves_money)


@dataclass(frozen=True)
class Codes:
    """Derives codes. `keys`: by id, the current one first; a question's code is always made with the key that it began with."""

    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return "Codes()"

    @property
    def current_key_id(self) -> str:
        """The key of new questions."""
        return next(iter(self.keys))

    def code(self, account_id: str, challenge_id: str, number: int, *, moves_money: bool, key_id: str) -> str:
        """The code: digits, the first of which is no 0, for people leave that away.

        Raises:
            NoCodeError: where the key is not configured.
        """
        key = self.keys.get(key_id)
        if key is None:
            raise NoCodeError(f"lookup key {key_id} is not configured; add it behind the current one")
        told = hmac.digest(key, f"reply code|{account_id}|{challenge_id}|{number}".encode(), hashlib.sha256)
        least = 10 ** (digits(moves_money=moves_money) - 1)
        return str(least + int.from_bytes(told[:8], "big") % (9 * least))

    def first_free(
        self, account_id: str, challenge_id: str, *, moves_money: bool, taken: Collection[str]
    ) -> tuple[int, str]:
        """The first number whose code is not taken, with the code, under the current key.

        Raises:
            NoCodeError: where all that were tried are taken.
        """
        for number in range(MOST):
            code = self.code(account_id, challenge_id, number, moves_money=moves_money, key_id=self.current_key_id)
            if code not in taken:
                return number, code
        raise NoCodeError("every code that was tried is in use at this number")
