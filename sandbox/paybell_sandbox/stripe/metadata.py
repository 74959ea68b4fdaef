"""What Stripe takes as metadata of an object (docs.stripe.com/api/metadata): up to 50 short texts by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MOST_KEYS: Final = 50
LONGEST_KEY: Final = 40
LONGEST_VALUE: Final = 500


def merged(kept: Mapping[str, str], given: Mapping[str, str] | str) -> dict[str, str]:
    """Keys are added and replaced; an empty value takes one away, an empty text all."""
    if isinstance(given, str):
        return {}
    return {key: value for key, value in {**kept, **given}.items() if value != ""}


def problem(metadata: Mapping[str, str]) -> str | None:
    """Why Stripe would not keep it, in words; None where it would."""
    if len(metadata) > MOST_KEYS:
        return f"Metadata can have up to {MOST_KEYS} keys, and here there would be {len(metadata)}."
    for key, value in metadata.items():
        if len(key) > LONGEST_KEY:
            return f"Metadata keys can have up to {LONGEST_KEY} characters, but {key} has {len(key)}."
        if len(value) > LONGEST_VALUE:
            return f"Metadata values can have up to {LONGEST_VALUE} characters, but that of {key} has {len(value)}."
    return None
