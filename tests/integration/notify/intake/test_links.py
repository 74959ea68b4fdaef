"""Links in messages point where the operator says, and to the host by which this service itself is reached."""

from collections.abc import AsyncIterator

import pytest

from notify.v1 import notification_pb2, value_pb2
from tests.integration.notify import service
from tests.integration.notify.conftest import NOBODY
from tests.integration.notify.service import Client, request


@pytest.fixture
async def caller(notify_database_url: str) -> AsyncIterator[Client]:
    """A caller of a service that is reached as own.example."""
    given = service.settings(notify_database_url, NOBODY, notify_public_url="https://own.example")
    async with service.running(given) as (_, client):
        yield client


def linking(number: int, url: str) -> notification_pb2.NotificationRequest:
    """A request with this link in its text."""
    made: notification_pb2.NotificationRequest = request(request_id=f"{number:064x}", template="payment_failed")
    made.values["link"].CopyFrom(value_pb2.Value(link=value_pb2.Link(url=url)))
    return made


async def test_the_services_own_host_and_those_of_the_policy_may_be_linked_to_and_no_other(caller: Client) -> None:
    urls = [
        "https://own.example/l/x",
        "https://pay.own.example/l/x",
        "https://invoice.stripe.com/i/x",
        "https://other.example/l/x",
    ]
    results = await caller.submit(*(linking(number, url) for number, url in enumerate(urls, start=1)))
    assert [result.WhichOneof("result") for result in results[:3]].count("rejected") == 0
    assert results[3].rejected.field == "values.link"
    assert "links.domains" in results[3].rejected.remedy
