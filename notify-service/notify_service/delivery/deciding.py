"""Decides about one claimed row, with its gate locked: a call to make, or what becomes of it instead. Reads nothing, writes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import structlog

from notify_service.gate_checks import Check, failed
from notify_service.sealing import UnsealableError
from notify_service.words.body import Spoken

from . import states, tokens
from .events import AttemptKey
from .ports import Allowed, Forbidden, Gatekeeper, NotNow, Vault
from .senders import Sender, SendingAccount

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt whose row is committed: its call must start before `not_after` or not at all."""

    key: AttemptKey
    token: bytes
    sender: Sender
    to: str
    words: Spoken
    address_id: UUID
    useful_until: datetime
    possible_duplicate: bool
    segments: int
    lane: int
    traceparent: str
    asks: bool = False

    def __repr__(self) -> str:
        return f"Claimed({self.key.notification_id}, {self.key.number})"


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A row that is not sent now.

    `channels`: those left, where it cannot go on one of them. `due_at`: when it is to be claimed again or, handed back, its next round makes sense. `check`: what its story tells of the
    decision; None where nothing was decided but which sender is to try.
    """

    row: Any
    state: states.NotificationState
    reason: str | None
    detail: str | None = None
    due_at: datetime | None = None
    sender: str | None = None
    check: Check | None = None
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides for one account."""

    account: SendingAccount
    vault: Vault
    gatekeeper: Gatekeeper

    def decide(
        self, row: Any, gate: Any, cancelled_at: datetime | None, now: datetime
    ) -> tuple[Claimed, Allowed] | Otherwise:
        """The decision; a row that breaks it is held, so that it stands in nobody's way and a person sees it."""
        try:
            return self._weigh(row, gate, cancelled_at, now)
        except Exception as error:  # noqa: BLE001 (one bad row must not stop a sender)
            _log.error(
                "claim.defect",
                account_id=self.account.account_id,
                notification_id=str(row["notification_id"]),
                error=type(error).__name__,
            )
            return self._stopped(
                row, "held", "sender_misconfigured", "defect", f"Deciding about it failed ({type(error).__name__})."
            )

    def _weigh(
        self, row: Any, gate: Any, cancelled_at: datetime | None, now: datetime
    ) -> tuple[Claimed, Allowed] | Otherwise:
        if cancelled_at is not None and row["truth_read_at"] < cancelled_at:
            return self._stopped(row, "cancelled", "concern_cancelled", "concern", "The concern is over.")
        if row["question_decided"]:
            sentence = "The question it carries was decided before it was sent."
            return self._stopped(row, "cancelled", "question_decided", "question", sentence)
        if now > row["not_after"]:
            return self._stopped(row, "expired", "expired", "time", "Its time passed before it could be sent.")
        sender = self._sender(row)
        if sender is None:
            return self._stopped(
                row, "failed", "sender_misconfigured", "sender", "No sender is configured for its channels."
            )
        if sender.name != row["sender"]:
            return Otherwise(row, "queued", None, due_at=row["due_at"], sender=sender.name)
        decision = self.gatekeeper.may(row, gate, sender.channel, now)
        match decision:
            case Allowed():
                return self._call(row, sender, decision)
            case Forbidden(reason, detail):
                name = "country" if reason == "country_not_allowed" else "consent"
                return self._stopped(row, "suppressed", reason, name, f"Not by {sender.channel}: {detail}.")
            case NotNow(reason, until):
                return self._put_off(row, reason, until)
            case _:
                assert_never(decision)

    def _sender(self, row: Any) -> Sender | None:
        senders = (self._usable(channel, row) for channel in row["channels"])
        return next((sender for sender in senders if sender is not None), None)

    def _usable(self, channel: str, row: Any) -> Sender | None:
        """Who sends on a channel; nobody calls with a question where no key can be heard."""
        if channel == "voice" and row["challenge_id"] is not None and not self.account.takes_keys:
            return None
        return self.account.sender_for(channel, row["sender_scope"])

    def _without(self, row: Any, channel: str, sentence: str) -> Otherwise:
        """It cannot go on this channel: as after a refusal of the provider, the next one is tried."""
        left = tuple(one for one in row["channels"] if one != channel)
        sender = next((one for each in left if (one := self._usable(each, row)) is not None), None)
        check = self._failed("channel", sentence)
        if sender is None:
            return Otherwise(row, "failed", "request_refused", sentence, check=check)
        return Otherwise(row, "queued", None, due_at=row["due_at"], sender=sender.name, check=check, channels=left)

    def _call(self, row: Any, sender: Sender, allowed: Allowed) -> tuple[Claimed, Allowed] | Otherwise:
        account_id = self.account.account_id
        if row["body"] is None or row["number_sealed"] is None:
            return self._stopped(
                row, "held", "sender_misconfigured", "words", "Its text or number is no longer stored."
            )
        try:
            words = self.vault.body(
                account_id,
                {
                    "created_on": row["created_on"],
                    "notification_id": row["notification_id"],
                    "round": row["round"],
                    "data_key_id": row["body_key_id"],
                    "ciphertext": row["body"],
                },
            ).get(sender.channel)
            to = self.vault.number(
                account_id,
                {
                    "address_id": row["address_id"],
                    "data_key_id": row["number_key_id"],
                    "ciphertext": row["number_sealed"],
                },
            )
        except UnsealableError:
            return self._stopped(
                row,
                "held",
                "sender_misconfigured",
                "words",
                "Its text or number does not open with the configured keys.",
            )
        if words is None:
            return self._stopped(
                row, "failed", "request_refused", "words", f"Nothing was rendered for {sender.channel}."
            )
        if sender.channel == "whatsapp":
            if row["whatsapp_open"]:
                words = replace(words, content=None)
            elif words.content is None:
                sentence = "WhatsApp takes words of our own only within 24 hours after the person wrote, and no approved ones are set up."
                return self._without(row, "whatsapp", sentence)
        key = AttemptKey(row["created_on"], row["notification_id"], row["attempts"] + 1)
        segments = max(row["segments"], 1) if sender.channel != "voice" else 1
        claimed = Claimed(
            key=key,
            token=tokens.fresh(),
            sender=sender,
            to=to,
            words=words,
            address_id=row["address_id"],
            useful_until=row["not_after"],
            possible_duplicate=row["possible_duplicate"],
            segments=segments,
            lane=row["lane"],
            traceparent=row["traceparent"],
            asks=row["challenge_id"] is not None,
        )
        return claimed, allowed

    def _stopped(self, row: Any, state: states.NotificationState, reason: str, name: str, sentence: str) -> Otherwise:
        return Otherwise(row, state, reason, sentence, check=self._failed(name, sentence))

    def _put_off(self, row: Any, reason: str, until: datetime) -> Otherwise:
        """As the request wishes. A wait beyond its usefulness ends when that is over."""
        sentence = f"It may not go before {until:%Y-%m-%d %H:%M} UTC ({reason.replace('_', ' ')})."
        check = self._failed(reason, sentence)
        match row["if_not_now"]:
            case "hand_back":
                return Otherwise(row, "handed_back", reason, sentence, due_at=until, check=check)
            case "drop":
                return Otherwise(row, "suppressed", reason, sentence, check=check)
            case _:
                later = min(until, row["not_after"] + timedelta(seconds=1))
                return Otherwise(row, "queued", reason, due_at=later, check=check)

    def _failed(self, name: str, sentence: str) -> Check:
        return failed(name, sentence, {"policy": str(self.gatekeeper.policy_version())})
