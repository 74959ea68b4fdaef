"""Why a payment was declined, in the few kinds that read differently to the person who pays. Pure.

Stripe names hundreds of codes and may add more (docs.stripe.com/declines/codes); what is not listed here is ``unknown``, and the words
for it are true of every decline. What a bank says of a lost, stolen or suspected card is told to nobody: such cards are ``refused``,
and their words are those of any decline.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class DeclineKind(StrEnum):
    """What the payer can do about it."""

    CONFIRM = "confirm"  # the bank asks the payer to confirm (3-D Secure): the card itself is good
    NEW_CARD = "new_card"  # this card will never do, or there is none: expired, mistyped, of a kind that is not taken
    NO_FUNDS = "no_funds"  # the card is good, there was not enough on it
    TRY_AGAIN = "try_again"  # the bank or the network could not or would not at that moment
    REFUSED = "refused"  # the bank says never again; why is not ours to tell
    UNKNOWN = "unknown"


_CODES: Final[Mapping[DeclineKind, frozenset[str]]] = {
    DeclineKind.CONFIRM: frozenset({
        "authentication_required", "authentication_not_handled", "payment_intent_authentication_failure",
        "subscription_payment_intent_requires_action", "invoice_payment_intent_requires_action", "mobile_device_authentication_required",
    }),
    DeclineKind.NEW_CARD: frozenset({
        "expired_card", "incorrect_number", "invalid_number", "incorrect_cvc", "invalid_cvc", "incorrect_zip", "incorrect_address",
        "invalid_expiry_month", "invalid_expiry_year", "invalid_account", "invalid_account_number", "bank_account_unusable",
        "new_account_information_available", "card_not_supported", "currency_not_supported", "testmode_decline", "live_mode_test_card",
        "payment_method_not_available", "no_account", "account_closed", "debit_not_authorized", "bank_account_closed", "missing",
    }),
    DeclineKind.NO_FUNDS: frozenset({
        "insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded", "amount_too_large", "balance_insufficient",
    }),
    DeclineKind.TRY_AGAIN: frozenset({
        "processing_error", "try_again_later", "issuer_not_available", "reenter_transaction", "approve_with_id", "generic_decline",
        "do_not_honor", "call_issuer", "no_action_taken", "service_not_allowed", "bank_ownership_changed", "payment_method_provider_timeout",
    }),
    DeclineKind.REFUSED: frozenset({
        "lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent", "security_violation", "merchant_blacklist",
        "do_not_try_again", "revocation_of_all_authorizations", "revocation_of_authorization", "stop_payment_order",
        "transaction_not_allowed", "not_permitted", "previously_declined_do_not_retry", "highest_risk_level",
    }),
}  # fmt: skip
_KIND_OF: Final = {code: kind for kind, codes in _CODES.items() for code in codes}


def decline_kind(decline_code: str, failure_code: str) -> DeclineKind:
    """The kind. The bank's own code (``insufficient_funds``) says more than Stripe's (``card_declined``) and is looked at first."""
    return _KIND_OF.get(decline_code) or _KIND_OF.get(failure_code) or DeclineKind.UNKNOWN


def kind_of(attributes: Mapping[str, Any]) -> DeclineKind:
    """The kind of a fact's decline, by its attributes. What Stripe's event says of a confirmation goes before any code."""
    if attributes.get("needs_confirmation"):
        return DeclineKind.CONFIRM
    return decline_kind(str(attributes.get("decline_code", "")), str(attributes.get("failure_code", "")))


SAME_TRY_SECONDS: Final = 600
"""A bill's failure and its payment's are told within seconds; what was told longer before speaks of an earlier try."""


def decline_fact(decline_code: str, failure_code: str, at: int) -> dict[str, Any]:
    """A decline as it is remembered with an object: the codes, and when it happened (unix seconds)."""
    return {"at": at, "decline_code": decline_code, "failure_code": failure_code}


def codes_since(remembered: Any, at: float) -> dict[str, str] | None:
    """The codes of a remembered decline, if it is of the try that happened then or of a later one, which says more; else None."""
    if not isinstance(remembered, Mapping) or float(remembered.get("at", 0)) < at - SAME_TRY_SECONDS:
        return None
    return {name: str(remembered.get(name) or "") for name in ("decline_code", "failure_code")}
