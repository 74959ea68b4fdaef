"""What a later message speaks of, as it stands when it goes: the bill as Stripe was just read, the person as their record says now. Pure.

A plan keeps its newest fact. Days later the bill may have been paid in part, Stripe may try on another day, and the customer may have
another number or language: who has replaced a number is not written to at the old one.
"""

from collections.abc import Mapping
from typing import Any, Final

from ingest_service.folding.details import NOT_GIVEN, RANKED_SOURCES
from ingest_service.folding.mirror import Mirror
from ingest_service.submitting.truth import Bill

Json = Mapping[str, Any]

OF_THE_RECORD: Final = "customer."
"""Numbers from the customer's record begin so; the others came with the payment itself."""


def refreshed(fact: Json, bill: Bill | None, mirror: Mirror | None) -> Json:
    """The fact with what is known by now. What only its own events knew stays."""
    told = dict(fact)
    attributes = dict(fact["attributes"])
    if bill is not None:
        attributes.pop("next_payment_attempt", None)
        attributes |= {"next_payment_attempt": bill.next_attempt} if bill.next_attempt is not None else {}
        seen_otherwise = "charged_amount" in attributes or str(fact.get("currency") or "").lower() != bill.currency
        if bill.amount > 0 and not seen_otherwise:
            told["amount"] = bill.amount
    told["attributes"] = attributes
    if mirror is not None:
        told["person"] = _person(fact["person"], mirror)
    return told


def _person(person: Json, mirror: Mirror) -> Json:
    place = dict(mirror.place or {})
    return {
        **person,
        "name": mirror.name or person.get("name") or "",
        "languages": list(mirror.languages) or list(person.get("languages") or ()),
        "places": [place] if place else list(person.get("places") or ()),
        "addresses": []
        if mirror.deleted
        else _addresses(person.get("addresses") or (), mirror, place.get("country", "")),
    }


def _addresses(known: Any, mirror: Mirror, country: str) -> list[Json]:
    hints = [hint for one in known for hint in one.get("region_hints") or ()]
    current: list[Json] = [
        {
            "number": phone.number, "source": phone.source, "first_seen_at": phone.first_seen,
            "region_hints": list(dict.fromkeys(hint for hint in (phone.country, country, *hints) if len(hint) == 2)),
            "given_in_transaction": phone.source not in NOT_GIVEN and not phone.replaced, "replaced_another": phone.replaced,
        }
        for phone in mirror.phones
    ]  # fmt: skip
    before: dict[str, Json] = {str(one["number"]): one for one in known}
    # a number that is still theirs keeps what is known of it from every place that it came from
    kept = [before.get(str(one["number"]), one) for one in current]
    theirs = {one["number"] for one in kept}
    kept += [one for one in known if not str(one["source"]).startswith(OF_THE_RECORD) and one["number"] not in theirs]
    return sorted(kept, key=_rank)


def _rank(address: Json) -> int:
    """Best first, as they were."""
    return RANKED_SOURCES.index(address["source"]) if address["source"] in RANKED_SOURCES else len(RANKED_SOURCES)
