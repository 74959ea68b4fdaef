"""Every word on the pages of payment links, in English; the other languages stand in payment_page_languages.py."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one page.

    Attributes:
        title: the large line; empty where the amount stands there.
        lines: below it.
    """

    title: str
    lines: tuple[str, ...]


LANGUAGE: Final = "en"
PAY_NOW: Final = "Pay now"
PAGE_OF: Final = "Payment"
FOR: Final = "For {what}"
REFERENCE: Final = "Bill {reference}"
SAFE: Final = "You pay on a secure page of Stripe. We never see your card."
ADD_CARD: Final = "Add a card"
SAFE_CARD: Final = "You add it on a secure page of Stripe. We never see your card."

CARD: Final = Words("Add a new card", ())
NO_CARD_NEEDED: Final = Words("Nothing to do", ("A new card is no longer needed for this.",))
NO_CARD_HERE: Final = Words("Please change your card where you subscribed", ("It cannot be changed here.",))
PAID: Final = Words("Already paid, thank you", ("There is nothing left to do.",))
UNDER_WAY: Final = Words("Your payment is under way", ("Banks can take a few days. There is nothing left to do.",))
OVER: Final = Words("Nothing to pay", ("This payment is no longer asked for.",))
EXPIRED: Final = Words(
    "This link has expired",
    ("Links are good for seven days. Open the newest message you have from us, or ask us for a new link.",),
)
UNKNOWN: Final = Words("Not found", ("There is no such page. Please check that the whole link was opened.",))
AWAY: Final = Words("One moment, please", ("The payment page cannot be reached right now. Try again in a minute.",))
NOWHERE: Final = Words(
    "Please pay where you bought",
    ("This payment can only be made again there. Nothing was charged.",),
)
TOO_OFTEN: Final = Words("One moment, please", ("This link was opened many times. Try again in a minute.",))
