"""Lanes, slots and breakers: who may call when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.delivery import backoff
from notify_service.delivery.breaker import Breaker, Slots
from notify_service.delivery.call_outcome import Accepted, NotSent, Refused, Unknown
from notify_service.delivery.lanes import LANES, share

WAITING = st.dictionaries(st.sampled_from(LANES), st.integers(0, 300))


@given(free=st.integers(0, 200), waiting=WAITING)
def test_slots_are_shared_without_waste_and_without_starving(free: int, waiting: dict[int, int]) -> None:
    """Nothing is given that does not wait, nothing stays free while something waits, and with slots enough each lane moves."""
    given_slots = share(free, waiting)
    assert sum(given_slots.values()) == min(free, sum(waiting.values()))
    for lane, count in given_slots.items():
        assert 0 < count <= waiting[lane]
    if free >= 8:
        assert {lane for lane, count in waiting.items() if count} == set(given_slots)


def test_the_urgent_lane_gets_what_the_floors_leave() -> None:
    """A flood of receipts takes nothing from a fraud question, and a flood of both leaves marketing its floor."""
    assert share(100, {1: 3, 3: 1000}) == {1: 3, 3: 97}
    assert share(100, {1: 1000, 2: 1000, 3: 1000, 4: 1000}) == {1: 70, 2: 15, 3: 10, 4: 5}
    assert share(1, {3: 5, 2: 5}) == {2: 1}


def test_refused_credentials_stop_the_account_at_once_and_one_probe_looks_again() -> None:
    """401 and 403: rows wait; after the pause a single call finds out, and its success lets everything go."""
    breaker = Breaker()
    breaker.seen(Refused(20003, 401), "account", 100.0, 0.5)
    assert breaker.cause == "credentials"
    assert breaker.allowed(105.0, 50) == 0
    assert breaker.allowed(110.0, 50) == 1
    breaker.starting()
    assert breaker.allowed(110.0, 50) == 0
    breaker.seen(Refused(20003, 403), "account", 111.0, 0.5)
    assert breaker.allowed(121.5, 50) == 0  # the second pause is longer
    breaker.starting()
    breaker.seen(Accepted("SM", "queued"), "account", 140.0, 0.5)
    assert breaker.allowed(140.0, 50) == 50


def test_a_sender_that_is_set_up_wrong_stops_only_itself() -> None:
    """The account's breaker does not see it; a bad number stops neither."""
    sender, account = Breaker(), Breaker()
    for breaker, scope in ((sender, "sender"), (account, "account")):
        breaker.seen(Refused(21606, 400), scope, 0.0, 0.5)  # type: ignore[arg-type]
        breaker.seen(Unknown("no_answer"), scope, 0.0, 0.5)  # type: ignore[arg-type]
    assert sender.cause == "sender"
    assert account.cause is None
    other = Breaker()
    other.seen(Refused(21211, 400), "account", 0.0, 0.5)
    assert other.cause is None


def test_a_provider_that_does_not_answer_is_left_alone_after_five() -> None:
    """Each unknown costs minutes to resolve, so an outage must not make thousands of them."""
    breaker = Breaker()
    for _ in range(4):
        breaker.seen(Unknown("server_error", 503), "account", 0.0, 0.0)
    breaker.seen(NotSent("too_many_requests"), "account", 0.0, 0.0)
    for _ in range(4):
        breaker.seen(Unknown("server_error", 503), "account", 0.0, 0.0)
    assert breaker.allowed(0.0, 10) == 10
    breaker.seen(Unknown("no_answer"), "account", 0.0, 0.5)
    assert breaker.allowed(9.9, 10) == 0
    assert breaker.allowed(10.0, 10) == 1


def test_too_many_requests_halve_the_slots_and_pause_as_asked() -> None:
    """And success lets them grow again, never beyond what is configured."""
    slots = Slots.of(16)
    slots.taken(3)
    slots.seen(NotSent("too_many_requests", 2.0), 10.0, 0.0)
    assert slots.free(11.9) == 0
    assert slots.free(12.0) == 8 - 2
    for _ in range(2):
        slots.seen(Accepted("SM", "queued"), 12.0, 0.0)
    for _ in range(1000):
        slots.taken(1)
        slots.seen(Accepted("SM", "queued"), 12.0, 0.0)
    assert slots.free(12.0) == 16


