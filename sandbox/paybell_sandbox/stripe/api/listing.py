"""Lists: newest first, in pages of up to 100, with cursors (docs.stripe.com/api/pagination)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from paybell_sandbox.stripe.api.errors import ApiError, missing
from paybell_sandbox.stripe.world import Obj

PAGING: Final = frozenset({"limit", "starting_after", "ending_before", "expand"})


def page(items: Sequence[Obj], params: Mapping[str, Any], *, url: str, kind: str) -> Obj:
    """One page of `items`, which are in order. ApiError for a bad limit or a cursor that is not in the list."""
    limit = params.get("limit", 10)
    if limit < 1:
        raise ApiError(400, f"This value must be greater than or equal to 1. (limit: {limit})", param="limit")
    if limit > 100:
        raise ApiError(400, "This value must be less than or equal to 100.", param="limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after is not None and before is not None:
        raise ApiError(400, "You may specify only one of these parameters: ending_before, starting_after.")
    if before is not None:
        end = _position(items, before, kind, "ending_before")
        start = max(0, end - limit)
        more = start > 0
        shown = items[start:end]
    else:
        start = 0 if after is None else _position(items, after, kind, "starting_after") + 1
        shown = items[start : start + limit]
        more = len(items) > start + limit
    return {"object": "list", "data": list(shown), "has_more": more, "url": url}


def _position(items: Sequence[Obj], identity: str, kind: str, param: str) -> int:
    for n, item in enumerate(items):
        if item["id"] == identity:
            return n
    raise missing(kind, identity, param, 400)


def in_range(value: int | None, wanted: Any) -> bool:
    """`created=5` or `created[gte]=5`, with gt, gte, lt and lte."""
    if value is None:
        return False
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    tests: dict[str, Callable[[int], bool]] = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
    }
    return all(tests[name](bound) for name, bound in wanted.items())
