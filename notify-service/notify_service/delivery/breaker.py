"""When to stop calling the provider for a while, and how many calls may be under way. Pure: the time is a parameter."""

from dataclasses import dataclass
from typing import Literal

from . import backoff, codes
from .call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown

Cause = Literal["credentials", "sender", "unreachable", "no_answers", "carrier"]
Scope = Literal["sender", "account"]
_UNKNOWN_IN_A_ROW = 5
_QUIET_SECONDS = 300.0
"""After so long in which probes were accepted and nothing was said against them, a carrier's halt is over: not all give receipts."""


@dataclass(slots=True)
class Breaker:
    """Closed: everything goes. Open: nothing until `opens_at` (seconds, monotonic), then one probe at a time.

    It never decides about a row: rows just keep waiting. `scale` shrinks the pauses as it does the provider's times.
    Where receipts opened it (cause "carrier"), the provider accepts what the carrier then refuses, so only a receipt closes it.
    """

    scale: float = 1.0
    cause: Cause | None = None
    retry_at: float = 0.0
    trips: int = 0
    unknown_in_a_row: int = 0
    probing: bool = False
    quiet_since: float | None = None

    def allowed(self, now: float, free: int) -> int:
        """How many calls may start now, of `free` ones."""
        if self.cause is None:
            return free
        if now < self.retry_at or self.probing:
            return 0
        return min(1, free)

    def starting(self) -> None:
        """A call starts."""
        if self.cause is not None:
            self.probing = True

    def seen(self, outcome: CallOutcome, scope: Scope, now: float, jitter: float) -> None:
        """A call came to `outcome`."""
        probe, self.probing = self.probing, False
        cause = self._trips(outcome, scope)
        if cause is not None:
            self._open(cause, now, jitter)
        elif self.cause == "carrier":
            self._await_receipt(now, jitter, probe=probe)
        elif not isinstance(outcome, Unknown):
            self._close()

    def heard(self, status: str, code: int, scope: Scope, now: float, jitter: float) -> bool:
        """What became of an accepted message; whether that halts what was not halted so far.

        A code that says that the sender (or the account) may not send at all halts it. Receipts of what was accepted before
        the halt say nothing new.
        """
        if status in ("delivered", "read"):
            if self.cause == "carrier":
                self._close()
            return False
        if status not in ("failed", "undelivered") or codes.of_delivery(code).meaning.halts != scope:
            return False
        if self.cause == "carrier" and self.quiet_since is None:
            return False
        halts = self.cause is None
        self._open("carrier", now, jitter)
        return halts

    def _open(self, cause: Cause, now: float, jitter: float) -> None:
        self.cause, self.quiet_since = cause, None
        self.trips += 1
        self.retry_at = now + self._pause(jitter)

    def _close(self) -> None:
        self.cause, self.quiet_since, self.trips, self.unknown_in_a_row = None, None, 0, 0

    def _await_receipt(self, now: float, jitter: float, *, probe: bool) -> None:
        self.retry_at = max(self.retry_at, now + self._pause(jitter))
        if probe and self.quiet_since is None:
            self.quiet_since = now
        elif self.quiet_since is not None and now - self.quiet_since >= _QUIET_SECONDS * self.scale:
            self._close()

    def _pause(self, jitter: float) -> float:
        steps = backoff.UNREACHABLE if self.cause == "unreachable" else backoff.BREAKER
        return steps.wait(self.trips, jitter) * self.scale

    def _trips(self, outcome: CallOutcome, scope: Scope) -> Cause | None:
        match outcome:
            case Refused(code, status):
                halts = codes.of_refusal(code, status).meaning.halts
                if halts == scope:
                    return "credentials" if scope == "account" else "sender"
            case NotSent("unreachable") if scope == "account":
                return "unreachable"
            case Unknown() if scope == "account":
                self.unknown_in_a_row += 1
                if self.unknown_in_a_row >= _UNKNOWN_IN_A_ROW or self.cause is not None:
                    return "no_answers"
            case _:
                return None
        return None


@dataclass(slots=True)
class Slots:
    """How many calls may be under way for a sender: halves when the provider says "too many", grows back one by one."""

    most: int
    limit: float
    in_flight: int = 0
    paused_until: float = 0.0

    @staticmethod
    def of(most: int) -> "Slots":
        """All `most` slots free."""
        return Slots(most, float(most))

    def free(self, now: float) -> int:
        """Slots that a claim may fill."""
        return 0 if now < self.paused_until else max(0, int(self.limit) - self.in_flight)

    def taken(self, count: int) -> None:
        """`count` calls start."""
        self.in_flight += count

    def seen(self, outcome: CallOutcome, now: float, jitter: float) -> None:
        """One of them came to its end."""
        self.in_flight -= 1
        match outcome:
            case NotSent("too_many_requests", asked):
                self.limit = max(1.0, self.limit / 2)
                self.paused_until = max(self.paused_until, now + backoff.NOT_SENT.wait(1, jitter, asked))
            case Accepted():
                self.limit = min(float(self.most), self.limit + 1 / max(self.limit, 1.0))
            case _:
                pass
