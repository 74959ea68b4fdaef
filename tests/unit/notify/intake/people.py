"""Requests, and what is in force for them."""

import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2, value_pb2
from notify_service import database
from notify_service.accounts import Account, Sender
from notify_service.consent import policy
from notify_service.intake.parsing import parse
from notify_service.intake.preparing import AccountInForce
from notify_service.intake.request import Request
from notify_service.words import template_store

NOW = datetime.datetime(2026, 3, 2, 10, 0, tzinfo=datetime.UTC)
SENDERS = (Sender("sms", "sms", number="+14155550100"), Sender("voice", "voice", number="+14155550100"))
ACCOUNT = Account("main", "Acme", "UTC", "en", "AC0", ("t",), "", "", SENDERS)
POLICY = policy.parse(database.shipped("policy.yaml").read_text())
IN_FORCE = AccountInForce(
    ACCOUNT,
    POLICY,
    template_store.compile_all(
        {key: (1, body) for key, body in template_store.read_shipped(database.shipped("texts")).items()}
    ),
)


def stamp(moment: datetime.datetime) -> Timestamp:
    """A time on the wire."""
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def address(number: str = "+14155552671", **more: Any) -> recipient_pb2.CandidateAddress:
    """A number that was given in the payment."""
    given: dict[str, Any] = {"source": "customer.phone", "region_hints": ["US"], "given_in_transaction": True}
    return recipient_pb2.CandidateAddress(number=number, **(given | more))


def evidence(**more: Any) -> consent_pb2.ConsentEvidence:
    """A yes to everything."""
    given: dict[str, Any] = {
        "verdict": consent_pb2.CONSENT_VERDICT_GRANTED, "source": "checkout", "given_at": stamp(NOW), "wording": "Text me",
    }  # fmt: skip
    return consent_pb2.ConsentEvidence(**(given | more))


def message(**more: Any) -> notification_pb2.NotificationRequest:
    """A receipt for Ana, with what the test says otherwise; a value of None leaves a field out."""
    given: dict[str, Any] = {
        "request_id": "r-1", "round": 1, "account_id": "main", "concern": "payment:pi_1/receipt", "kind": "payment_recovered",
        "labels": {"invoice": "in_1"},
        "recipient": recipient_pb2.Recipient(
            person_id="cus_ana", role=recipient_pb2.RECIPIENT_ROLE_CUSTOMER, languages=["en-US"], addresses=[address()]
        ),
        "message_class": consent_pb2.MESSAGE_CLASS_TRANSACTIONAL, "lane": notification_pb2.LANE_RECEIPT,
        "channels": [recipient_pb2.CHANNEL_SMS], "not_after": stamp(NOW + datetime.timedelta(hours=2)), "truth_read_at": stamp(NOW),
        "template": "payment_recovered",
        "values": {"amount": value_pb2.Value(money=value_pb2.Money(minor_units=4900, exponent=2, currency="USD"))},
    }  # fmt: skip
    return notification_pb2.NotificationRequest(
        **{name: value for name, value in (given | more).items() if value is not None}
    )


def recipient(*addresses: recipient_pb2.CandidateAddress, **more: Any) -> recipient_pb2.Recipient:
    """Ana with these numbers."""
    given: dict[str, Any] = {"person_id": "cus_ana", "role": recipient_pb2.RECIPIENT_ROLE_CUSTOMER}
    return recipient_pb2.Recipient(addresses=addresses, **(given | more))


def parsed(**more: Any) -> Request:
    """A valid request."""
    return parse(message(**more), "local", NOW)
