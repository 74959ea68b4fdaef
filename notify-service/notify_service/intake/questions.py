"""The questions that a batch's messages carry: which code each has, and which may not be asked any more or not at this number (SQL).

A question's code is chosen with its first message, so that no other open question of the number has it; all later messages carry the
same. The numbers and the questions of a batch are locked for it, so that two batches never choose beside each other.
"""

import datetime
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from notify_service.challenges.codes import Codes, NoCodeError
from notify_service.gate_checks import Check, failed, passed
from notify_service.intake.decision import Go, Stop
from notify_service.intake.request import Question, Request
from notify_service.intake.results import Rejected

LOCK_CLASS: Final = 7_230_951
BUCKETS: Final = 64

_HOLD = "SELECT pg_advisory_xact_lock($1, b) FROM unnest($2::int[]) AS b"
_KNOWN = """
SELECT challenge_id, caller, concern, moves_money, state, code_number, code_key_id FROM challenge
WHERE account_id = $1 AND challenge_id = ANY($2)
"""
_OPEN_AT = """
SELECT DISTINCT n.address_id, c.challenge_id, c.moves_money, c.code_number, c.code_key_id
FROM notification n JOIN challenge c ON c.account_id = n.account_id AND c.challenge_id = n.challenge_id
WHERE n.account_id = $1 AND n.address_id = ANY($2) AND n.challenge_id IS NOT NULL AND c.state = 'open'
"""
_ADD = """
INSERT INTO challenge (account_id, challenge_id, caller, concern, moves_money, answer_within, answer_by, code_number, code_key_id, state)
SELECT $1, w.*, 'open'
FROM unnest($2::text[], $3::text[], $4::text[], $5::bool[], $6::interval[], $7::timestamptz[], $8::int[], $9::text[]) AS w
ON CONFLICT (account_id, challenge_id) DO UPDATE SET look_at = '-infinity'
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A question with its code. `decided`: it was answered, or its time passed; `not_at`: where its code is another question's."""

    number: int
    key_id: str
    code: str
    decided: bool
    not_at: frozenset[uuid.UUID]

    def __repr__(self) -> str:
        return "Chosen()"

    def stop(self, address_id: uuid.UUID | None) -> Stop | None:
        """Why a message that carries it may not go to this address."""
        if self.decided:
            return Stop("cancelled", "question_decided", "The question was decided before this message could ask it.")
        if address_id in self.not_at:
            return Stop(
                "suppressed", "no_usable_number", "Another open question of this number has the same reply code."
            )
        return None


Asking = tuple[Request, Question, uuid.UUID | None]
"""A request with its question and the address that it goes to, where it has one."""


async def choose(
    conn: Any, account_id: str, codes: Codes, asking: Sequence[Asking]
) -> dict[str, Chosen | Mapping[uuid.UUID, Rejected]]:
    """By question: its code; or by notification why the requests that carry it are wrong.

    Two requests of one batch may carry the same new question: the first in order says what it is.
    """
    addresses = sorted({address for _, _, address in asking if address is not None})
    ids = sorted({question.challenge_id for _, question, _ in asking})
    await conn.execute(_HOLD, LOCK_CLASS, _buckets([*map(str, addresses), *ids]))
    known = {row["challenge_id"]: row for row in await conn.fetch(_KNOWN, account_id, ids)}
    taken: dict[uuid.UUID, dict[str, str]] = {address: {} for address in addresses}
    for row in await conn.fetch(_OPEN_AT, account_id, addresses):
        code = _code_of(codes, account_id, row)
        if code is not None:
            taken[row["address_id"]][row["challenge_id"]] = code
    found: dict[str, Chosen | Mapping[uuid.UUID, Rejected]] = {}
    for challenge_id in ids:
        mine = [one for one in asking if one[1].challenge_id == challenge_id]
        there = known.get(challenge_id) or _as_asked(mine[0])
        wrong = {
            request.notification_id: why for request, question, _ in mine if (why := _wrong(request, question, there))
        }
        here = {address for _, _, address in mine if address is not None}
        others = {code for address in here for owner, code in taken[address].items() if owner != challenge_id}
        try:
            chosen = _chosen(codes, account_id, challenge_id, there, others)
        except NoCodeError as error:
            every = Rejected(
                "challenge.challenge_id", f"has no reply code: {error}", "see NOTIFY_LOOKUP_KEYS, or ask later"
            )
            found[challenge_id] = {request.notification_id: every for request, _, _ in mine}
            continue
        if wrong:
            found[challenge_id] = wrong
            continue
        clashes = {
            address for address in here
            if any(owner != challenge_id and code == chosen.code for owner, code in taken[address].items())
        }  # fmt: skip
        found[challenge_id] = Chosen(chosen.number, chosen.key_id, chosen.code, chosen.decided, frozenset(clashes))
        for address in here - clashes:
            taken[address][challenge_id] = chosen.code
    return found


