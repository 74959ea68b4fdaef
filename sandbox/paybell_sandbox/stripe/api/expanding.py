"""`expand`: ids replaced by the objects they name, at most four levels deep (docs.stripe.com/api/expanding_objects)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from paybell_sandbox.stripe.api.call import Call
from paybell_sandbox.stripe.api.errors import ApiError
from paybell_sandbox.stripe.world import Obj, World

DEPTH: Final = 4
NOT_KEPT: Final = frozenset({"balance_transaction", "failure_balance_transaction", "source_transfer"})


def _list(url: str, objects: list[Obj]) -> Obj:
    return {"object": "list", "data": objects, "has_more": False, "url": url}


def _payments(world: World, invoice: Obj) -> Obj:
    return _list("/v1/invoice_payments", world.payments_of(invoice["id"]))


def _refunds(world: World, charge: Obj) -> Obj:
    made = [one for one in world.newest("refund") if one["charge"] == charge["id"]]
    return _list(f"/v1/charges/{charge['id']}/refunds", made)


def _line_items(world: World, session: Obj) -> Obj:
    return _list(f"/v1/checkout/sessions/{session['id']}/line_items", world.line_items.get(session["id"], []))


def _subscriptions(world: World, customer: Obj) -> Obj:
    own = [one for one in world.newest("subscription") if one["customer"] == customer["id"]]
    return _list(f"/v1/customers/{customer['id']}/subscriptions", own)


INCLUDED: Final[dict[tuple[str, str], Callable[[World, Obj], Obj]]] = {
    ("invoice", "payments"): _payments,
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("customer", "subscriptions"): _subscriptions,
}
"""Lists that are there only when asked for."""


def expand(call: Call, answer: Obj, paths: list[str]) -> Obj:
    """The answer with these properties expanded, in place. Objects put in are in the call's version too."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEPTH:
            raise ApiError(
                400, f"You cannot expand more than {DEPTH} levels of a property. Property: {path}", param="expand"
            )
        _expand(call, answer, parts, path)
    return answer


def _refusal(part: str, path: str) -> ApiError:
    if part in NOT_KEPT:
        return ApiError(400, f"The sandbox does not keep {part} objects.", code="sandbox_not_modelled", param="expand")
    return ApiError(400, f"This property cannot be expanded ({part}). (expand: {path})", param="expand")


def _expand(call: Call, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for one in node:
            _expand(call, one, parts, path)
        return
    if not isinstance(node, dict) or not parts:
        return
    part, rest = parts[0], parts[1:]
    if part not in node:
        node[part] = _included(call, node, part, path)
    value = node[part]
    if isinstance(value, str):
        found = call.world.find(value)
        if found is None:
            raise _refusal(part, path)
        value = node[part] = call.rendered(found)
    elif not rest and not isinstance(value, (dict, list)) and value is not None:
        raise _refusal(part, path)
    _expand(call, value, rest, path)


def _included(call: Call, node: Obj, part: str, path: str) -> Obj:
    make = INCLUDED.get((str(node.get("object")), part))
    whole = call.world.find(str(node.get("id")))
    if make is None or whole is None:
        raise _refusal(part, path)
    made = make(call.world, whole)
    return {**made, "data": [call.rendered(one) for one in made["data"]]}
