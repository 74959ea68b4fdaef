"""The pages that Stripe hosts for customers: a bill, a checkout, the portal, a receipt. Short, but they do what they say.

A link in a text on the sandbox's phone leads here, so that what the customer does there can be done.
"""

from __future__ import annotations

from html import escape
from typing import Final

from aiohttp import web

from paybell_sandbox.stripe.objects.amounts import written
from paybell_sandbox.stripe.side import STRIPE
from paybell_sandbox.stripe.stories import StoryError, play
from paybell_sandbox.stripe.world import Obj, World

PATH: Final = "/stripe/hosted"
_FIELDS: Final = {
    "i": ("invoice", "hosted_invoice_url"),
    "c": ("checkout.session", "url"),
    "p": ("billing_portal.session", "url"),
    "r": ("charge", "receipt_url"),
}
_STYLE: Final = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: light-dark(#f4f5f7, #14161a); }
main { box-sizing: border-box; width: min(24rem, 90vw); padding: 2rem; border-radius: 1rem; background: light-dark(#fff, #1e2127);
  box-shadow: 0 1rem 3rem #0002; }
h1 { font-size: 2rem; margin: .2rem 0 1rem; } p { line-height: 1.5; margin: .4rem 0; opacity: .8; }
button { width: 100%; margin-top: 1.2rem; padding: .8rem; border: 0; border-radius: .6rem; font: inherit;
  font-weight: 600; color: #fff; background: #4f46e5; cursor: pointer; }
small { display: block; margin-top: 1.6rem; opacity: .5; }
"""


def setup(app: web.Application) -> None:
    app.router.add_get(PATH + "/{kind}/{token}", _show)
    app.router.add_post(PATH + "/{kind}/{token}", _act)


def _found(request: web.Request) -> tuple[World, Obj] | None:
    """What this address stands on, in whichever account."""
    kind, field = _FIELDS.get(request.match_info["kind"], ("", ""))
    for world in request.app[STRIPE].accounts.worlds():
        for obj in world.kinds.get(kind, []):
            if str(obj[field]).endswith(request.path):
                return world, obj
    return None


async def _show(request: web.Request) -> web.Response:
    found = _found(request)
    if found is None:
        return _page("Not here", ["This link has expired, or never was one."], status=404)
    world, obj = found
    match obj["object"]:
        case "invoice":
            return _invoice(obj)
        case "checkout.session":
            return _checkout(obj)
        case "charge":
            amount = written(obj["amount"], obj["currency"])
            means = obj["payment_method_details"]
            paid_with = means[means["type"]]
            name = paid_with.get("brand") or paid_with["bank_name"]
            return _page(amount, [f"Paid with {name} ending in {paid_with['last4']}."])
        case _:
            return _portal(world, obj)


def _invoice(invoice: Obj) -> web.Response:
    amount = written(invoice["amount_due"], invoice["currency"])
    lines = [str(line["description"]) for line in invoice["lines"]["data"]]
    match invoice["status"]:
        case "open" | "uncollectible":
            return _page(amount, [f"Invoice {invoice['number']}", *lines], "Pay")
        case "paid":
            return _page(amount, [f"Invoice {invoice['number']} is paid. Thank you."])
        case _:
            return _page(amount, [f"Invoice {invoice['number']} was voided. Nothing is to be paid."])


def _checkout(session: Obj) -> web.Response:
    return _page(written(session["amount_total"], session["currency"]), ["To be paid now."], "Pay")


def _portal(world: World, session: Obj) -> web.Response:
    customer = world.need(session["customer"])
    card = world.find(customer["invoice_settings"]["default_payment_method"])
    line = f"Card ending in {card['card']['last4']}" if card else "No card on file"
    return _page(str(customer["name"]), [line], "Put in a new card")


async def _act(request: web.Request) -> web.Response:
    found = _found(request)
    if found is None:
        return await _show(request)
    world, obj = found
    try:
        match obj["object"]:
            case "invoice":
                play(world, "customer_pays", {"invoice": obj["id"]})
            case "checkout.session" if obj["payment_intent"] is None:
                play(world, "checkout_paid", {"checkout_session": obj["id"]})
            case "checkout.session":
                play(world, "buyer_succeeds", {"payment_intent": obj["payment_intent"]})
            case "billing_portal.session":
                play(world, "new_card", {"customer": obj["customer"]})
                after = (obj["flow"] or {}).get("after_completion") or {}
                if after.get("type") == "redirect":
                    return web.Response(status=303, headers={"Location": after["redirect"]["return_url"]})
                return await _show(request)
            case _:
                pass
    except StoryError as error:
        return _page("Not now", [str(error)], status=409)
    return _page("Thank you", ["The payment went through."])


def _page(title: str, lines: list[str], button: str | None = None, *, status: int = 200) -> web.Response:
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<main><p>Studio</p><h1>{escape(title)}</h1>{text}{form}<small>A page of the sandbox. No money moves.</small></main>"
    )
    return web.Response(text=html, content_type="text/html", status=status)
