"""What the shop of the stories sells, with a usual price in each currency (minor units, Stripe's exponents)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from paybell_sandbox.stripe.objects.products import price_object, product_object
from paybell_sandbox.stripe.world import Obj, World

YEAR: Final = 365 * 86_400


@dataclass(frozen=True)
class Article:
    key: str
    name: str
    description: str
    interval: str | None
    """None: sold once. Otherwise the interval of the subscription."""
    usd: int


ARTICLES: Final = {
    article.key: article
    for article in (
        Article("studio", "Studio Pro", "Unlimited projects for one person", "month", 4_900),
        Article(
            "studio_yearly", "Studio Pro yearly", "Unlimited projects for one person, paid by the year", "year", 49_000
        ),
        Article("team", "Studio Team", "Shared projects for ten people", "month", 24_900),
        Article("lamp", "Walnut desk lamp", "Turned walnut, warm light", None, 8_900),
        Article("workshop", "Lamp-making workshop", "One Saturday, materials included", None, 125_000),
    )
}

_RATES: Final = {
    "jpy": 150,
    "krw": 1_350,
    "huf": 36_000,
    "isk": 13_800,
    "brl": 540,
    "mxn": 1_850,
    "inr": 8_300,
    "twd": 3_200,
}
"""Minor units for one dollar. Currencies not named count a dollar as one unit."""
_THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_WHOLE_UNITS: Final = frozenset({"isk", "ugx"})
"""Written with two decimals that must be zero (docs.stripe.com/currencies, special cases)."""


def usual_amount(article: Article, currency: str) -> int:
    """Minor units. Last digit 0 where the currency has three decimals, as Stripe demands."""
    dollars_in_cents = article.usd
    if currency in _THREE_DECIMALS:
        return dollars_in_cents * 3 // 10 * 10  # about 0.3 dinar a dollar
    amount = dollars_in_cents * _RATES.get(currency, 100) // 100
    return amount // 100 * 100 if currency in _WHOLE_UNITS else amount


def price_for(world: World, article: Article, currency: str, amount: int | None = None) -> Obj:
    """The price of an article, made with its product where this account does not have them yet."""
    wanted = usual_amount(article, currency) if amount is None else amount
    product = next((found for found in world.kinds.get("product", []) if found["name"] == article.name), None)
    if product is None:
        product = world.add(
            product_object(world, name=article.name, description=article.description, created=world.now() - 2 * YEAR)
        )
    for price in world.kinds.get("price", []):
        if (price["product"], price["currency"], price["unit_amount"]) == (product["id"], currency, wanted):
            return price
    price = world.add(
        price_object(
            world,
            product=product,
            currency=currency,
            unit_amount=wanted,
            interval=article.interval,
            created=world.now() - 2 * YEAR,
        )
    )
    product["default_price"] = product["default_price"] or price["id"]
    return price
