"""What changed between two states of an object: the `previous_attributes` of an update event.

Stripe gives the old values of the keys that changed; inside a hash only the keys that changed, lists whole
(docs.stripe.com/api/events/object, `data.previous_attributes`). A key that did not exist before is null.
"""

from __future__ import annotations

from typing import Any


def previous_attributes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    old: dict[str, Any] = {}
    for key, now in after.items():
        was = before.get(key)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            old[key] = previous_attributes(was, now)
        else:
            old[key] = was
    old.update({key: was for key, was in before.items() if key not in after})
    return old
