"""What each of Twilio's error codes means for a message, as a table.

Source: https://www.twilio.com/docs/api/errors and the pages of the single codes. A code that is not listed here is
judged by the HTTP status it came with, and reported, so that the table can grow.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Halts = Literal["nothing", "sender", "account"]


class CodeClass(StrEnum):
    """Why the provider said no."""

    NUMBER = "number"  # the number is wrong for this channel, for good
    OPTED_OUT = "opted_out"  # the recipient told the provider to stop
    BUSY = "busy"  # too fast: nothing was processed
    LATER = "later"  # minutes or hours from now it may work
    AMBIGUOUS = "ambiguous"  # the provider failed, and the message may exist
    CONFIGURATION = "configuration"  # an operator must change something
    REQUEST = "request"  # what we sent is malformed
    CONTENT = "content"  # the text is blocked
    WINDOW = "window"  # a channel's own rule wants a template
    PREFERENCE = "preference"  # the channel chose not to deliver; asking again makes it worse


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table.

    `other_channel`: whether the next channel of the request makes sense after it.
    `retry_seconds`: after how long this channel may be tried again; None: never with this message.
    `halts`: what stops sending until somebody has repaired it: this sender, the whole account, or nothing.
    """

    code_class: CodeClass
    other_channel: bool
    retry_seconds: int | None = None
    halts: Halts = "nothing"


_NUMBER = Meaning(CodeClass.NUMBER, other_channel=True)
_OPTED_OUT = Meaning(CodeClass.OPTED_OUT, other_channel=False)
_BUSY = Meaning(CodeClass.BUSY, other_channel=False, retry_seconds=1)
_AMBIGUOUS = Meaning(CodeClass.AMBIGUOUS, other_channel=False)
_ROUTE = Meaning(CodeClass.CONFIGURATION, other_channel=True)
_SENDER = Meaning(CodeClass.CONFIGURATION, other_channel=True, halts="sender")
_ACCOUNT = Meaning(CodeClass.CONFIGURATION, other_channel=False, halts="account")
_REQUEST = Meaning(CodeClass.REQUEST, other_channel=False)
_CONTENT = Meaning(CodeClass.CONTENT, other_channel=False)
_WINDOW = Meaning(CodeClass.WINDOW, other_channel=True)
_PREFERENCE = Meaning(CodeClass.PREFERENCE, other_channel=True)


def _later(seconds: int) -> Meaning:
    return Meaning(CodeClass.LATER, other_channel=True, retry_seconds=seconds)


_MINUTES = _later(5 * 60)
_HALF_HOUR = _later(30 * 60)
_HOURS = _later(3 * 3600)

TABLE: dict[int, Meaning] = {
    # the account as a whole: keep every row waiting
    **dict.fromkeys((20003, 20005, 20006, 20008, 90010, 30002), _ACCOUNT),
    20429: _BUSY,
    **dict.fromkeys((20500, 20503, 20504, 30500), _AMBIGUOUS),
    20404: _REQUEST,
    # the number asked for
    **dict.fromkeys(
        (21211, 21214, 21216, 13225, 21217, 21265, 21268, 21401, 21407, 21421, 21601, 21614, 21635), _NUMBER
    ),
    **dict.fromkeys((30004, 30005, 30006, 63003, 63024, 63036), _NUMBER),
    # the sender asked from
    **dict.fromkeys((21212, 21606, 21657, 21659, 21660, 21661, 21701, 21702, 21703, 21704, 21705), _SENDER),
    **dict.fromkeys((30024, 30032, 30033, 30034, 30037, 63001, 63007, 63020, 63051), _SENDER),
    # a country or route that this sender may not reach: others go on
    **dict.fromkeys((13227, 21215, 21408, 21612, 30018, 30040, 30041, 30042, 30043, 63015), _ROUTE),
    **dict.fromkeys((21610, 30630, 63014, 63033), _OPTED_OUT),
    # our own request
    **dict.fromkeys(
        (21266, 21602, 21603, 21604, 21609, 21617, 21618, 21619, 21620, 21623, 21654, 21655, 21656, 21658), _REQUEST
    ),
    **dict.fromkeys((30010, 30019, 30039, 30620, 35114, 35115, 35118), _REQUEST),
    # later
    **dict.fromkeys((14107, 30017, 30022, 30410), _MINUTES),
    **dict.fromkeys((21611, 30001, 30003, 30008, 30450, 30453, 30485), _HALF_HOUR),
    **dict.fromkeys((30023, 30027, 30035, 30610, 30615, 63038), _HOURS),
    30036: _later(0),
    **dict.fromkeys((63017, 63018), _BUSY),
    **dict.fromkeys((63009, 63010, 63012), _AMBIGUOUS),
    # the words
    **dict.fromkeys((30007, 30038, 63005, 63013, 63021), _CONTENT),
    **dict.fromkeys((63016, 63027, 63028, 63030, 63040, 63041, 63042), _WINDOW),
    **dict.fromkeys((63032, 63049), _PREFERENCE),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The meaning of a code, and whether the table knew it."""

    meaning: Meaning
    known: bool


def of_refusal(code: int, http_status: int) -> Judged:
    """The meaning of an error that answered a create call.

    401 and 403 speak of our credentials whatever code they carry. Without a known code: 429 is "too fast", any other
    4xx is a request of ours that is wrong. 5xx is never asked here: it is not a refusal.
    """
    if http_status in (401, 403):
        return Judged(_ACCOUNT, code in TABLE)
    if http_status == 429:
        return Judged(_BUSY, known=True)
    known = TABLE.get(code)
    return Judged(known, known=True) if known is not None else Judged(_REQUEST, known=False)


def of_delivery(code: int) -> Judged:
    """The meaning of an error in a status after acceptance.

    No code (a call that nobody answered has none) and an unknown one: it failed, is not repeated here, and another
    channel may make sense only in the first case.
    """
    if code == 0:
        return Judged(Meaning(CodeClass.NUMBER, other_channel=True), known=True)
    known = TABLE.get(code)
    return Judged(known, known=True) if known is not None else Judged(_REQUEST, known=False)
