"""The texts that come with the service, in every language they come in."""

import itertools
import re
from collections.abc import Iterator
from typing import Final

import pytest

from docs.flowpage import examples
from docs.flowpage.examples import LANGUAGES
from docs.flowpage.rendering import said
from docs.flowpage.shipped import TEXTS, templates
from notify_service.words import template_store
from notify_service.words.segments import count
from notify_service.words.template import Template
from notify_service.words.values import Text, Value

TEMPLATES: Final = templates()
BODIES: Final = template_store.read_shipped(TEXTS)
EACH: Final = [(name, variant, language) for name, one in TEMPLATES.items() for variant, language in one.words]
VARIANTS: Final = [
    (name, variant) for name, one in TEMPLATES.items() for variant in {variant for variant, _ in one.words}
]
AWAITING_TRANSLATION: Final[frozenset[str]] = frozenset()
"""Templates that may stand in English alone for now; none when a version is released."""

MOST_SEGMENTS: Final = {"ja": 3}
"""Two in the other languages. Japanese is always UCS-2: 67 letters a part instead of 153."""
MORE_ROOM: Final = {"digest": 1}
"""Parts more for what goes to a team once a day: the figures of several currencies, each as long as it gets."""

OPT_OUT: Final = {
    "en": "Reply STOP to opt out.", "de": "Abmelden: STOP", "fr": "Ne plus recevoir de messages : STOP",
    "es": "Dejar de recibir mensajes: STOP", "pt": "Parar de receber mensagens: STOP", "ja": "配信停止: STOPと返信",
}  # fmt: skip
"""Twilio and the carriers act on the English word; what it does is said in the reader's."""

SLIP: Final = re.compile(r" [.,;](?!\.\.)|(?<!\.)\.\.(?!\.)|。[.。]|\( ?\)|（）|https://[!-~]*([^ -~]|[.,;:)!] )")
"""A space before a stop, two stops, empty brackets, and a link that something sticks to, which a phone would take for a part of it."""

BEGINS: Final = {"fr": "Example Store : ", "ja": "【Example Store】"}
REFERS: Final = {"fr": "Réf 7F3K2", "ja": "照会番号 7F3K2"}


def choices(template: Template, language: str) -> Iterator[dict[str, Value]]:
    """The longest values, with every choice of the optional ones and every word of those that are one of a few."""
    longest = examples.values(template.declaration, language, longest=True)
    few = [[(name, word) for word in words] for name, words in examples.ONE_OF.items() if name in longest]
    optional = sorted(template.declaration.optional)
    for size in range(len(optional) + 1):
        for left_out in itertools.combinations(optional, size):
            for chosen in itertools.product(*few):
                words = {name: Text(word, customer_typed=False) for name, word in chosen}
                yield {name: value for name, value in (longest | words).items() if name not in left_out}


@pytest.mark.parametrize(("name", "variant", "language"), EACH)
def test_every_text_reads_well_and_is_short_with_and_without_its_optional_values(
    name: str, variant: str, language: str
) -> None:
    template = TEMPLATES[name]
    for values in choices(template, language):
        text = said(template, variant, language, values)
        assert text.startswith(BEGINS.get(language, "Example Store: "))
        assert text.endswith(REFERS.get(language, "Ref 7F3K2"))
        assert "None" not in text
        assert "  " not in text
        assert not SLIP.search(text), text
        assert count(text).segments <= MOST_SEGMENTS.get(language, 2) + MORE_ROOM.get(name, 0), (
            len(text),
            count(text),
            text,
        )


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_stands_in_every_language_with_every_variant(name: str) -> None:
    words = TEMPLATES[name].words
    variants = {variant for variant, _ in words}
    assert "default" in variants
    wanted = {"en"} if name in AWAITING_TRANSLATION else set(LANGUAGES)
    missing = sorted(
        f"{name}/{variant}.{language}.txt"
        for variant in variants
        for language in wanted
        if (variant, language) not in words
    )
    assert not missing, f"write {', '.join(missing)} in notify-service/texts (examples beside it)"
    assert {language for _, language in words} <= set(LANGUAGES)


def test_nothing_awaits_translation_that_does_not_exist() -> None:
    assert set(TEMPLATES) >= AWAITING_TRANSLATION


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_no_two_languages_say_the_same(name: str, variant: str) -> None:
    """Without what is filled in: money and days would differ where the words do not."""
    words = {
        language: {word.lower() for word in re.findall(r"[^\W\d_]+", re.sub(r"{{.*?}}|{%.*?%}", " ", body))} - {"stop"}
        for (owner, one, language), body in BODIES.items()
        if (owner, one) == (name, variant)
    }
    for one, other in itertools.combinations(words, 2):
        assert len(words[one] & words[other]) <= len(words[one] | words[other]) * 2 / 3, (one, other)


@pytest.mark.parametrize(("name", "variant", "language"), EACH)
def test_a_text_is_in_gsm_7_wherever_its_language_has_the_words_for_it(name: str, variant: str, language: str) -> None:
    text = said(
        TEMPLATES[name], variant, language, examples.values(TEMPLATES[name].declaration, language, longest=True)
    )
    dear = language == "ja" or f"{name}/{variant}.{language}" in DEAR
    assert count(text).unicode == dear, count(text).culprit


DEAR: Final[frozenset[str]] = frozenset()
"""Texts that no words of GSM-7 say well: spelled rightly, at the price of UCS-2."""


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_text_says_how_to_stop_in_every_language_or_in_none(name: str, variant: str) -> None:
    template = TEMPLATES[name]
    says = {
        language: OPT_OUT[language]
        in said(template, variant, language, examples.values(template.declaration, language))
        for one, language in template.words
        if one == variant
    }
    assert len(set(says.values())) == 1, says


FIRST: Final = (
    "payment_failed", "payment_succeeded", "renewal_reminder", "trial_ending", "card_expiring", "subscription_changed", "welcome",
)  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_texts_that_may_be_the_first_one_say_how_to_stop(name: str) -> None:
    template = TEMPLATES[name]
    for variant, language in template.words:
        assert OPT_OUT[language] in said(template, variant, language, examples.values(template.declaration, language))


def test_every_text_asks_for_the_same_values_in_every_language() -> None:
    """What one language says, the others say too: no amount, day or link is lost in translation."""
    for name, template in TEMPLATES.items():
        for variant, language in template.words:
            values = examples.values(template.declaration, language)
            for value in values:
                without = {key: one for key, one in values.items() if key != value}
                if value in template.declaration.optional:
                    heard = said(template, variant, language, values) != said(template, variant, language, without)
                    english_values = examples.values(template.declaration, "en")
                    english_without = {key: one for key, one in english_values.items() if key != value}
                    assert heard == (
                        said(template, variant, "en", english_values) != said(template, variant, "en", english_without)
                    ), (name, variant, language, value)
