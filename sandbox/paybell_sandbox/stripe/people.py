"""The customers that stories happen to. Their numbers are ones that regulators keep free for examples, where they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import phonenumbers


@dataclass(frozen=True)
class Person:
    key: str
    name: str
    email: str
    phone: str | None
    """As typed into Stripe: free text, Stripe does not check it."""
    locales: tuple[str, ...]
    line: str
    city: str
    state: str | None
    postal_code: str
    country: str
    currency: str
    card_brand: str = "visa"
    last4: str = "4242"
    about: str = ""

    @property
    def number(self) -> str | None:
        """The number in full (E.164), where what was typed is one in this country."""
        try:
            parsed = phonenumbers.parse(self.phone or "", self.country)
        except phonenumbers.NumberParseException:
            return None
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    def but(self, **changes: str | tuple[str, ...] | None) -> Person:
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are checked by replace itself


_ALL: Final = (
    Person(
        key="ana",
        name="Ana Lopez",
        email="ana.lopez@example.com",
        phone="+1 415 555 2671",
        locales=("en-US",),
        line="228 Bleecker Street",
        city="New York",
        state="NY",
        postal_code="10012",
        country="US",
        currency="usd",
        about="lives in New York and kept her Californian number",
    ),
    Person(
        key="jonas",
        name="Jonas Weber",
        email="jonas.weber@example.de",
        phone="0171 3920012",
        locales=("de-DE",),
        line="Torstraße 40",
        city="Berlin",
        state=None,
        postal_code="10119",
        country="DE",
        currency="eur",
        card_brand="mastercard",
        last4="4444",
        about="typed his number without the country",
    ),
    Person(
        key="yuki",
        name="佐藤 由紀",
        email="yuki.sato@example.jp",
        phone="090-1234-5678",
        locales=("ja-JP",),
        line="神宮前 4-12-10",
        city="渋谷区",
        state="東京都",
        postal_code="150-0001",
        country="JP",
        currency="jpy",
        card_brand="jcb",
        last4="0505",
        about="pays in yen, which have no decimals",
    ),
    Person(
        key="fahad",
        name="Fahad Al-Sabah",
        email="fahad@example.com.kw",
        phone="+965 5001 2345",
        locales=("en-GB",),
        line="Salem Al Mubarak Street 9",
        city="Salmiya",
        state=None,
        postal_code="20004",
        country="KW",
        currency="kwd",
        about="pays in dinars, which have three decimals",
    ),
    Person(
        key="chloe",
        name="Chloé Martin",
        email="chloe.martin@example.fr",
        phone="06 39 98 12 34",
        locales=("fr-FR",),
        line="14 rue des Martyrs",
        city="Paris",
        state=None,
        postal_code="75009",
        country="FR",
        currency="eur",
        about="French, number without the country",
    ),
    Person(
        key="lucia",
        name="Lucía Fernández",
        email="lucia.fernandez@example.es",
        phone="+34 600 123 456",
        locales=("es-ES",),
        line="Calle de Atocha 27",
        city="Madrid",
        state=None,
        postal_code="28012",
        country="ES",
        currency="eur",
        about="Spanish",
    ),
    Person(
        key="rafael",
        name="Rafael Souza",
        email="rafael.souza@example.com.br",
        phone="+55 11 96123-4567",
        locales=("pt-BR",),
        line="Rua Augusta 1508",
        city="São Paulo",
        state="SP",
        postal_code="01304-001",
        country="BR",
        currency="brl",
        about="Brazilian",
    ),
    Person(
        key="grace",
        name="Grace Hill",
        email="grace.hill@example.co.uk",
        phone="+44 20 7946 0018",
        locales=("en-GB",),
        line="8 Lamb's Conduit Street",
        city="London",
        state=None,
        postal_code="WC1N 3LF",
        country="GB",
        currency="gbp",
        about="gave a landline",
    ),
    Person(
        key="sam",
        name="Sam Carter",
        email="sam.carter@example.com",
        phone=None,
        locales=("en-US",),
        line="501 Fremont Avenue",
        city="Seattle",
        state="WA",
        postal_code="98103",
        country="US",
        currency="usd",
        about="gave no number",
    ),
    Person(
        key="nora",
        name="Nora Quinn",
        email="nora.quinn@example.com",
        phone="ask at the front desk",
        locales=("en-US",),
        line="77 Congress Street",
        city="Portland",
        state="ME",
        postal_code="04101",
        country="US",
        currency="usd",
        about="wrote words where the number belongs",
    ),
)

PEOPLE: Final = {person.key: person for person in _ALL}
DEFAULT: Final = PEOPLE["ana"]
