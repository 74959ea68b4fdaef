"""Customers. Pure."""

from dataclasses import dataclass, field

from ingest_service.folding.parse.fields import Json, Snapshot, need_id, phone, table, text


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the mirror keeps them."""

    id: str
    deleted: bool
    name: str
    phones: tuple[Snapshot, ...]
    languages: tuple[str, ...]
    place: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)


def customer(obj: Json) -> Customer:
    """A customer, also one that was deleted.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "address", "country")
    shipping_country = text(obj, "shipping", "address", "country")
    phones = (
        *phone(obj, "customer.metadata.notify_phone", country, "metadata", "notify_phone"),
        *phone(obj, "customer.phone", country or shipping_country, "phone"),
        *phone(obj, "customer.shipping.phone", shipping_country, "shipping", "phone"),
    )
    locales = obj.get("preferred_locales")
    place = {
        "country": country,
        "subdivision": text(obj, "address", "state"),
        "postal_code": text(obj, "address", "postal_code"),
    }
    return Customer(
        id=need_id(obj, "customer"),
        deleted=obj.get("deleted") is True,
        name=text(obj, "name"),
        phones=phones,
        languages=tuple(tag for tag in locales if isinstance(tag, str)) if isinstance(locales, list) else (),
        place={name: value for name, value in place.items() if value},
        metadata=table(obj, "metadata"),
    )
