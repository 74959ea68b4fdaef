"""What each witness and the passing of time make of an attempt and its notification."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notify_service.delivery import lifecycle
from notify_service.delivery.call_outcome import Accepted, NotSent, Refused, Unknown
from notify_service.delivery.case import Case, Counted, Ended, HandedBack, OptedOutAtProvider, Receipt, Step
from tests.unit.notify.delivery.cases import START, TIMES, at, case, route

SID = "SM" + "1" * 32
OTHER = "SM" + "2" * 32


def answered(subject: Case, outcome: Accepted | Refused | NotSent | Unknown, seconds: float = 1) -> Step:
    return lifecycle.answered(subject, outcome, at(seconds), TIMES, route)


def told(subject: Case, status: str, code: int = 0, sid: str = SID, seconds: float = 5) -> Step:
    return lifecycle.told(subject, Receipt(status, code, sid, "callback"), at(seconds), TIMES, route)


def accepted(**n: object) -> Case:
    return answered(case(n), Accepted(SID, "queued")).case


def test_an_accepted_call_is_bound_and_will_be_looked_after() -> None:
    """The id is kept, the sweep is set."""
    step = answered(case(), Accepted(SID, "accepted"))
    assert step.case.notification.state == "accepted"
    assert step.case.notification.last_sid == SID
    assert (step.case.attempt.state, step.case.attempt.status, step.case.attempt.witness) == (
        "accepted",
        "accepted",
        "response",
    )
    assert step.case.attempt.check_at == at(1).database + TIMES.first_look


def test_too_many_requests_wait_as_asked_and_a_long_wait_goes_to_the_caller() -> None:
    """Short waits are ours."""
    step = answered(case(), NotSent("too_many_requests", 7.0))
    assert step.case.attempt.state == "not_sent"
    assert step.case.notification.state == "queued"
    assert step.case.notification.due_at is not None
    assert 7 <= (step.case.notification.due_at - at(1).business).total_seconds() <= 8
    long = answered(case(), NotSent("too_many_requests", 600.0))
    assert (long.case.notification.state, long.case.notification.reason) == ("handed_back", "backlog")
    assert long.effects == (HandedBack(at(1).business + timedelta(seconds=600.25)),)


@pytest.mark.parametrize(("wish", "state"), [("hold", "queued"), ("hand_back", "handed_back"), ("drop", "suppressed")])
def test_a_full_queue_at_the_provider_is_put_off_as_the_request_wishes(wish: str, state: str) -> None:
    """21611 with one channel: half an hour at least."""
    step = answered(case({"if_not_now": wish}), Refused(21611, 400))
    assert step.case.attempt.state == "rejected"
    assert step.case.notification.state == state
    assert (step.case.notification.due_at is not None) == (state != "suppressed")


def test_a_refused_number_goes_on_to_the_next_channel_that_has_a_sender() -> None:
    """WhatsApp has none here, so the call is next; its sender paces it from now on."""
    step = answered(case({"channels": ("sms", "whatsapp", "voice")}), Refused(21614, 400))
    assert step.case.notification.state == "queued"
    assert step.case.notification.channels == ("voice",)
    assert step.case.notification.sender == "main-voice"
    last = answered(case({"channels": ("sms", "whatsapp")}), Refused(21614, 400))
    assert (last.case.notification.state, last.case.notification.reason) == ("failed", "number_refused")
    assert last.effects == (Ended(),)


def test_an_opt_out_at_the_provider_ends_it_and_is_mirrored() -> None:
    """Never a fallback, whatever else could be tried."""
    step = answered(case({"channels": ("sms", "voice")}), Refused(21610, 400))
    assert (step.case.notification.state, step.case.notification.reason) == ("suppressed", "opted_out")
    assert step.effects == (OptedOutAtProvider("sms", 21610), Ended())


@pytest.mark.parametrize(("code", "status"), [(20003, 401), (20003, 403), (77777, 401), (20005, 400), (21606, 400)])
def test_what_an_operator_must_repair_keeps_the_row_waiting(code: int, status: int) -> None:
    """Refused credentials and senders lose no message."""
    step = answered(case(), Refused(code, status))
    assert step.case.notification.state == "queued"
    assert step.case.notification.reason == "sender_misconfigured"


@pytest.mark.parametrize(
    ("code", "reason"), [(21617, "request_refused"), (99999, "request_refused"), (30038, "content_blocked")]
)
def test_a_request_that_is_wrong_fails(code: int, reason: str) -> None:
    """Without another channel: what nobody knows is not acted on."""
    step = answered(case({"channels": ("sms", "voice")}), Refused(code, 400))
    assert (step.case.notification.state, step.case.notification.reason) == ("failed", reason)
    assert step.case.notification.provider_code == code


def test_no_answer_is_unknown_until_a_listing_can_prove_something() -> None:
    """Settle counts from the moment after which no byte could leave."""
    step = answered(case(), Unknown("server_error", 503))
    assert (step.case.attempt.state, step.case.notification.state) == ("unknown", "unresolved")
    assert step.case.attempt.check_at == step.case.attempt.not_after + timedelta(seconds=130)


def test_an_attempt_that_nobody_reported_on_lapses_and_not_before() -> None:
    """Not while its call may still be under way."""
    assert lifecycle.lapsed(case(), at(24), TIMES).case == case()
    step = lifecycle.lapsed(case(), at(25), TIMES)
    assert step.case.attempt.state == "unknown"
    assert Counted("lapsed") in step.effects


def unknown_case(**n: object) -> Case:
    return answered(case(n), Unknown("no_answer")).case


def test_two_empty_listings_late_and_apart_give_the_verdict_and_none_earlier() -> None:
    """Send once more, marked."""
    early = lifecycle.not_listed(unknown_case(), at(100), TIMES, concern_over=False)
    assert early.case.attempt.empty_listings == 0
    first = lifecycle.not_listed(unknown_case(), at(140), TIMES, concern_over=False)
    assert first.case.notification.state == "unresolved"
    assert first.case.attempt.check_at == at(170).database
    second = lifecycle.not_listed(first.case, at(170), TIMES, concern_over=False)
    assert second.case.attempt.state == "not_sent"
    assert second.case.notification.state == "queued"
    assert second.case.notification.possible_duplicate


@pytest.mark.parametrize(
    ("n", "a", "concern_over", "state"),
    [
        ({"if_unresolved": "hold"}, {}, False, "held"),
        ({"possible_duplicate": True}, {}, False, "held"),
        ({"message_class": "marketing"}, {}, False, "held"),
        ({}, {"channel": "voice"}, False, "held"),
        ({}, {}, True, "cancelled"),
        ({"not_after": START + timedelta(seconds=150)}, {}, False, "expired"),
    ],
)
def test_the_verdict_where_it_may_not_be_sent_again(
    n: dict[str, object], a: dict[str, object], concern_over: bool, state: str
) -> None:
    """Held for a person, or over."""
    subject = case({**n, "state": "unresolved"}, {**a, "state": "unknown", "empty_listings": 1})
    step = lifecycle.not_listed(subject, at(200), TIMES, concern_over=concern_over)
    assert step.case.notification.state == state
    assert step.case.attempt.state == "abandoned"
    assert (step.case.attempt.check_at is not None) == (state == "held")


def test_what_is_held_expires_by_itself() -> None:
    """A person had until not_after."""
    held = case({"state": "held"}, {"state": "abandoned", "check_at": START})
    assert lifecycle.looked_at(held, at(60), TIMES).case.notification.state == "held"
    step = lifecycle.looked_at(held, at(4 * 3600 + 1), TIMES)
    assert step.case.notification.state == "expired"
    assert step.effects == (Ended(),)


def test_a_callback_before_our_own_commit_binds() -> None:
    """From intent, with a status that is already further than the answer's."""
    step = told(case(), "delivered")
    assert step.case.notification.state == "delivered"
    assert step.case.attempt.witness == "callback"
    assert step.effects == (Receipt("delivered", 0, SID, "callback"), Ended())
    after = answered(step.case, Accepted(SID, "queued"))
    assert after.case == step.case
    assert after.effects == ()


