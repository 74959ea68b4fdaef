"""Retrieving and listing objects, with the filters that Stripe has for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from paybell_sandbox.stripe.api.call import Call, Handler
from paybell_sandbox.stripe.api.errors import ApiError, missing, not_modelled
from paybell_sandbox.stripe.api.listing import PAGING, in_range, page
from paybell_sandbox.stripe.objects.account import account_object
from paybell_sandbox.stripe.world import Event, Obj

Filter = Callable[[Obj, Any], bool]


def _same(name: str) -> Filter:
    return lambda obj, wanted: obj.get(name) == wanted


def _range(name: str) -> Filter:
    return lambda obj, wanted: in_range(obj.get(name), wanted)


def _has_price(obj: Obj, wanted: Any) -> bool:
    return any(item["price"]["id"] == wanted for item in obj["items"]["data"])


def _period_end(obj: Obj, wanted: Any) -> bool:
    """The filter looks at the earliest end among the items."""
    return in_range(min(item["current_period_end"] for item in obj["items"]["data"]), wanted)


def _period_start(obj: Obj, wanted: Any) -> bool:
    return in_range(max(item["current_period_start"] for item in obj["items"]["data"]), wanted)


def _subscription_status(obj: Obj, wanted: Any) -> bool:
    match wanted:
        case "all":
            return True
        case "ended":
            return obj["status"] in ("canceled", "incomplete_expired")
        case _:
            return bool(obj["status"] == wanted)


def _of_subscription(obj: Obj, wanted: Any) -> bool:
    return bool(((obj["parent"] or {}).get("subscription_details") or {}).get("subscription") == wanted)


def _paid_by(obj: Obj, wanted: Any) -> bool:
    return all(obj["payment"].get(name) == value for name, value in wanted.items())


def _one_of(name: str) -> Filter:
    return lambda obj, wanted: obj.get(name) in wanted


CREATED: Final = {"created": _range("created")}
FILTERS: Final[dict[str, dict[str, Filter]]] = {
    "charge": {**CREATED, "customer": _same("customer"), "payment_intent": _same("payment_intent")},
    "checkout.session": {
        **CREATED,
        "customer": _same("customer"),
        "payment_intent": _same("payment_intent"),
        "subscription": _same("subscription"),
        "status": _same("status"),
    },
    "customer": {**CREATED, "email": _same("email")},
    "dispute": {**CREATED, "charge": _same("charge"), "payment_intent": _same("payment_intent")},
    "invoice": {
        **CREATED,
        "customer": _same("customer"),
        "status": _same("status"),
        "subscription": _of_subscription,
        "collection_method": _same("collection_method"),
        "due_date": _range("due_date"),
    },
    "invoice_payment": {
        **CREATED,
        "invoice": _same("invoice"),
        "payment": _paid_by,
        "status": _same("status"),
    },
    "payment_intent": {**CREATED, "customer": _same("customer")},
    "payment_method": {"customer": _same("customer"), "type": _same("type")},
    "price": {
        **CREATED,
        "active": _same("active"),
        "currency": _same("currency"),
        "product": _same("product"),
        "type": _same("type"),
        "lookup_keys": _one_of("lookup_key"),
    },
    "product": {**CREATED, "active": _same("active"), "ids": _one_of("id")},
    "radar.early_fraud_warning": {
        **CREATED,
        "charge": _same("charge"),
        "payment_intent": _same("payment_intent"),
    },
    "radar.value_list": {**CREATED, "alias": _same("alias")},
    "radar.value_list_item": {**CREATED, "value_list": _same("value_list"), "value": _same("value")},
    "refund": {**CREATED, "charge": _same("charge"), "payment_intent": _same("payment_intent")},
    "review": {**CREATED},
    "subscription": {
        **CREATED,
        "customer": _same("customer"),
        "status": _subscription_status,
        "price": _has_price,
        "plan": _has_price,
        "collection_method": _same("collection_method"),
        "current_period_end": _period_end,
        "current_period_start": _period_start,
    },
}


def retrieve(kind: str) -> Handler:
    def handler(call: Call) -> Obj:
        return call.subject(kind)

    return handler


def listed(kind: str, url: str) -> Handler:
    """A list of a kind. A filter that Stripe has and the sandbox does not is refused, never ignored."""
    filters = FILTERS[kind]

    def handler(call: Call) -> Obj:
        wanted = {name: value for name, value in call.params.items() if name not in PAGING}
        for name in wanted:
            if name not in filters:
                raise not_modelled(f"the filter {name} of {url}")
        if kind == "subscription" and "status" not in wanted:
            found = [one for one in call.world.newest(kind) if one["status"] != "canceled"]
        else:
            found = call.world.newest(kind)
        found = [one for one in found if not one.get("deleted")]
        fitting = [one for one in found if all(filters[name](one, value) for name, value in wanted.items())]
        return page(fitting, call.params, url=url, kind=kind)

    return handler


def invoice_lines(call: Call) -> Obj:
    invoice = call.subject("invoice")
    return page(invoice["lines"]["data"], call.params, url=f"/v1/invoices/{invoice['id']}/lines", kind="line_item")


def session_items(call: Call) -> Obj:
    session = call.subject("checkout.session")
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return page(call.world.line_items.get(session["id"], []), call.params, url=url, kind="item")


def customer_cards(call: Call) -> Obj:
    customer = call.subject("customer")
    own = [one for one in call.world.newest("payment_method") if one["customer"] == customer["id"]]
    return page(own, call.params, url=f"/v1/customers/{customer['id']}/payment_methods", kind="payment_method")


EVENTS_KEPT_SECONDS: Final = 30 * 86_400
"""Of business time; afterwards Stripe knows an event no more (docs.stripe.com/api/events)."""


def _is_kept(call: Call, event: Event) -> bool:
    return event.created >= call.world.now() - EVENTS_KEPT_SECONDS


def events(call: Call) -> Obj:
    """Newest first. Their shape is that of the account's version when they happened, not of this call's."""
    params = call.params
    if "type" in params and "types" in params:
        raise ApiError(400, "You may only specify one of these parameters: type, types.")
    types = params.get("types", [])
    if len(types) > 20:
        raise ApiError(400, "Array types exceeded maximum 20 allowed elements.", param="types")
    found = [
        {"id": event.id}
        for event in reversed(call.world.events)
        if _is_kept(call, event)
        and ("created" not in params or in_range(event.created, params["created"]))
        and (not types or event.type in types)
        and ("type" not in params or _type_fits(event.type, params["type"]))
        and ("delivery_success" not in params or call.deliveries.all_arrived(event) is params["delivery_success"])
    ]
    shown = page(found, params, url="/v1/events", kind="event")
    return {**shown, "data": [_event(call, stub["id"]) for stub in shown["data"]]}


def _type_fits(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else kind == wanted


def event(call: Call) -> Obj:
    return _event(call, call.path["id"])


def _event(call: Call, identity: str) -> Obj:
    found = call.deliveries.record(identity, call.world.account, livemode=call.world.livemode)
    if found is None or not _is_kept(call, found.event):
        raise missing("event", identity)
    return found.event.envelope(call.world.default_version, connected=False, pending_webhooks=found.pending)


def account(call: Call) -> Obj:
    return account_object(call.world.account, created=call.world.now() - 3 * 365 * 86_400)


def webhook_endpoints(call: Call) -> Obj:
    found = [one.as_object() for one in call.deliveries.endpoints_of(call.world.account, livemode=call.world.livemode)]
    return page(found, call.params, url="/v1/webhook_endpoints", kind="webhook_endpoint")
