"""What is posted, and how it is signed."""

import datetime
import hashlib
import hmac
from typing import Any
from uuid import UUID

import orjson

from ingest_service.webhooks.call import signature, step_call

AT = datetime.datetime(2026, 11, 25, 10, 0, tzinfo=datetime.UTC)
FACT: dict[str, Any] = {
    "key": "payment_succeeded:pi_1", "kind": "payment_succeeded", "subject_id": "pi_1", "customer_id": "cus_1", "event_id": "evt_1",
    "occurred_at": AT.timestamp(), "amount": 500000, "exponent": 2, "currency": "usd",
    "attributes": {},
}  # fmt: skip


def test_a_signature_is_stripes_scheme() -> None:
    body = b'{"a":1}'
    signed = signature("whsec", body, AT)
    moment, value = (part.partition("=")[2] for part in signed.split(","))
    assert moment == str(int(AT.timestamp()))
    assert value == hmac.new(b"whsec", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature("other", body, AT) != signed
    assert signature("whsec", b'{"a":2}', AT) != signed


def test_a_step_says_the_sentence_of_the_story_as_slack_takes_it() -> None:
    call = step_call("main", UUID(int=1), 2, "slack", FACT, AT)
    assert orjson.loads(call.body) == {"text": "A payment succeeds of 5000.00 USD (payment_succeeded:pi_1)"}
    assert call.cause == "step:2"


def test_a_step_states_what_was_charged_where_the_buyer_saw_another_currency() -> None:
    charged = {"charged_amount": 750000, "charged_exponent": 0, "charged_currency": "jpy"}
    call = step_call("main", UUID(int=1), 2, "slack", {**FACT, "attributes": charged}, AT)
    assert orjson.loads(call.body) == {"text": "A payment succeeds of 750000 JPY (payment_succeeded:pi_1)"}


def test_a_call_has_the_same_key_whoever_makes_it_and_another_one_for_each_cause() -> None:
    calls = [step_call("main", UUID(int=plan), number, "slack", FACT, AT) for plan in (1, 2) for number in (1, 2)]
    assert len({call.call_id for call in calls}) == 4
    assert calls[0] == step_call("main", UUID(int=1), 1, "slack", FACT, AT)