def test_receipts_only_move_forward() -> None:
    """In whatever order they come, and of two final ones the first stays."""
    delivered = told(accepted(), "delivered").case
    assert told(delivered, "sent").case == delivered
    assert told(delivered, "undelivered", 30003).case == delivered
    assert told(delivered, "delivered").effects == (Receipt("delivered", 0, SID, "callback"),)
    read = told(delivered, "read")
    assert read.case.notification.state == "read"
    assert Ended() not in read.effects


def test_a_failure_after_acceptance_is_handed_back_only_where_another_channel_makes_sense() -> None:
    """And where the caller asked for it."""
    two = {"channels": ("sms", "voice")}
    back = told(accepted(**two), "undelivered", 30006)
    assert (back.case.notification.state, back.case.notification.reason) == ("handed_back", "channel_failed")
    assert back.case.notification.channels == ("voice",)
    assert HandedBack(at(5).business) in back.effects
    assert back.case.notification.due_at == at(5).business
    for subject, code in (
        (accepted(**two, if_not_now="hold"), 30006),
        (accepted(), 30006),
        (accepted(**two), 30007),
        (accepted(**two), 99999),
        (accepted(channels=("sms", "whatsapp")), 30006),
        (accepted(**two, not_after=START), 30006),
    ):
        final = told(subject, "undelivered", code)
        assert final.case.notification.state == "undelivered"
        assert Ended() in final.effects


