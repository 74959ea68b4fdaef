"""When to stop calling the provider for a while, and how many calls may be under way. Pure: the time is a parameter."""

from dataclasses import dataclass
from typing import Literal

from . import backoff, codes
from .call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown

Cause = Literal["credentials", "sender", "unreachable", "no_answers"]
_UNKNOWN_IN_A_ROW = 5


@dataclass(slots=True)
class Breaker:
    """Closed: everything goes. Open: nothing until `opens_at` (seconds, monotonic), then one probe at a time.

    It never decides about a row: rows just keep waiting. `scale` shrinks the pauses as it does the provider's times.
    """

    scale: float = 1.0
    cause: Cause | None = None
    retry_at: float = 0.0
    trips: int = 0
    unknown_in_a_row: int = 0
    probing: bool = False

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

    def seen(self, outcome: CallOutcome, scope: Literal["sender", "account"], now: float, jitter: float) -> None:
        """A call came to `outcome`."""
        self.probing = False
        cause = self._trips(outcome, scope)
        if cause is not None:
            self.cause = cause
            self.trips += 1
            steps = backoff.UNREACHABLE if cause == "unreachable" else backoff.BREAKER
            self.retry_at = now + steps.wait(self.trips, jitter) * self.scale
        elif not isinstance(outcome, Unknown):
            self.cause, self.trips, self.unknown_in_a_row = None, 0, 0

    def _trips(self, outcome: CallOutcome, scope: Literal["sender", "account"]) -> Cause | None:
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
