"""What is looked up before an answer is acted on: the payment as Stripe says it stands, the person's number, a link to pay again."""

from dataclasses import dataclass, replace
from typing import Final

import asyncpg
import orjson

from ingest_service.clock import Clock
from ingest_service.deciding.asking import Question
from ingest_service.deciding.judging import Given
from ingest_service.deciding.trust import RECENT
from ingest_service.folding import parse
from ingest_service.folding.knowledge import customer_place
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.parse import Suspect
from ingest_service.sealing import Sealer, UnsealableError
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

EXPAND: Final = ("payment_intent", "review")


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks for the loop of decisions."""

    pool: asyncpg.Pool
    clock: Clock
    sealer: Sealer
    reads: StripeReads

    async def payment(self, account_id: str, asked: Question) -> Suspect | AskLater | None:
        """The payment of a question as it stands now, in one read; None where it is gone or the question is about none.

        Raises:
            MalformedError: Stripe's answer is no charge.
        """
        if not asked.charge_id:
            return None
        answer = await self.reads.get(account_id, f"/v1/charges/{asked.charge_id}", {"expand": list(EXPAND)})
        match answer:
            case Found(body=body):
                return parse.suspect(body)
            case Gone():
                return None
            case AskLater():
                return answer

    async def with_number(self, account_id: str, asked: Question, given: Given) -> Given:
        """The answer, with whether the person's number was replaced since the payment or lately."""
        if asked.recipient != "customer" or not asked.customer_id:
            return given
        row = await self.pool.fetchrow(_CUSTOMER, account_id, asked.customer_id)
        if row is None or row["ciphertext"] is None:
            return given
        place = customer_place(account_id, asked.customer_id)
        try:
            plain = self.sealer.open(row["data_key_id"], row["ciphertext"], place)
        except UnsealableError:
            return replace(given, number_changed=True)
        mirror = Mirror.from_json(asked.customer_id, row["as_of"], row["deleted"], orjson.loads(plain))
        since = self.clock.now().timestamp() - RECENT.total_seconds()
        if asked.paid_at is not None:
            since = min(since, asked.paid_at)
        return replace(given, number_changed=any(one.replaced and one.first_seen > since for one in mirror.phones))

    async def invoice(self, account_id: str, asked: Question) -> str:
        """The bill that a payment is of, "" where it is of none that we know."""
        found = await self.pool.fetchval(_INVOICE, account_id, asked.payment_intent or asked.charge_id)
        return str(found or "")

    async def again(self, account_id: str, asked: Question) -> dict[str, str]:
        """By what a blocked payment can be tried again, as attributes of the fact that says so: its open bill, with the bill's own
        page where no link of ours can be made, or the payment itself. Nothing where its bill is over.
        """
        invoice = await self.invoice(account_id, asked)
        if not invoice:
            return {"pays": asked.payment_intent} if asked.payment_intent else {}
        answer = await self.reads.get(account_id, f"/v1/invoices/{invoice}")
        if isinstance(answer, AskLater):
            return {"pays": invoice}  # its page looks again
        if isinstance(answer, Gone) or answer.body.get("status") != "open":
            return {}
        return {"pays": invoice, "hosted_invoice_url": parse.text(answer.body, "hosted_invoice_url")}


_CUSTOMER = "SELECT as_of, deleted, data_key_id, ciphertext FROM customer WHERE account_id = $1 AND customer_id = $2"
_INVOICE = "SELECT target_id FROM alias WHERE account_id = $1 AND alias_id = $2 AND target_kind = 'invoice'"