def test_an_opt_out_in_a_receipt_is_mirrored() -> None:
    """30630 and WhatsApp's 63033 come after acceptance."""
    step = told(accepted(channels=("sms", "voice")), "failed", 30630)
    assert (step.case.notification.state, step.case.notification.reason) == ("failed", "opted_out")
    assert OptedOutAtProvider("sms", 30630) in step.effects


def test_a_late_witness_binds_stops_the_repetition_and_is_counted() -> None:
    """The resend waited in the queue: it never goes, and nothing was doubled."""
    waiting = case({"state": "queued", "due_at": START, "possible_duplicate": True}, {"state": "not_sent"})
    step = told(waiting, "sent")
    assert step.case.attempt.accepted_late
    assert (step.case.notification.state, step.case.notification.due_at) == ("sent", None)
    assert not step.case.notification.possible_duplicate
    assert Counted("accepted_late") in step.effects


@pytest.mark.parametrize("state", ["sending", "unresolved", "accepted", "delivered"])
def test_a_late_witness_beside_a_second_attempt_shows_the_double(state: str) -> None:
    """Both are marked; the second attempt keeps its course."""
    twice = case({"state": state, "attempts": 2, "last_sid": OTHER}, {"state": "not_sent"})
    step = told(twice, "delivered")
    assert step.case.attempt.possible_duplicate
    assert step.case.notification.possible_duplicate
    assert step.case.notification.state == state
    assert {Counted("accepted_late"), Counted("possible_duplicate")} <= set(step.effects)


@pytest.mark.parametrize("state", ["held", "expired", "cancelled", "failed"])
def test_a_late_witness_corrects_an_end(state: str) -> None:
    """It was sent after all."""
    step = told(case({"state": state}, {"state": "abandoned"}), "delivered")
    assert step.case.notification.state == "delivered"
    assert Ended(corrects=True) in step.effects


def test_a_second_id_for_one_attempt_is_never_taken_over() -> None:
    """It is what nothing of ours may cause; it is marked and counted."""
    step = told(accepted(), "sent", sid=OTHER)
    assert step.case.attempt.sid == SID
    assert step.case.notification.possible_duplicate
    assert Counted("second_sid") in step.effects


def test_a_refusal_after_another_witness_changes_nothing() -> None:
    """The callback knew better."""
    subject = told(case(), "sent").case
    step = answered(subject, Refused(21211, 400))
    assert step.case == subject
    assert step.effects == (Counted("contradiction"),)


def test_silence_of_carriers_ends_after_days() -> None:
    """And a word that comes later still corrects it."""
    subject = replace_created(accepted())
    assert lifecycle.looked_at(subject, at(3600), TIMES).case.attempt.check_at == at(7200).database
    step = lifecycle.looked_at(subject, at(3 * 86400 + 1), TIMES)
    assert step.case.notification.state == "delivery_unknown"
    late = told(step.case, "delivered")
    assert late.case.notification.state == "delivered"
    assert Ended(corrects=True) in late.effects


def replace_created(subject: Case) -> Case:
    return Case(subject.notification, replace(subject.attempt, created_at=START))
