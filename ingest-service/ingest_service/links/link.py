"""What a payment link is, which messages get one, and how it stands. Pure.

A token is 128 bits, derived with a secret key from the step it is made for: nobody can guess one, and a step that is frozen again
(another round, another replica, after a crash) has the same one. Only its hash is stored. A link is good for a week.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from ingest_service.settings import can_open
from ingest_service.submitting.preparing import DueStep
from ingest_service.submitting.values import TEMPLATE_VALUES

GOOD_FOR: Final = timedelta(days=7)
TOKEN_BYTES: Final = 16
TOKEN_LENGTH: Final = 22
"""Characters of a token: 16 bytes in URL-safe base64 without padding."""

Json = Mapping[str, Any]


class Standing(StrEnum):
    """How a link stands."""

    PAYABLE = "payable"
    PAID = "paid"
    UNDER_WAY = "under_way"  # a bank transfer or the like that takes days
    OVER = "over"  # voided, written off, or its subscription ended: nothing is to be paid
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link as it is made for a step. `shown` is what its page says of the payment."""

    url: str
    token_hash: bytes
    plan_id: UUID
    number: int
    concern: str
    subject_id: str
    customer_id: str
    made_at: datetime
    expires_at: datetime
    shown: Json


@dataclass(frozen=True, slots=True)
class Link:
    """A link that somebody opened, with how its matter stands by our own record."""

    account_id: str
    token_hash: bytes
    concern: str
    subject_id: str
    customer_id: str
    expires_at: datetime
    settled: bool
    status: str  # of the bill, payment, subscription or card, "" where it is not known
    shown: Json

    @property
    def adds_card(self) -> bool:
        """Whether it leads to adding a card, not to paying."""
        return adds_card(self.concern)


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes links below a public address."""

    public_url: str
    key: bytes

    def make(self, step: DueStep, now: datetime) -> NewLink | None:
        """The link of a step that asks for one; None where its message has no use for one."""
        blueprint: Json = step.variables["steps"][str(step.number)]
        fact: Json = step.variables["fact"]
        names = blueprint.get("values") or TEMPLATE_VALUES.get(str(blueprint["template"]), ())
        customer = str(fact["customer_id"] or "")
        subject, concern = _payable(step, fact)
        can_pay = subject.startswith("in_") or bool(customer)
        if "link" not in names or "member" in blueprint or not concern or not can_pay:
            return None
        token = token_of(self.key, step.account_id, step.request_id)
        return NewLink(
            url=f"{self.public_url}/l/{token}",
            token_hash=hash_of(token),
            plan_id=step.plan_id,
            number=step.number,
            concern=concern,
            subject_id=subject,
            customer_id=customer,
            made_at=now,
            expires_at=now + GOOD_FOR,
            shown=_shown(fact),
        )


def _payable(step: DueStep, fact: Json) -> tuple[str, str]:
    """What a message lets one pay or add a card for, and the matter that this ends; no matter where there is neither."""
    pays = str(fact["attributes"].get("pays") or "")  # a blocked payment that shall be tried again
    if pays:
        return pays, f"{'invoice' if pays.startswith('in_') else 'payment'}:{pays}/unpaid"
    of_use = step.concern.endswith("/unpaid") or adds_card(step.concern)
    return step.subject_id, step.concern if of_use else ""


def adds_card(concern: str) -> bool:
    """Whether what a link is for is a card to add, before a renewal, a trial's end or its own: nothing is to be paid yet."""
    return concern.startswith(("subscription:", "card:"))


def link_maker(public_url: str, data_key: bytes) -> LinkMaker | None:
    """The maker of links below this address; None where there is no address that a customer could open."""
    return LinkMaker(public_url, hmac.digest(data_key, b"payment link", "sha256")) if can_open(public_url) else None


def token_of(key: bytes, account_id: str, request_id: str) -> str:
    """The token of a step."""
    digest = hmac.digest(key, f"{account_id}\0{request_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """As a token is stored and looked for. It is random, so a plain hash of it tells nothing."""
    return hashlib.sha256(token.encode()).digest()


def standing(link: Link, now: datetime) -> Standing:
    """How a link stands by our own record, which a look at Stripe may overtake."""
    if now >= link.expires_at:
        return Standing.EXPIRED
    told = standing_of(link.status)
    if told != Standing.PAYABLE:
        return told
    return Standing.OVER if link.settled else Standing.PAYABLE


def standing_of(status: str) -> Standing:
    """What the status of an invoice, a payment or a charge means to who pays it."""
    match status:
        case "paid" | "succeeded" | "requires_capture":
            return Standing.PAID
        case "processing":
            return Standing.UNDER_WAY
        case "void" | "uncollectible" | "canceled":
            return Standing.OVER
        case _:
            return Standing.PAYABLE


def _shown(fact: Json) -> Json:
    attributes: Json = fact["attributes"]
    named = [one["name"] for one in attributes.get("items") or () if isinstance(one, Mapping) and one.get("name")]
    names = named or [name for name in attributes.get("product_names") or () if isinstance(name, str)]
    return {
        "amount": fact["amount"],
        "exponent": fact["exponent"],
        "currency": fact["currency"],
        "what": ", ".join(names[:3]) or str(attributes.get("description") or ""),
        "reference": str(attributes.get("invoice_number") or ""),
        "brand": str(attributes.get("brand") or ""),
    }
