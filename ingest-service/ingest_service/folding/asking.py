"""Asks Stripe what no event has told yet, and keeps the answer: which invoice a payment belongs to, why a bill was not
paid, a charge, a customer, a product.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from ingest_service.folding import parse
from ingest_service.folding.contact import Contact
from ingest_service.folding.declines import decline_fact
from ingest_service.folding.effects import Alias, joined
from ingest_service.folding.keeping import Keeping
from ingest_service.folding.resolving import Dropped, LookUp, Pending
from ingest_service.folding.tellers import suspicions
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

    async def ask(self, question: LookUp, waiting: Pending) -> Pending | Dropped | str:
        """Asks, and keeps the answer in what is known or in the fact itself, which it may end; why not, where Stripe could not be asked."""
        match question.what:
            case "invoice_of_payment":
                failed = await self._invoice_of(question.identity)
            case "charge":
                failed = await self._charge(question.identity)
            case "decline":
                failed = await self._decline(question.identity, question.at)
            case "customer":
                failed = await self._customer(question.identity)
            case "earlier_payment":
                failed = await self._earlier_payment(question.identity, waiting)
            case "checkout":
                failed = await self._checkout(question.identity)
            case "price":
                failed = await self._price(question.identity)
            case "items":
                return await self._items(question.identity, waiting)
            case "suspect":
                return await self._suspect(question.identity, waiting)
            case "product":
                failed = await self._product(question.identity)
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
        await self.keeping.aliases(joined(payment_intent, invoice))
        return None

    async def _decline(self, invoice: str, at: int) -> str | None:
        """Why the try of a bill that happened then failed. What it is paid with is learnt besides: its other events need not ask."""
        params = {"invoice": invoice, "limit": 10, "expand": ["data.payment.payment_intent"]}
        answer = await self.reads.get(self.account_id, "/v1/invoice_payments", params)
        if isinstance(answer, AskLater):
            return answer.reason
        listed = answer.body.get("data") if isinstance(answer, Found) else None
        payments = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        names = [name for one in payments if (name := parse.text(one, "payment", "payment_intent"))]
        told = {"decline": decline_fact(*why(payments), at)}
        now = self.now()
        await self.keeping.subject(
            invoice, "invoice", lambda bill: bill.told(status="", customer_id="", at=now, facts=told)
        )
        await self.keeping.aliases([alias for name in names for alias in joined(name, invoice)])
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
        now = self.now()
        await self.keeping.subject(
            identity,
            "charge",
            lambda known: known.told(status=status, customer_id=customer_id, at=now, facts=facts, contact=contact),
        )
        return None

    async def _product(self, identity: str) -> str | None:
        answer = await self.reads.get(self.account_id, f"/v1/products/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        name = parse.text(answer.body, "name") if isinstance(answer, Found) else ""
        now = self.now()
        await self.keeping.subject(
            identity,
            "product",
            lambda known: known.told(status="known", customer_id="", at=now, facts={"name": name[:200]}),
        )
        return None

    async def _customer(self, identity: str) -> str | None:
        answer = await self.reads.get(self.account_id, f"/v1/customers/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        gone = parse.Customer(identity, deleted=True, name="", phones=(), languages=(), place={})
        await self.keeping.customer(gone if isinstance(answer, Gone) else parse.customer(answer.body), self.now())
        return None

    async def _suspect(self, identity: str, waiting: Pending) -> Pending | Dropped | str:
        """A fact of suspicion with what its charge tells: one read, which brings a customer nobody told of along."""
        of_payment = identity.startswith("pi_")
        expand = ["latest_charge.customer"] if of_payment else ["customer", "payment_intent"]
        path = f"/v1/{'payment_intents' if of_payment else 'charges'}/{identity}"
        answer = await self.reads.get(self.account_id, path, {"expand": expand})
        if isinstance(answer, AskLater):
            return answer.reason
        if isinstance(answer, Gone):
            return Dropped("at Stripe the payment no longer exists")
        charge = answer.body.get("latest_charge") if of_payment else answer.body
        suspect = parse.suspect_of_payment(answer.body) if of_payment else parse.suspect(answer.body)
        told = suspicions.told_by_charge(waiting.draft, suspect)
        if isinstance(told, str):
            return Dropped(told)
        customer = charge.get("customer") if isinstance(charge, Mapping) else None
        if isinstance(customer, Mapping):
            await self.keeping.customer(parse.customer(customer), self.now())
        return replace(waiting, draft=told)

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
        await self.keeping.aliases([Alias(customer_id, "earlier_payment", earlier)])
        return None

    async def _items(self, session: str, waiting: Pending) -> Pending | str:
        answer = await self.reads.get(
            self.account_id, f"/v1/checkout/sessions/{session}/line_items", {"limit": MOST_ITEMS}
        )
        if isinstance(answer, AskLater):
            return answer.reason
        bought = parse.bought(answer.body if isinstance(answer, Found) else {})
        return replace(waiting, draft=replace(waiting.draft, attributes={**waiting.draft.attributes, **bought}))

    async def _checkout(self, payment_intent: str) -> str | None:
        """In which checkout a purchase was tried."""
        params = {"payment_intent": payment_intent, "limit": 1}
        answer = await self.reads.get(self.account_id, "/v1/checkout/sessions", params)
        if isinstance(answer, AskLater):
            return answer.reason
        listed = answer.body.get("data") if isinstance(answer, Found) else []
        session = parse.text(listed[0], "id") if isinstance(listed, list) and listed else ""
        await self.keeping.aliases([Alias(payment_intent, "checkout", session)])
        return None

    async def _price(self, identity: str) -> str | None:
        """How often a price is billed: it never changes, and many subscriptions share it, so no lock may lie on it."""
        answer = await self.reads.get(self.account_id, f"/v1/prices/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        await self.keeping.aliases(
            [Alias(identity, "every", parse.every(answer.body) if isinstance(answer, Found) else "")]
        )
        return None


def why(payments: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Decline and failure code of a bill's payments, as Stripe expands them; the payment by default goes before others."""
    ranked = sorted(payments, key=lambda one: (one.get("is_default") is not True, one.get("status") == "canceled"))
    for one in ranked:
        details = one.get("payment")
        intent = details.get("payment_intent") if isinstance(details, Mapping) else None
        if not isinstance(intent, Mapping) or not parse.text(intent, "id"):
            continue
        payment = parse.payment(intent)
        if payment.status == "requires_action":
            return payment.decline_code, "authentication_required"
        if not payment.failure_code and payment.status == "requires_payment_method":
            return "", "missing"  # nothing was tried: there is nothing on file to pay with
        return payment.decline_code, payment.failure_code
    return "", ""
