"""The service whole: a webhook of suspicion, a question at notify, its answer, and the money is back; with its own loops."""

import json
from typing import Any
from uuid import uuid4

import aiohttp

from ingest_service import app
from ingest_service.settings import Settings
from notify.v1.challenge_pb2 import Answer, AnswerStrength
from notify.v1.outcome_pb2 import Outcome, OutcomeKind
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.stripe.signing import signature
from tests.e2e.pair import free_port, until
from tests.integration.ingest.planning.standin import serving_on
from tests.integration.notify.service import key

SECRET = "whsec_sandbox"


async def test_a_suspicion_becomes_a_question_and_its_answer_a_refund(ingest_database_url: str) -> None:
    async with (
        running_sandbox(SandboxSettings(listen="127.0.0.1:0", time_scale=0.05)) as box,
        serving_on() as (standin, notify_port),
        aiohttp.ClientSession() as http,
    ):
        given: dict[str, Any] = {
            "ingest_database_url": ingest_database_url, "ingest_data_keys": key("d1"), "ingest_http_listen": "127.0.0.1:0",
            "ingest_public_url": f"http://127.0.0.1:{free_port()}", "ingest_admin_listen": "127.0.0.1:0",
            "ingest_console_listen": "127.0.0.1:0", "ingest_notify_target": f"127.0.0.1:{notify_port}",
            "stripe_api_key": "sk_test_sandbox", "stripe_webhook_secrets": SECRET, "stripe_api_base": box.stripe_api_base,
            "grpc_insecure": True,
        }  # fmt: skip
        async with app.running(Settings(**given)) as service:

            async def post(events: Any) -> None:
                for event in events:
                    body = json.dumps(event.envelope("2026-10-28.endive", connected=False)).encode()
                    url = f"http://127.0.0.1:{service.http_port}/webhooks/stripe"
                    headers = {"Stripe-Signature": signature(body, SECRET)}
                    async with http.post(url, data=body, headers=headers) as answer:
                        assert answer.status == 200

            stripe = box.app[STRIPE]
            ids, _ = stripe.play("purchase", {})
            _, events = stripe.play("review_opened", {"introduce": True})
            await post(events)

            async def asked() -> bool:
                return any(each.HasField("challenge") for each in standin.received)

            await until(asked, 20)
            [request] = standin.received
            outcome = Outcome(outcome_id=str(uuid4()), account_id="main", kind=OutcomeKind.OUTCOME_KIND_DECIDED)
            outcome.decision.challenge_id = request.challenge.challenge_id
            outcome.decision.answer = Answer.ANSWER_DENIED
            outcome.decision.strength = AnswerStrength.ANSWER_STRENGTH_CODED
            outcome.occurred_at.GetCurrentTime()
            outcome.decision.answered_at.GetCurrentTime()
            standin.feed.append(outcome)

            async def told() -> bool:
                return any(each.template == "fraud_result" for each in standin.received)

            await until(told, 20)
            assert standin.received[-1].variant == "refunded"
            assert [one["operation"] for one in stripe.api.log.found(method="POST")] == [
                "refunds.create", "radar.value_list_items.create"
            ]  # fmt: skip
            async with http.get(
                f"http://127.0.0.1:{service.console_port}/api/story", params={"object": ids["payment_intent"]}
            ) as answer:
                story = await answer.json()
            sentences = [line["sentence"] for line in story["lines"]]
            assert "Stripe did it: refund it as fraud (succeeded)" in sentences
            async with http.get(f"http://127.0.0.1:{service.admin_port}/metrics") as answer:
                metrics = await answer.text()
            assert 'ingest_decisions_total{account_id="main",answer="no",outcome="stopped",strength="coded"}' in metrics
