"""Whether a start stands beside the stops of its number."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.replies.keyword_order import Keyword, stands, stands_by_arrival, undated

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = st.integers(0, 5)


def word(sid: str, arrived: int, written: int | None) -> Keyword:
    """A stop or start, in seconds after noon."""
    at = None if written is None else NOON + timedelta(seconds=written)
    return Keyword(sid, "sms", NOON + timedelta(seconds=arrived), at)


@pytest.mark.parametrize(
    ("start", "stops", "stood"),
    [
        (word("a", 0, None), [], True),  # nothing to be ordered with: no date is needed
        (word("a", 0, 9), [word("b", 5, 3)], True),
        (word("a", 9, 3), [word("b", 5, 4)], False),
        (word("a", 9, 3), [word("b", 5, 3)], False),  # of equal dates the stop wins
        (word("a", 9, None), [word("b", 5, 3)], None),
        (word("a", 9, 3), [word("b", 5, None)], None),
        (word("a", 9, 3), [word("b", 5, None), word("c", 5, 4)], False),  # one later stop is enough
    ],
)
def test_a_start_stands_only_where_it_is_known_to_be_later_than_every_stop(
    start: Keyword, stops: list[Keyword], stood: bool | None
) -> None:
    assert stands(start, stops) is stood


@given(start=SECONDS, stops=st.lists(SECONDS, max_size=4))
def test_with_all_dates_known_arrival_says_nothing(start: int, stops: list[int]) -> None:
    """And a stop at the same second or later always wins."""
    words = [word(str(n), 100 - n, at) for n, at in enumerate(stops)]
    stood = stands(word("start", 50, start), words)
    assert stood is all(start > stop for stop in stops)
    assert stands_by_arrival(word("start", 50, start), words) is stood


def test_without_dates_what_arrived_later_stands() -> None:
    stops = [word("b", 5, None)]
    assert stands_by_arrival(word("a", 6, None), stops)
    assert not stands_by_arrival(word("a", 5, None), stops)
    assert undated([word("a", 6, None), *stops, word("c", 1, 1)]) == ["a", "b"]
