"""The sandbox's answers are those of Twilio's own description, and everything that our services ever asked of it is too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from notify_service.delivery.listed import From
from notify_service.delivery.senders import Credentials
from notify_service.delivery.twilio_client import Asked, Inline, TwilioClient
from notify_service.delivery.twilio_transport import TwilioTransport
from notify_service.words.body import Content
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from paybell_sandbox.twilio import call_request, message_request, replies
from paybell_sandbox.twilio.network import NETWORK
from tests.contract import recorded
from tests.contract.twilio_description import FOLDER, FORM, answer_problems, operation, request_problems

ACCOUNT = "AC" + "0" * 32
OURS = "+14155550100"
PHONE = "+14155552671"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="Twilio's description does not lie beside the clone (shared/contract/twilio)"
)


@dataclass
class Asker:
    """Asks as anybody may, and holds every answer against the description."""

    box: RunningSandbox
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, form: Any = None) -> Any:
        auth = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "sandbox-token")}
        url = f"{self.box.twilio_api_base}{path}"
        async with self.session.request(method, url, data=form, headers=auth) as answer:
            body = await answer.json() if answer.status != 204 else None
            assert answer.status < 300, body
            assert answer_problems(method, path.partition("?")[0], answer.status, body) == []
            return body

    async def quiet(self) -> None:
        async with asyncio.timeout(20):
            await self.box.app[NETWORK].until_quiet()


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.01)) as box, aiohttp.ClientSession() as session:
        yield Asker(box, session)


BASE = f"/2010-04-01/Accounts/{ACCOUNT}"


@pytest.mark.parametrize(
    "form",
    [
        {"From": OURS, "Body": "x" * 200},
        {"MessagingServiceSid": "MG" + "a" * 32, "Body": "naïve €"},
        {"From": OURS, "MediaUrl": "https://example.com/a.png"},
        {"From": OURS, "Body": "x", "To": "+14155550105"},
        {"From": OURS, "Body": "x", "To": "+14155550108"},
        {"From": f"whatsapp:{OURS}", "To": f"whatsapp:{PHONE}", "ContentSid": "HX" + "1" * 32},
    ],
)
async def test_a_message_at_every_age_is_one_of_twilios(asker: Asker, form: dict[str, str]) -> None:
    made = await asker.ask("POST", f"{BASE}/Messages.json", {"To": PHONE, **form})
    await asker.ask("GET", f"{BASE}/Messages/{made['sid']}.json")
    await asker.quiet()
    await asker.ask("GET", f"{BASE}/Messages/{made['sid']}.json")
    await asker.ask("GET", f"{BASE}/Messages.json?PageSize=1")
    await asker.ask("POST", f"{BASE}/Messages/{made['sid']}.json", {"Body": ""})
    await asker.ask("DELETE", f"{BASE}/Messages/{made['sid']}.json")


async def test_replies_and_what_answers_them_are_messages_of_twilios(asker: Asker) -> None:
    await replies.receive(asker.box.app[NETWORK], PHONE, OURS, "HELP")
    await asker.quiet()
    listed = await asker.ask("GET", f"{BASE}/Messages.json")
    assert sorted(message["direction"] for message in listed["messages"]) == ["inbound", "outbound-reply"]


@pytest.mark.parametrize("to", ["+14155550121", "+14155550123", "+14155550124"])
async def test_a_call_at_every_age_is_one_of_twilios(asker: Asker, to: str) -> None:
    form = {"To": to, "From": OURS, "Twiml": "<Response><Say>x</Say></Response>", "MachineDetection": "Enable"}
    made = await asker.ask("POST", f"{BASE}/Calls.json", form)
    call = asker.box.app[NETWORK].calls[made["sid"]]
    with asker.box.sandbox.watching() as changed:
        while call.ended is None:
            await asker.ask("GET", f"{BASE}/Calls/{made['sid']}.json")
            await changed.wait()
            changed.clear()
    await asker.ask("GET", f"{BASE}/Calls.json")
    await asker.ask("DELETE", f"{BASE}/Calls/{made['sid']}.json")


async def test_the_account_and_a_look_up_are_twilios(asker: Asker) -> None:
    await asker.ask("GET", f"{BASE}.json")
    for number in (PHONE, "+141555526711"):
        for fields in ("", "?Fields=line_type_intelligence"):
            await asker.ask("GET", f"/v2/PhoneNumbers/{number}{fields}")


def test_the_sandbox_knows_the_parameters_that_twilio_describes() -> None:
    for path, known, documented_elsewhere in (
        ("Messages", message_request.KNOWN, {"MessageIntent"}),
        ("Calls", call_request.KNOWN, set()),
    ):
        found = operation("POST", f"{BASE}/{path}.json")
        assert found is not None
        described = set(found.said["requestBody"]["content"][FORM]["schema"]["properties"])
        assert known - documented_elsewhere == described


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"form": [["From", OURS], ["Body", "x"]]}, "'To' is a required property"),
        ({"form": [["To", "me"], ["Tag", "x"]]}, "'Tag' was unexpected"),
        ({"form": [["To", PHONE], ["To", PHONE]]}, "twice"),
        ({"form": [["To", PHONE], ["ValidityPeriod", "soon"]]}, "'soon' is not of type 'integer'"),
        ({"form": [["To", PHONE], ["MessagingServiceSid", "MG1"]]}, "MG1"),
        ({"form": [["To", PHONE], ["RiskCheck", "maybe"]]}, "'maybe' is not one of"),
        ({"form": [["To", "+0"]]}, "is not a 'phone-number'"),
        ({"form": [["To", PHONE], ["StatusCallback", "x"]]}, "is not a 'uri'"),
        ({"form": [["To", PHONE]], "content_type": "multipart/form-data"}, "multipart/form-data"),
        ({"path": f"{BASE}/Faxes.json"}, "Twilio has no POST"),
        ({"path": "/2010-04-01/Accounts/AC1/Messages.json", "form": [["To", PHONE]]}, "AC1"),
        ({"form": [["To", PHONE]], "query": [["Idempotent", "1"]]}, "the query has no Idempotent"),
        ({"method": "GET", "form": [], "query": [["PageSize", "5000"]]}, "greater than the maximum"),
    ],
)
def test_a_request_that_is_none_of_twilios_is_found_out(entry: dict[str, Any], problem: str) -> None:
    plain = {"method": "POST", "path": f"{BASE}/Messages.json", "query": [], "content_type": FORM, "form": []}
    assert any(problem in one for one in request_problems({**plain, **entry})), request_problems({**plain, **entry})


def test_an_answer_that_is_none_of_twilios_is_found_out() -> None:
    problems = answer_problems(
        "POST", f"{BASE}/Messages.json", 201, {"sid": "SM1", "date_created": "today", "colour": "red"}
    )
    for part in ("'SM1'", "'today'", "'colour' was unexpected", "answer has no uri"):
        assert any(part in problem for problem in problems), part
    assert answer_problems("POST", f"{BASE}/Messages.json", 200, {})


async def ask_as_notify_does(box: RunningSandbox) -> None:
    """Once everything that notify-service's client can ask."""
    transport = TwilioTransport(box.twilio_api_base)
    try:
        client = TwilioClient(Credentials(ACCOUNT, ACCOUNT, "sandbox-token"), transport)
        callback = f"{box.url}/nowhere#rc=0"
        for sender in (From(number=OURS), From(messaging_service_sid="MG" + "a" * 32)):
            await client.create_message(
                to=PHONE, sender=sender, body="x", status_callback=callback, validity_seconds=600
            )
        content = Content("HX" + "a" * 32, {"1": "Acme", "2": "7F3K2"})
        await client.create_message(
            to=f"whatsapp:{PHONE}",
            sender=From(number=f"whatsapp:{OURS}"),
            body=content,
            status_callback=callback,
            validity_seconds=600,
        )
        for says in (Inline("<Response/>"), Asked(f"{box.url}/nowhere#rc=0")):
            await client.create_call(
                to=PHONE, sender=From(number=OURS), says=says, status_callback=callback, ring_seconds=30
            )
    finally:
        await transport.close()


@pytest.mark.after_all
async def test_everything_asked_of_twilio_in_the_whole_run_is_as_twilio_describes_it() -> None:
    """Whatever test caused it. What tests of the sandbox itself ask wrongly on purpose is not recorded."""
    before = len(recorded.kept())
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.01)) as box:
        await ask_as_notify_does(box)
    requests = recorded.kept()
    assert [r["path"].rpartition("/")[2] for r in requests[before:]] == [
        *["Messages.json"] * 3,
        *["Calls.json"] * 2,
    ]
    problems = {problem: request for request in requests for problem in request_problems(request)}
    assert problems == {}, f"{len(problems)} problems in {len(requests)} requests"
