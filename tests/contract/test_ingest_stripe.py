"""Every field that ingest reads of Stripe's objects is one that Stripe has, and every event it handles exists."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest_service.folding import parse
from ingest_service.inbox.lanes import HANDLED

FOLDER = Path(__file__).parents[3] / "shared/contract/stripe"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="Stripe's examples do not lie beside the clone (shared/contract/stripe)"
)

READERS = {
    "invoice": parse.invoice, "payment_intent": parse.payment, "charge": parse.charge, "refund": parse.refund,
    "customer": parse.customer, "checkout.session": parse.session, "subscription": parse.subscription, "payment_method": parse.method,
}  # fmt: skip

ONLY_BEFORE_BASIL = {
    "invoice": {"payment_intent", "subscription", "subscription_details", "lines.data[].price", "lines.data[].price.product",
                "lines.data[].price.recurring.interval", "lines.data[].plan.product", "lines.data[].plan.interval"},
    "payment_intent": {"invoice"},
    "charge": {"invoice"},
    "subscription": {"current_period_start", "current_period_end"},
}  # fmt: skip
"""What 2025-03-31.basil took away (docs.stripe.com/changelog/basil)."""

ONLY_SINCE_ENDIVE = {"refund": {"customer"}}
"""What 2026-10-28.endive added, after the examples were made."""

ONLY_WHERE_IT_IS = {
    "payment_intent": {"last_payment_error"},
    "customer": {"deleted"},
    "charge": {"presentment_details"},
    "refund": {"presentment_details", "failure_reason"},
    "invoice": {"lines.data[].pricing.price_details"},
}
"""What the examples leave out or null, and the SDK's types know; what lies below is known to them as well."""


class Asked(Mapping[str, Any]):
    """An object that notes every path it is asked for; whatever is asked, there is more below."""

    def __init__(self, path: str, found: set[str], known: Any) -> None:
        """``known`` is Stripe's own example, or what is left of it down here."""
        self._path, self._found, self._known = path, found, known

    def _below(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def get(self, key: str, default: Any = None) -> Any:
        """Notes the path; gives the example's own value, or something to read on in."""
        del default
        below = self._below(key)
        self._found.add(below)
        value = self._known.get(key) if isinstance(self._known, Mapping) else None
        if isinstance(value, list) or key == "data":
            first = value[0] if value else {}
            return [Asked(f"{below}[]", self._found, first)]
        if isinstance(value, (str, int, bool)) and key != "id":
            return value
        return "id_1" if key == "id" else Asked(below, self._found, value)

    def __getitem__(self, key: str) -> Any:
        """As ``get``."""
        return self.get(key)

    def __contains__(self, key: object) -> bool:
        """Everything is there."""
        return True

    def __iter__(self) -> Iterator[str]:
        """Nothing can be counted."""
        return iter(())

    def __len__(self) -> int:
        """Nothing can be counted."""
        return 0


def asked_of(kind: str, example: Mapping[str, Any]) -> set[str]:
    """Every path that the reader of this kind asks for."""
    found: set[str] = set()
    READERS[kind](Asked("", found, example))
    return found


def exists(path: str, example: Any) -> bool:
    """Whether the example has this path; below what is null or empty nothing can be said."""
    for part in path.split("."):
        name, many = part.removesuffix("[]"), part.endswith("[]")
        if example is None or example == {}:
            return True
        if not isinstance(example, Mapping) or name not in example:
            return False
        example = example[name]
        if many:
            example = example[0] if isinstance(example, list) and example else None
    return True


@pytest.mark.parametrize("kind", READERS)
def test_every_field_that_is_read_is_stripes(kind: str) -> None:
    examples = json.loads((FOLDER / "fixtures3.json").read_text())["resources"]
    example = examples[kind]
    allowed = (
        ONLY_BEFORE_BASIL.get(kind, set()) | ONLY_SINCE_ENDIVE.get(kind, set()) | ONLY_WHERE_IT_IS.get(kind, set())
    )
    invented = {
        path
        for path in asked_of(kind, example)
        if not exists(path, example) and not any(path == one or path.startswith(f"{one}.") for one in allowed)
    }
    assert invented == set()


def test_every_event_type_that_is_handled_exists() -> None:
    known = set(json.loads((FOLDER / "event-types.json").read_text())["enabled_events"])
    assert known >= HANDLED