def weigh(
    question: Question, chosen: Chosen, address_id: uuid.UUID | None, outcome: Go | Stop
) -> tuple[Go | Stop, Check]:
    """What becomes of a message that asks something, and what its story says of that."""
    details = {"challenge": question.challenge_id}
    stop = chosen.stop(address_id)
    if stop is not None and isinstance(outcome, Go):
        return stop, failed("question", stop.detail, details)
    sentence = f"It asks a question, to be answered with its reply code by {question.answer_by:%Y-%m-%d %H:%M} UTC."
    return outcome, passed("question", sentence, details)


async def add(conn: Any, account_id: str, requests: Sequence[Request], chosen: Mapping[str, Chosen]) -> None:
    """Stores the questions that messages carry; one that is known stays as it is, and is looked at again."""
    asked: dict[str, tuple[str, str, str, bool, datetime.timedelta, datetime.datetime, int, str]] = {}
    for request in requests:
        if (question := request.question) is not None:
            one = chosen[question.challenge_id]
            asked.setdefault(
                question.challenge_id,
                (
                    question.challenge_id, request.caller, request.concern, question.moves_money, question.answer_within,
                    question.answer_by, one.number, one.key_id,
                ),
            )  # fmt: skip
    if asked:
        await conn.execute(_ADD, account_id, *map(list, zip(*(asked[key] for key in sorted(asked)), strict=True)))


def _chosen(codes: Codes, account_id: str, challenge_id: str, there: Mapping[str, Any], others: set[str]) -> Chosen:
    money = bool(there["moves_money"])
    if there["code_number"] is None:
        number, code = codes.first_free(account_id, challenge_id, moves_money=money, taken=others)
        return Chosen(number, codes.current_key_id, code, decided=False, not_at=frozenset())
    number, key_id = there["code_number"], there["code_key_id"]
    code = codes.code(account_id, challenge_id, number, moves_money=money, key_id=key_id)
    return Chosen(number, key_id, code, decided=there["state"] == "decided", not_at=frozenset())


def _as_asked(first: Asking) -> dict[str, Any]:
    request, question, _ = first
    return {
        "caller": request.caller, "concern": request.concern, "moves_money": question.moves_money, "state": "open", "code_number": None,
    }  # fmt: skip


def _wrong(request: Request, question: Question, there: Mapping[str, Any]) -> Rejected | None:
    if there["caller"] != request.caller or there["concern"] != request.concern:
        return Rejected(
            "challenge.challenge_id", "is another question's, of another concern", "give each question an id of its own"
        )
    if there["moves_money"] != question.moves_money:
        return Rejected(
            "challenge.moves_money",
            "is not as when the question was first asked",
            "ask it as it was, or under another id",
        )
    return None


def _code_of(codes: Codes, account_id: str, row: Mapping[str, Any]) -> str | None:
    try:
        return codes.code(
            account_id,
            row["challenge_id"],
            row["code_number"],
            moves_money=row["moves_money"],
            key_id=row["code_key_id"],
        )
    except NoCodeError:
        return None  # nobody can answer it with its code, so it stands in nobody's way


def _buckets(names: Iterable[str]) -> list[int]:
    return sorted({zlib.crc32(name.encode()) % BUCKETS for name in names})
