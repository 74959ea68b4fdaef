"""API versions of Stripe: a date and, since 2024-09-30, a name. Order is the order of the dates.

Source: docs.stripe.com/api/versioning and the changelog of each version.
"""

from __future__ import annotations

import re
from typing import Final

ACACIA: Final = "2025-02-24.acacia"
"""The last version with the old shape of invoices, charges and subscriptions."""
BASIL: Final = "2025-03-31.basil"
CLOVER: Final = "2025-09-30.clover"
DAHLIA: Final = "2026-03-25.dahlia"
NEWEST: Final = "2026-10-28.endive"

_EVENTS_SINCE: Final = {"invoice_payment.paid": "2025-05-28.basil", "invoice.overpaid": BASIL}

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_FIRST = "2024-09-30"  # older versions differ in more ways than the sandbox models
_NAMES = frozenset({"acacia", "basil", "clover", "dahlia", "endive"})


def is_known(version: str) -> bool:
    """Whether the sandbox can render this version."""
    if not _FORM.fullmatch(version):
        return False
    day, _, name = version.partition(".")
    return _FIRST <= day <= NEWEST.partition(".")[0] and name in _NAMES


def is_before(version: str, other: str) -> bool:
    return version[:10] < other[:10]


def has_event(version: str, event_type: str) -> bool:
    """Whether an endpoint of this version can be sent events of this type."""
    since = _EVENTS_SINCE.get(event_type)
    return since is None or not is_before(version, since)
