"""What one create call to the provider came to. Pure, and strict: what is not certain is unknown.

Twilio says that creating a message or a call is not idempotent (docs/errors/20500) and that a request answered 429 was
never processed (docs/errors/20429). No call is repeated by anything below the attempt's row.
"""

import re
from dataclasses import dataclass
from typing import Literal

UnknownCause = Literal["server_error", "no_answer", "unreadable_answer", "redirect", "foreign_refusal"]
NotSentCause = Literal["too_many_requests", "unreachable", "not_started"]


@dataclass(frozen=True, slots=True)
class Observed:
    """What could be seen of the exchange.

    `connected`: a connection was up, so that from then on bytes may have left. `status`: HTTP status, None if no
    answer came. `body`: the answer as a JSON object, None if it was not one. `retry_after`: seconds, None if not said.
    """

    connected: bool
    status: int | None = None
    body: dict[str, object] | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it, under this id."""

    sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider said no, in its own words: nothing was sent."""

    code: int
    http_status: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not processed: it may be tried again."""

    cause: NotSentCause
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider may or may not have it. Never repeated blindly."""

    cause: UnknownCause
    http_status: int = 0


CallOutcome = Accepted | Refused | NotSent | Unknown

_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


def classify(seen: Observed) -> CallOutcome:
    """Judges an exchange. Order matters: only what proves something is taken as proof."""
    if seen.status is None:
        return Unknown("no_answer") if seen.connected else NotSent("unreachable")
    status = seen.status
    if status == 429 or (400 <= status < 500 and _twilio_code(seen.body) == 20429):
        return NotSent("too_many_requests", seen.retry_after)
    if 200 <= status < 300:
        sid = _text(seen.body, "sid")
        return (
            Accepted(sid, _text(seen.body, "status")) if _SID.fullmatch(sid) else Unknown("unreadable_answer", status)
        )
    if 300 <= status < 400:
        return Unknown("redirect", status)
    if 400 <= status < 500:
        code = _twilio_code(seen.body)
        return Refused(code, status) if code is not None else Unknown("foreign_refusal", status)
    return Unknown("server_error", status)


def _text(body: dict[str, object] | None, name: str) -> str:
    value = body.get(name) if body else None
    return value if isinstance(value, str) else ""


def _twilio_code(body: dict[str, object] | None) -> int | None:
    """The code of a Twilio error object; None where the body is not one (then a proxy may have answered)."""
    code = body.get("code") if body else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
