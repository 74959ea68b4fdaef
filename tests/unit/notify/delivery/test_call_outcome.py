"""What an exchange with the provider proves, case by case."""

import pytest

from notify_service.delivery.call_outcome import Accepted, CallOutcome, NotSent, Observed, Refused, Unknown, classify

SID = "SM" + "0" * 32
TWILIO: dict[str, object] = {"code": 21211, "message": "…", "status": 400}


def answer(status: int, body: dict[str, object] | None = None, retry_after: float | None = None) -> Observed:
    return Observed(True, status, body, retry_after)  # noqa: FBT003


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (answer(201, {"sid": SID, "status": "queued"}), Accepted(SID, "queued")),
        (answer(200, {"sid": SID, "status": "accepted"}), Accepted(SID, "accepted")),
        (answer(201, {"status": "queued"}), Unknown("unreadable_answer", 201)),
        (answer(201, {"sid": 7}), Unknown("unreadable_answer", 201)),
        (answer(201, {"sid": "ok"}), Unknown("unreadable_answer", 201)),
        (answer(201), Unknown("unreadable_answer", 201)),
        (answer(204), Unknown("unreadable_answer", 204)),
        (answer(302), Unknown("redirect", 302)),
        (answer(307, TWILIO), Unknown("redirect", 307)),
        (answer(400, TWILIO), Refused(21211, 400)),
        (answer(401, {"code": 20003}), Refused(20003, 401)),
        (answer(403, {"code": 20003}), Refused(20003, 403)),
        (answer(403), Unknown("foreign_refusal", 403)),
        (answer(400, {"error": "bad"}), Unknown("foreign_refusal", 400)),
        (answer(400, {"code": "21211"}), Unknown("foreign_refusal", 400)),
        (answer(400, {"code": True}), Unknown("foreign_refusal", 400)),
        (answer(407), Unknown("foreign_refusal", 407)),
        (answer(408), Unknown("foreign_refusal", 408)),
        (answer(429, {"code": 20429}), NotSent("too_many_requests")),
        (answer(429, None, 3.0), NotSent("too_many_requests", 3.0)),
        (answer(400, {"code": 20429}), NotSent("too_many_requests")),
        (answer(500, {"code": 20500}), Unknown("server_error", 500)),
        (answer(500, {"code": 21211}), Unknown("server_error", 500)),
        (answer(502), Unknown("server_error", 502)),
        (answer(503, None, 5.0), Unknown("server_error", 503)),
        (answer(599), Unknown("server_error", 599)),
        (Observed(connected=True), Unknown("no_answer")),
        (Observed(connected=False), NotSent("unreachable")),
    ],
)
def test_only_what_proves_something_is_taken_as_proof(seen: Observed, outcome: CallOutcome) -> None:
    """Each observation has exactly this outcome; all doubt is unknown."""
    assert classify(seen) == outcome
