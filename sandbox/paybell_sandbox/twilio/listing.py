"""Lists of messages and calls: which ones a query asks for, and a page of them with the way to the next, as Twilio writes it."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from aiohttp import web

from paybell_sandbox.sandbox import SANDBOX
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.errors import TwilioError

ACTS: Final = ("lag",)
BIGGEST_PAGE: Final = 1_000
USUAL_PAGE: Final = 50


class Listed(Protocol):
    """What stands in a list."""

    @property
    def sid(self) -> str:
        """Its id."""

    @property
    def to(self) -> str:
        """To whom."""

    @property
    def from_(self) -> str | None:
        """From whom."""

    @property
    def created(self) -> datetime.datetime:
        """When Twilio made it."""

    def to_json(self) -> dict[str, Any]:
        """The resource."""


T = TypeVar("T", bound=Listed)


def shown(
    request: web.Request,
    operation: str,
    things: Sequence[T],
    dates: Mapping[str, Callable[[T], datetime.datetime | None]],
) -> list[T]:
    """What the query asks for and the list shows by now, newest first.

    Args:
        request: the query.
        operation: by which a fault makes the list lag.
        things: everything there is, oldest first.
        dates: the query's dates and what they are compared with; what has no such date yet is left out by any filter on it.

    Raises:
        TwilioError: where a date is none.
    """
    query, sandbox = request.query, request.app[SANDBOX]
    lag = sandbox.faults.pick("twilio", operation, plain_number(query.get("To", "")), ACTS)
    youngest = sandbox.clock.real_now() - datetime.timedelta(seconds=sandbox.waiting(lag.seconds) if lag else 0)
    asked = {name: [_asked(query, name + sign) for sign in ("", ">", "<")] for name in dates}
    wanted = [
        thing
        for thing in things
        if thing.created <= youngest
        and query.get("To", thing.to) == thing.to
        and query.get("From", thing.from_) == thing.from_
        and all(_dated_so(date(thing), *asked[name]) for name, date in dates.items())
    ]
    return list(reversed(wanted))


def _dated_so(
    date: datetime.datetime | None,
    day: datetime.datetime | None,
    after: datetime.datetime | None,
    before: datetime.datetime | None,
) -> bool:
    if day is None and after is None and before is None:
        return True
    return (
        date is not None
        and (day is None or date.date() == day.date())
        and (after is None or date >= after)
        and (before is None or date <= before)
    )


def _asked(query: Mapping[str, str], name: str) -> datetime.datetime | None:
    if name not in query:
        return None
    try:
        moment = datetime.datetime.fromisoformat(query[name])
    except ValueError:
        raise TwilioError(20001, f"{name} is no date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def page(request: web.Request, name: str, things: Sequence[Listed]) -> dict[str, Any]:
    """One page. The token names the last one of the page before, so that what comes in meanwhile shifts nothing.

    Raises:
        TwilioError: for a page that cannot be had.
    """
    size, number = _figure(request, "PageSize", USUAL_PAGE, 1, BIGGEST_PAGE), _figure(request, "Page", 0, 0, 10**9)
    token = request.query.get("PageToken", "")
    if number and not token:
        raise TwilioError(20007)
    start = 0
    if token:
        places = {f"PA{thing.sid}": place for place, thing in enumerate(things, start=1)}
        if token not in places:
            raise TwilioError(20007)
        start = places[token]
    chosen = things[start : start + size]

    def uri(page_number: int, **more: str) -> str:
        kept = {name: value for name, value in request.query.items() if name not in ("Page", "PageSize", "PageToken")}
        url = request.rel_url.with_path(request.path.removeprefix("/twilio"))
        return str(url.with_query({**kept, "PageSize": str(size), "Page": str(page_number), **more}))

    follows = start + size < len(things)
    return {
        name: [thing.to_json() for thing in chosen],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(chosen) - 1, 0),
        "uri": uri(number, **({"PageToken": token} if token else {})),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, PageToken=f"PA{chosen[-1].sid}") if follows else None,
        "previous_page_uri": None,
    }


def _figure(request: web.Request, name: str, otherwise: int, least: int, most: int) -> int:
    text = request.query.get(name, str(otherwise))
    if not text.isdigit() or int(text) < least:
        raise TwilioError(20001, f"{name} is a whole number from {least} on")
    return min(int(text), most)
