"""What a fact holds for rules and templates: its attributes, and the person with every number and where it came from. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

from ingest_service.folding.declines import kind_of
from ingest_service.folding.effects import Draft
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.money import exponent

RANKED_SOURCES: Final = (
    "customer.metadata.notify_phone", "customer.phone", "invoice.customer_phone", "checkout.customer_details.phone",
    "charge.billing_details.phone", "customer.shipping.phone", "invoice.customer_shipping.phone", "charge.shipping.phone",
    "payment_intent.shipping.phone",
)  # fmt: skip
"""Best first. A number for shipping may be somebody else's: it comes last and was not given for this."""

NOT_GIVEN: Final = frozenset(source for source in RANKED_SOURCES if "shipping" in source)


@dataclass(slots=True)
class _Address:
    number: str
    source: str
    first_seen: int
    hints: list[str]
    given: bool
    replaced: bool
    rank: int = field(default=len(RANKED_SOURCES))


def details(draft: Draft, mirror: Mirror | None, now: int, region: str) -> dict[str, Any]:
    """Everything that a rule or a template may ask for.

    Args:
        draft: the fact.
        mirror: its customer; None where there is none, or none that can be read.
        now: Unix seconds of business time.
        region: of the business, the last resort for national numbers.
    """
    place = dict(mirror.place or {}) if mirror else {}
    card_country = str((draft.attributes.get("card") or {}).get("country", ""))
    fallback = [place.get("country", ""), draft.country, card_country, region]
    found: dict[str, _Address] = {}
    for phone in mirror.phones if mirror else ():
        given = phone.source not in NOT_GIVEN and not phone.replaced
        found[phone.source] = _Address(
            phone.number, phone.source, phone.first_seen, [phone.country], given, phone.replaced
        )
    for snapshot in draft.snapshots if mirror is None or not mirror.deleted else ():
        found[snapshot.source] = _Address(
            snapshot.number, snapshot.source, draft.given_at or now, [snapshot.country],
            snapshot.source not in NOT_GIVEN, replaced=False,
        )  # fmt: skip
    ranked = sorted(found.values(), key=lambda one: RANKED_SOURCES.index(one.source))
    merged: dict[str, _Address] = {}
    for one in ranked:  # the same number from several places keeps its best place, and is given if any of them says so
        kept = merged.setdefault(one.number, one)
        kept.given = kept.given or one.given
        kept.first_seen = min(kept.first_seen, one.first_seen)
        kept.replaced = kept.replaced or one.replaced  # to stand in a further place as well makes it no older
    addresses = [
        {
            "number": one.number, "source": one.source, "first_seen_at": one.first_seen,
            "region_hints": list(dict.fromkeys(hint for hint in (*one.hints, *fallback) if len(hint) == 2)),
            "given_in_transaction": one.given, "replaced_another": one.replaced,
        }
        for one in merged.values()
    ]  # fmt: skip
    attributes = dict(draft.attributes)
    if draft.kind == "payment_failed":
        attributes["decline_kind"] = str(kind_of(attributes))
    if draft.presentment:
        attributes |= {
            "charged_amount": draft.amount, "charged_exponent": exponent(draft.currency), "charged_currency": draft.currency,
        }  # fmt: skip
    if mirror and mirror.metadata:
        attributes["customer_metadata"] = dict(mirror.metadata)
    country = place.get("country") or draft.country
    if country:
        attributes["country"] = country
        place = place or {"country": country}
    languages = list(mirror.languages) if mirror and mirror.languages else list(draft.languages)
    return {
        "attributes": attributes,
        "person": {
            "customer_id": draft.customer_id or draft.subject_id, "name": (mirror.name if mirror else "") or draft.name, "languages": languages,
            "time_zones": [], "places": [place] if place else [], "addresses": addresses,
        },
    }  # fmt: skip
