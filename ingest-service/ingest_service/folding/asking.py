"""Asks Stripe what no event has told yet, and keeps the answer: which invoice a payment belongs to, a charge, a customer."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from ingest_service.folding import parse
from ingest_service.folding.contact import Contact
from ingest_service.folding.effects import Alias
from ingest_service.folding.keeping import Keeping
from ingest_service.folding.resolving import LookUp, Pending
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

MOST_ITEMS: Final = 20
"""A text names three of them and counts the rest."""


@dataclass(frozen=True)
class Asking:
    """Asks for one account. `now`: business time."""

    keeping: Keeping
    now: Callable[[], datetime.datetime]
    reads: StripeReads
    account_id: str

    async def ask(self, question: LookUp, waiting: Pending) -> Pending | str:
        """Asks, and keeps the answer in what is known or in the fact itself; why not, where Stripe could not be asked."""
        match question.what:
            case "invoice_of_payment":
                failed = await self._invoice_of(question.identity)
            case "charge":
                failed = await self._charge(question.identity)
            case "customer":
                failed = await self._customer(question.identity)
            case "earlier_payment":
                failed = await self._earlier_payment(question.identity, waiting)
            case "items":
                return await self._items(question.identity, waiting)
            case _:
                assert_never(question.what)
        return waiting if failed is None else failed

    async def _invoice_of(self, payment_intent: str) -> str | None:
        params = {"payment[type]": "payment_intent", "payment[payment_intent]": payment_intent, "limit": 1}
        answer = await self.reads.get(self.account_id, "/v1/invoice_payments", params)
        if isinstance(answer, AskLater):
            return answer.reason
        listed = answer.body.get("data") if isinstance(answer, Found) else []
        invoice = parse.text(listed[0], "invoice") if isinstance(listed, list) and listed else ""
        await self.keeping.alias(Alias(payment_intent, "invoice", invoice))
        return None

    async def _charge(self, identity: str) -> str | None:
        answer = await self.reads.get(self.account_id, f"/v1/charges/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        charge = parse.charge(answer.body) if isinstance(answer, Found) else None
        facts: dict[str, Any] = {"looked_up": True}
        status = customer_id = ""
        contact = None
        if charge is not None:
            facts |= {"payment_intent": charge.payment_intent, "captured": charge.captured}
            status, customer_id = charge.status, charge.customer
            contact = Contact(charge.phones, charge.name, charge.country)
        at = self.now()
        await self.keeping.charge(
            identity,
            lambda known: known.told(status=status, customer_id=customer_id, at=at, facts=facts, contact=contact),
        )
        return None

    async def _customer(self, identity: str) -> str | None:
        answer = await self.reads.get(self.account_id, f"/v1/customers/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        gone = parse.Customer(identity, deleted=True, name="", phones=(), languages=(), place={})
        customer = gone if isinstance(answer, Gone) else parse.customer(answer.body)
        await self.keeping.customer(customer, self.now())
        return None

    async def _earlier_payment(self, customer_id: str, waiting: Pending) -> str | None:
        """Whether the customer had paid before: of all charges until now more than this one succeeded."""
        params = {"customer": customer_id, "created[lte]": int(waiting.occurred_at.timestamp()), "limit": 100}
        answer = await self.reads.get(self.account_id, "/v1/charges", params)
        if isinstance(answer, AskLater):
            return answer.reason
        listed = answer.body.get("data") if isinstance(answer, Found) else []
        charges = [parse.charge(one) for one in listed or () if isinstance(one, Mapping)]
        paid = [one.id for one in charges if one.status == "succeeded" and one.captured]
        earlier = paid[-1] if len(paid) > 1 else ""  # Stripe lists the newest first
        await self.keeping.alias(Alias(customer_id, "earlier_payment", earlier))
        return None

    async def _items(self, session: str, waiting: Pending) -> Pending | str:
        answer = await self.reads.get(
            self.account_id, f"/v1/checkout/sessions/{session}/line_items", {"limit": MOST_ITEMS}
        )
        if isinstance(answer, AskLater):
            return answer.reason
        items = parse.items(answer.body if isinstance(answer, Found) else {})
        return replace(waiting, draft=replace(waiting.draft, attributes={**waiting.draft.attributes, "items": items}))
