"""notify-service whole, in this process, on a fresh database and the sandbox."""

import base64
import contextlib
import datetime
import os
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2, service_pb2, service_pb2_grpc, value_pb2
from notify_service import app, database
from notify_service.settings import Settings


def key(name: str) -> str:
    """A random key in the form of settings."""
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def settings(url: str, twilio: str, **more: Any) -> Settings:
    """Settings on free ports."""
    given: dict[str, Any] = {
        "notify_database_url": url, "notify_data_keys": key("d1"), "notify_lookup_keys": key("l1"),
        "notify_http_listen": "127.0.0.1:0", "notify_admin_listen": "127.0.0.1:0", "notify_grpc_listen": "127.0.0.1:0",
        "notify_brand": "Acme", "notify_grpc_reflection": True, "notify_vendor_time_scale": 0.05, "grpc_insecure": True,
        "twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "sandbox-token", "twilio_from": "+14155550100",
        "twilio_api_base": twilio,
    }  # fmt: skip
    return Settings(**(given | more))


class Client:
    """A caller over a socket."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Calls over this channel."""
        self.channel = channel
        self.stub = service_pb2_grpc.NotificationServiceStub(channel)

    async def submit(self, *requests: notification_pb2.NotificationRequest) -> list[service_pb2.SubmitResult]:
        """The results in order."""
        answer = await self.stub.SubmitNotifications(
            service_pb2.SubmitNotificationsRequest(requests=requests), timeout=10
        )
        return list(answer.results)


@contextlib.asynccontextmanager
async def running(configured: Settings) -> AsyncIterator[tuple[app.RunningService, Client]]:
    """The service and a caller."""
    await database.migrate(configured.notify_database_url.get_secret_value())
    async with (
        app.running(configured) as service,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel,
    ):
        yield service, Client(channel)


def now() -> datetime.datetime:
    """The time."""
    return datetime.datetime.now(datetime.UTC)


def stamp(moment: datetime.datetime) -> Timestamp:
    """A time on the wire."""
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def request(
    identity: str = "r-1", *, number: str = "+14155552671", moment: datetime.datetime | None = None, **more: Any
) -> Any:
    """A receipt for Ana, with what the test says otherwise."""
    moment = moment or now()
    given: dict[str, Any] = {
        "request_id": identity, "round": 1, "account_id": "main", "concern": f"payment:{identity}/receipt", "kind": "payment_recovered",
        "labels": {"invoice": "in_1"},
        "recipient": recipient_pb2.Recipient(
            person_id="cus_ana", role=recipient_pb2.RECIPIENT_ROLE_CUSTOMER, languages=["en-US"],
            addresses=[
                recipient_pb2.CandidateAddress(number=number, source="customer.phone", region_hints=["US"], given_in_transaction=True)
            ] if number else [],
        ),
        "message_class": consent_pb2.MESSAGE_CLASS_TRANSACTIONAL, "lane": notification_pb2.LANE_RECEIPT,
        "channels": [recipient_pb2.CHANNEL_SMS], "not_after": stamp(moment + datetime.timedelta(hours=2)), "truth_read_at": stamp(moment),
        "template": "payment_recovered",
        "values": {"amount": value_pb2.Value(money=value_pb2.Money(minor_units=4900, exponent=2, currency="USD"))},
    }  # fmt: skip
    return notification_pb2.NotificationRequest(**(given | more))
