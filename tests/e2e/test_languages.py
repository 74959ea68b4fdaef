"""A customer reads in their own language, from Stripe's event to the phone; what differs between regions differs in the text."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.e2e.pair import Pair, phone, running_pair

RENEWALS = {
    ("en-US", "usd", 4900): "Acme: we could not renew your subscription ($49.00",
    ("en-GB", "gbp", 4900): "Acme: we could not renew your subscription (£49.00",
    ("de-DE", "eur", 123456): "Acme: Wir konnten Ihr Abo nicht verlängern (1.234,56 €",
    ("de-CH", "chf", 123450): "Acme: Wir konnten Ihr Abo nicht verlängern (CHF 1'234.50",
    (
        "fr-FR",
        "usd",
        123456,
    ): "Acme : nous n'avons pas pu renouveler votre abonnement (1 234,56 $US",
    (
        "fr-CA",
        "cad",
        4900,
    ): "Acme : nous n'avons pas pu renouveler votre abonnement (49,00 $",
    ("es-ES", "eur", 4900): "Acme: no hemos podido renovar su plan (49,00 €",
    ("es-MX", "mxn", 123456): "Acme: no hemos podido renovar su plan ($1,234.56",
    ("pt-BR", "brl", 123456): "Acme: o pagamento da sua assinatura falhou (R$ 1.234,56",
    ("pt-PT", "eur", 4900): "Acme: o pagamento da sua assinatura falhou (49,00 €",
    ("ja-JP", "jpy", 4900): "【Acme】サブスクリプションを更新できませんでした（4,900円",
    ("ja-JP", "kwd", 5120): "【Acme】サブスクリプションを更新できませんでした（KWD 5.120",
    (
        "fr-FR",
        "isk",
        500000,
    ): "Acme : nous n'avons pas pu renouveler votre abonnement (5 000 ISK",
    ("de-DE", "huf", 199000): "Acme: Wir konnten Ihr Abo nicht verlängern (1.990,00 HUF",
    # no words in Italian: those of the account, with its formats
    ("it-IT", "eur", 4900): "Acme: we could not renew your subscription (€49.00",
}
"""Language, currency and minor units, and what the phone shows first. (The card is named where its charge is known in time.)"""


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases."""
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running


async def test_each_customer_reads_of_a_failed_renewal_in_their_language_with_money_as_their_region_writes_it(
    pair: Pair,
) -> None:
    people = {}
    for locale, currency, amount in RENEWALS:
        to = phone()
        _, events = pair.play("renewal_fails", phone=to, locale=locale, currency=currency, amount=amount)
        people[locale, currency, amount] = (to, events)
    await asyncio.gather(*(pair.post_all(events) for _, events in people.values()))
    await pair.quiet()
    said = {who: pair.texts(to) for who, (to, _) in people.items()}
    assert {who: [text[: len(RENEWALS[who])] for text in texts] for who, texts in said.items()} == {
        who: [words] for who, words in RENEWALS.items()
    }
