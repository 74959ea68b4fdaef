"""Why a payment is declined (docs.stripe.com/declines/codes), in what the payer may read and what the seller may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Decline:
    decline_code: str
    code: str
    """The error code; most decline codes share `card_declined`."""
    message: str
    """For the payer. Lost, stolen and fraud are told to nobody as such."""
    seller_message: str
    advice: str | None
    """try_again_later, confirm_card_data or do_not_try_again."""
    network_code: str = "05"
    blocked: str | None = None
    """Stopped by Radar before it reached the bank, for this `outcome.reason`."""


def _bank(decline_code: str, advice: str | None, network_code: str) -> Decline:
    return Decline(
        decline_code,
        "card_declined",
        "Your card was declined.",
        "The bank returned the decline code `" + decline_code + "`.",
        advice,
        network_code,
    )


DECLINES: Final = {
    decline.decline_code: decline
    for decline in (
        Decline(
            "insufficient_funds",
            "card_declined",
            "Your card has insufficient funds.",
            "The bank returned the decline code `insufficient_funds`.",
            "try_again_later",
            "51",
        ),
        Decline(
            "expired_card",
            "expired_card",
            "Your card has expired.",
            "The bank returned the decline code `expired_card`.",
            "confirm_card_data",
            "54",
        ),
        Decline(
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
            "The bank returned the decline code `authentication_required`.",
            None,
            "1A",
        ),
        Decline(
            "incorrect_cvc",
            "incorrect_cvc",
            "Your card's security code is incorrect.",
            "The bank returned the decline code `incorrect_cvc`.",
            "confirm_card_data",
            "82",
        ),
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
            "The bank returned the decline code `processing_error`.",
            "try_again_later",
            "96",
        ),
        _bank("generic_decline", "try_again_later", "05"),
        _bank("do_not_honor", "try_again_later", "05"),
        _bank("card_velocity_exceeded", "try_again_later", "65"),
        _bank("lost_card", "do_not_try_again", "41"),
        _bank("stolen_card", "do_not_try_again", "43"),
        _bank("pickup_card", "do_not_try_again", "04"),
        _bank("fraudulent", "do_not_try_again", "59"),
    )
}

RADAR_REASONS: Final = ("highest_risk_level", "elevated_risk_level", "rule", "low_probability_of_authorization")


def blocked(reason: str) -> Decline:
    """Radar stopped it; no money was taken and nothing can be released (docs.stripe.com/declines)."""
    return Decline(
        "fraudulent",
        "card_declined",
        "Your card was declined.",
        "Stripe blocked this payment as too risky.",
        None,
        blocked=reason,
    )
