"""The calls that the sandbox has: name, method, path, Stripe's name for the parameters, and who answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from paybell_sandbox.stripe.api import acting, keeping, reading
from paybell_sandbox.stripe.api.call import Handler


@dataclass(frozen=True)
class Route:
    operation: str
    """As `refunds.create`; faults name it."""
    method: str
    path: re.Pattern[str]
    params: str
    """Class in `stripe.params`."""
    handler: Handler


def _route(operation: str, method: str, path: str, params: str, handler: Handler) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(operation, method, re.compile(pattern), params, handler)


_KINDS: Final = (
    ("charges", "charge", "Charge"),
    ("checkout/sessions", "checkout.session", "checkout.Session"),
    ("customers", "customer", "Customer"),
    ("disputes", "dispute", "Dispute"),
    ("invoices", "invoice", "Invoice"),
    ("invoice_payments", "invoice_payment", "InvoicePayment"),
    ("payment_intents", "payment_intent", "PaymentIntent"),
    ("payment_methods", "payment_method", "PaymentMethod"),
    ("prices", "price", "Price"),
    ("products", "product", "Product"),
    ("radar/early_fraud_warnings", "radar.early_fraud_warning", "radar.EarlyFraudWarning"),
    ("radar/value_lists", "radar.value_list", "radar.ValueList"),
    ("radar/value_list_items", "radar.value_list_item", "radar.ValueListItem"),
    ("refunds", "refund", "Refund"),
    ("reviews", "review", "Review"),
    ("subscriptions", "subscription", "Subscription"),
)


def _reads() -> list[Route]:
    routes = []
    for path, kind, name in _KINDS:
        operation = path.replace("/", ".")
        url = f"/v1/{path}"
        routes.append(_route(f"{operation}.list", "GET", url, f"{name}ListParams", reading.listed(kind, url)))
        routes.append(
            _route(f"{operation}.retrieve", "GET", f"{url}/{{id}}", f"{name}RetrieveParams", reading.retrieve(kind))
        )
    return routes


ROUTES: Final = (
    _route("account.retrieve", "GET", "/v1/account", "AccountRetrieveCurrentParams", reading.account),
    _route(
        "invoices.create_preview",
        "POST",
        "/v1/invoices/create_preview",
        "InvoiceCreatePreviewParams",
        acting.preview_invoice,
    ),
    *_reads(),
    _route("invoices.lines", "GET", "/v1/invoices/{id}/lines", "InvoiceLineItemListParams", reading.invoice_lines),
    _route("invoices.void", "POST", "/v1/invoices/{id}/void", "InvoiceVoidInvoiceParams", acting.void_invoice),
    _route(
        "invoices.mark_uncollectible",
        "POST",
        "/v1/invoices/{id}/mark_uncollectible",
        "InvoiceMarkUncollectibleParams",
        acting.mark_uncollectible,
    ),
    _route(
        "checkout.sessions.line_items",
        "GET",
        "/v1/checkout/sessions/{id}/line_items",
        "checkout.SessionLineItemListParams",
        reading.session_items,
    ),
    _route(
        "checkout.sessions.create",
        "POST",
        "/v1/checkout/sessions",
        "checkout.SessionCreateParams",
        keeping.create_checkout_session,
    ),
    _route(
        "checkout.sessions.expire",
        "POST",
        "/v1/checkout/sessions/{id}/expire",
        "checkout.SessionExpireParams",
        keeping.expire_checkout_session,
    ),
    _route(
        "customers.payment_methods",
        "GET",
        "/v1/customers/{id}/payment_methods",
        "CustomerPaymentMethodListParams",
        reading.customer_cards,
    ),
    _route("customers.create", "POST", "/v1/customers", "CustomerCreateParams", keeping.create_customer),
    _route("customers.update", "POST", "/v1/customers/{id}", "CustomerUpdateParams", keeping.update_customer),
    _route("customers.delete", "DELETE", "/v1/customers/{id}", "CustomerDeleteParams", keeping.remove_customer),
    _route("charges.update", "POST", "/v1/charges/{id}", "ChargeUpdateParams", acting.update_charge),
    _route(
        "payment_intents.cancel",
        "POST",
        "/v1/payment_intents/{id}/cancel",
        "PaymentIntentCancelParams",
        acting.cancel_payment_intent,
    ),
    _route(
        "payment_intents.capture",
        "POST",
        "/v1/payment_intents/{id}/capture",
        "PaymentIntentCaptureParams",
        acting.capture_payment_intent,
    ),
    _route("refunds.create", "POST", "/v1/refunds", "RefundCreateParams", acting.create_refund),
    _route("refunds.update", "POST", "/v1/refunds/{id}", "RefundUpdateParams", acting.update_refund),
    _route("reviews.approve", "POST", "/v1/reviews/{id}/approve", "ReviewApproveParams", acting.approve_review),
    _route(
        "radar.value_list_items.create",
        "POST",
        "/v1/radar/value_list_items",
        "radar.ValueListItemCreateParams",
        keeping.create_value_list_item,
    ),
    _route(
        "radar.value_list_items.delete",
        "DELETE",
        "/v1/radar/value_list_items/{id}",
        "radar.ValueListItemDeleteParams",
        keeping.delete_value_list_item,
    ),
    _route(
        "billing_portal.sessions.create",
        "POST",
        "/v1/billing_portal/sessions",
        "billing_portal.SessionCreateParams",
        keeping.create_portal_session,
    ),
    _route(
        "subscriptions.cancel",
        "DELETE",
        "/v1/subscriptions/{id}",
        "SubscriptionCancelParams",
        acting.cancel_subscription,
    ),
    _route("events.list", "GET", "/v1/events", "EventListParams", reading.events),
    _route("events.retrieve", "GET", "/v1/events/{id}", "EventRetrieveParams", reading.event),
    _route(
        "webhook_endpoints.list", "GET", "/v1/webhook_endpoints", "WebhookEndpointListParams", reading.webhook_endpoints
    ),
)


def found(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The call that a request asks for, and what stands in its path."""
    for route in ROUTES:
        fit = route.path.fullmatch(path)
        if fit is not None and route.method == method:
            return route, fit.groupdict()
    return None
