"""Calls that make or change what is kept: customers, Radar's lists, sessions."""

from __future__ import annotations

from typing import Any, Final

from paybell_sandbox.stripe import farewell, paying
from paybell_sandbox.stripe.api.call import Call
from paybell_sandbox.stripe.api.errors import ApiError, not_modelled
from paybell_sandbox.stripe.api.taken import metadata, only
from paybell_sandbox.stripe.objects.customers import customer_object
from paybell_sandbox.stripe.objects.risk import value_list_item_object
from paybell_sandbox.stripe.objects.sessions import checkout_item, checkout_session_object, portal_session_object
from paybell_sandbox.stripe.people import Person
from paybell_sandbox.stripe.world import Obj

_PLAIN: Final = ("name", "email", "phone", "description", "preferred_locales")
_NOBODY: Final = Person(
    key="",
    name="",
    email="",
    phone=None,
    locales=(),
    line="",
    city="",
    state=None,
    postal_code="",
    country="",
    currency="",
)
_ADDRESS: Final = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def _changes(call: Call, customer: Obj) -> dict[str, Any]:
    """An empty text takes a field away."""
    only(call, *_PLAIN, "metadata", "address", "shipping")
    changed: dict[str, Any] = {name: call.params[name] or None for name in _PLAIN if name in call.params}
    if "preferred_locales" in call.params:
        changed["preferred_locales"] = list(call.params["preferred_locales"] or [])
    if "metadata" in call.params:
        changed["metadata"] = metadata(call, customer)
    if "address" in call.params:
        changed["address"] = {**_ADDRESS, **call.params["address"]} if call.params["address"] else None
    if "shipping" in call.params:
        given = call.params["shipping"]
        changed["shipping"] = {"phone": None, **given, "address": {**_ADDRESS, **given["address"]}} if given else None
    return changed


def create_customer(call: Call) -> Obj:
    customer = customer_object(call.world, _NOBODY, created=call.world.now())
    customer.update(name=None, email=None, address=None, currency=None)
    customer.update(_changes(call, customer))
    call.world.add(customer)
    call.world.emit("customer.created", customer)
    return customer


def _living(call: Call) -> Obj:
    customer = call.subject("customer")
    if customer.get("deleted"):
        raise ApiError(404, f"No such customer: '{customer['id']}'", code="resource_missing", param="id")
    return customer


def update_customer(call: Call) -> Obj:
    customer = _living(call)
    changed = _changes(call, customer)
    if any(customer[name] != value for name, value in changed.items()):
        call.world.change(customer, "customer.updated", **changed)
    return customer


def remove_customer(call: Call) -> Obj:
    only(call)
    customer = _living(call)
    farewell.delete_customer(call.world, customer)
    return customer


def create_value_list_item(call: Call) -> Obj:
    only(call, "value_list", "value")
    value_list = call.named("radar.value_list", call.params["value_list"], param="value_list")
    value = call.params["value"]
    for item in call.world.kinds.get("radar.value_list_item", []):
        if (item["value_list"], item["value"]) == (value_list["id"], value):
            raise ApiError(400, f"The value {value} is already in this list.", param="value")
    return call.world.add(value_list_item_object(call.world, value_list["id"], value))


def delete_value_list_item(call: Call) -> Obj:
    only(call)
    item = call.subject("radar.value_list_item")
    call.world.remove(item)
    return {**item, "deleted": True}


def create_portal_session(call: Call) -> Obj:
    only(call, "customer", "return_url", "locale", "flow_data", "after_expiration")
    customer = call.named("customer", call.params.get("customer", ""), param="customer")
    flow = call.params.get("flow_data")
    if flow is not None:
        after = flow.get("after_completion") or {"type": "portal_homepage"}
        kinds = ("subscription_cancel", "subscription_update", "subscription_update_confirm")
        completion = {"hosted_confirmation": None, "redirect": None, **after}
        flow = {"type": flow["type"], "after_completion": completion, **{one: flow.get(one) for one in kinds}}
    session = portal_session_object(
        call.world,
        customer=customer["id"],
        return_url=call.params.get("return_url"),
        locale=call.params.get("locale"),
        flow=flow,
        after_expiration=call.params.get("after_expiration"),
    )
    call.world.emit("billing_portal.session.created", call.world.add(session))
    return session


def create_checkout_session(call: Call) -> Obj:
    only(
        call, "mode", "customer", "line_items", "success_url", "cancel_url", "locale", "metadata", "client_reference_id"
    )
    if call.params.get("mode", "payment") != "payment":
        raise not_modelled("sessions of another mode than payment")
    world = call.world
    identity = call.params.get("customer")
    customer = None if identity is None else call.named("customer", identity, param="customer")
    items = []
    for n, item in enumerate(call.params.get("line_items", [])):
        if "price" not in item:
            raise not_modelled("line items without the parameter price")
        price = call.named("price", item["price"], param=f"line_items[{n}][price]")
        items.append(checkout_item(world, price, item.get("quantity", 1)))
    if not items:
        raise ApiError(400, "Missing required param: line_items.", code="parameter_missing", param="line_items")
    session = checkout_session_object(
        world,
        mode="payment",
        items=items,
        customer=customer,
        contact={key: customer[key] for key in ("name", "email", "phone", "address")} if customer else None,
        locale=call.params.get("locale"),
        payment_intent=None,  # made when the buyer pays
        success_url=call.params.get("success_url", ""),
        cancel_url=call.params.get("cancel_url", ""),
        metadata=metadata(call),
    )
    session["client_reference_id"] = call.params.get("client_reference_id")
    return world.add(session)


def expire_checkout_session(call: Call) -> Obj:
    only(call)
    session = call.subject("checkout.session")
    if session["status"] != "open":
        raise ApiError(400, f"Only an open Checkout Session can be expired; this one is {session['status']}.")
    paying.expire_checkout(call.world, session)
    return session