@given(tries=st.integers(1, 50), jitter=st.floats(0, 0.999), asked=st.none() | st.floats(0, 100))
def test_what_the_provider_asks_for_wins(tries: int, jitter: float, asked: float | None) -> None:
    """Never shorter than Retry-After; without it between half and one and a half of the step."""
    wait = backoff.NOT_SENT.wait(tries, jitter, asked)
    if asked is not None:
        assert asked <= wait <= asked + 1
    else:
        step = backoff.NOT_SENT.steps[min(tries, 8) - 1]
        assert step / 2 <= wait <= step * 1.5


@pytest.mark.parametrize(("age", "wait"), [(0, 3600), (7200, 3600), (8 * 3600, 4 * 3600), (10**6, 12 * 3600)])
def test_the_sweep_looks_ever_rarer(age: float, wait: float) -> None:
    """First after an hour, at the longest every half day."""
    assert backoff.next_look(age, 3600, 12 * 3600) == wait


def test_a_receipt_that_refuses_the_sender_halts_it_and_acceptance_does_not_end_that() -> None:
    """30034 comes after Twilio took the message: it takes the next one just as well."""
    breaker = Breaker()
    breaker.seen(Accepted("SM", "queued"), "sender", 0.0, 0.5)
    assert breaker.heard("undelivered", 30034, "sender", 1.0, 0.5)
    assert breaker.cause == "carrier"
    assert breaker.allowed(10.9, 50) == 0
    assert breaker.allowed(11.1, 50) == 1
    breaker.starting()
    breaker.seen(Accepted("SM", "queued"), "sender", 11.2, 0.5)
    assert breaker.allowed(11.3, 50) == 0
    assert not breaker.heard("undelivered", 30034, "sender", 12.0, 0.5)  # no news, but a longer pause
    assert breaker.allowed(31.9, 50) == 0
    breaker.starting()
    breaker.seen(Accepted("SM", "queued"), "sender", 33.0, 0.5)
    breaker.heard("delivered", 0, "sender", 34.0, 0.5)
    assert breaker.allowed(34.0, 50) == 50


def test_receipts_of_what_went_before_the_halt_do_not_make_it_longer() -> None:
    """Fifty messages were accepted before the first receipt came."""
    breaker = Breaker()
    heard = [breaker.heard("failed", 30032, "sender", float(n) / 50, 0.5) for n in range(50)]
    assert heard == [True] + [False] * 49
    assert breaker.allowed(10.5, 50) == 1


def test_a_halt_by_receipts_ends_where_probes_stay_without_refusal() -> None:
    """Some carriers give no receipts at all."""
    breaker = Breaker()
    breaker.heard("failed", 30034, "sender", 0.0, 0.5)
    now = 0.0
    while breaker.cause == "carrier":
        now += 10.0
        assert breaker.allowed(now, 50) == 1
        breaker.starting()
        breaker.seen(Accepted("SM", "queued"), "sender", now, 0.5)
        assert now < 400
    assert now > 300


@pytest.mark.parametrize(
    ("status", "code", "scope"),
    [
        ("undelivered", 30006, "sender"),
        ("failed", 30034, "account"),
        ("failed", 30002, "sender"),
        ("sent", 0, "sender"),
    ],
)
def test_other_receipts_halt_nothing(status: str, code: int, scope: str) -> None:
    breaker = Breaker()
    assert not breaker.heard(status, code, scope, 0.0, 0.5)  # type: ignore[arg-type]
    assert breaker.cause is None


def test_a_suspended_account_halts_as_a_whole() -> None:
    breaker = Breaker()
    assert breaker.heard("failed", 30002, "account", 0.0, 0.5)
    assert breaker.cause == "carrier"
