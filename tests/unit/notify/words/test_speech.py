"""What is spoken: without what is for the eye, in a voice of its language, and with every sentence in every language."""

from string import Formatter
from typing import get_args
from uuid import UUID

import pytest

from notify_service.accounts import ContentTemplate
from notify_service.delivery import call_words
from notify_service.words.channels import content, content_problems, said_on
from notify_service.words.speech import _PROMPTS, Prompt, for_the_ear, prompt, voice
from notify_service.words.template import Rendered, Template, compile_words, parse_declaration
from paybell_sandbox.twilio import twiml

WRITTEN = "Acme: please check a payment of $49.00. Was it you? Reply YES 482913 if it was, NO 482913 if not. Reply STOP to opt out. Ref 7F3K2"
LANGUAGES = ("en", "de", "fr", "es", "pt", "ja")


def test_what_is_for_the_eye_is_not_spoken() -> None:
    assert for_the_ear(WRITTEN, ("482913", "7F3K2")) == "Acme: please check a payment of $49.00. Was it you?"
    assert (
        for_the_ear("Acme: Zahlung fehlgeschlagen. Hier zahlen: https://pay.example/x. Ref 7F3K2", ("7F3K2",))
        == "Acme: Zahlung fehlgeschlagen."
    )
    japanese = "Acme: 4,900円のお支払いをご確認ください。ご本人ですか？はいの場合はYES 482913と返信してください。"
    assert for_the_ear(japanese, ("482913",)) == "Acme: 4,900円のお支払いをご確認ください。 ご本人ですか？"


def test_a_text_of_one_sentence_is_spoken_as_it_is() -> None:
    assert (
        for_the_ear("Acme: pay at https://pay.example/x Ref 7F3K2", ("7F3K2",))
        == "Acme: pay at https://pay.example/x Ref 7F3K2"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_ours_is_in_every_language_and_names_nothing_but_the_brand(language: str) -> None:
    for which in get_args(Prompt):
        words = _PROMPTS[language][which]
        assert {name for _, name, _, _ in Formatter().parse(words) if name} <= {"brand"}
        if language != "en":
            assert words != _PROMPTS["en"][which]
    assert set(_PROMPTS[language]) == set(get_args(Prompt))
    for key in "1279":
        assert key in prompt("keys", language, "Acme")
    assert voice(language)[0].startswith(f"{language}-")


@pytest.mark.parametrize("language", [*LANGUAGES, "en-GB", "pt-PT", "it"])
def test_every_document_is_one_that_the_provider_plays(language: str) -> None:
    words = "Fish & Chips <b>Ltd</b>: was it you?"
    documents = [
        call_words.question(words, language, "Acme & Co", "http://here.example/x"), call_words.message(words, language, "Acme", None),
        call_words.message(words, language, "Acme", "http://here.example/x"), call_words.last_words("machine", language, "Acme & <Co>"),
        call_words.question(words, language, "Acme", "http://here.example/x", unclear=True), call_words.nothing(),
    ]  # fmt: skip
    for document in documents:
        assert twiml.voice(document, "").unknown == ()


def test_a_document_that_comes_with_the_call_is_never_too_long() -> None:
    assert len(call_words.message("x" * 1_600, "en", "Acme", "http://here.example/" + "x" * 90)) <= 4_000


def test_approved_words_are_found_by_variant_and_language_and_have_no_empty_place() -> None:
    rendered = Rendered(
        WRITTEN, "captured", "pt-BR", 1, 1, {"brand": "Acme", "reference": "7F3K2", "code": "482913"}, has_code=True
    )
    one = ContentTemplate("check", "default", "pt", "HX" + "1" * 32, ("brand", "code", "last4", "reference"))
    found = content("check", rendered, [one])
    assert found is not None
    assert dict(found.variables) == {"1": "Acme", "2": "482913", "3": "-", "4": "7F3K2"}
    assert content("other", rendered, [one]) is None
    said = said_on(("sms", "voice", "whatsapp"), "check", rendered, UUID(int=1), [one])
    assert said["sms"].content is None
    assert said["whatsapp"].content == found
    assert "482913" not in said["voice"].text


def test_approved_words_must_fit_their_template() -> None:
    declaration = parse_declaration("check", "values: {amount: money}\nfallback: [en]\n")
    words = compile_words("check", "default", "en", 1, "{{ amount }} YES {{ code }}", declaration)
    templates = {"check": Template("check", declaration, {("default", "en"): words})}

    def wrong(*variables: str, template: str = "check") -> list[str]:
        return content_problems([ContentTemplate(template, "default", "en", "HX" + "1" * 32, variables)], templates)

    assert wrong("brand", "amount", "code", "reference") == []
    assert "has no value amout: use one of amount, brand, code, reference" in wrong("amout", "code", "reference")[0]
    assert "lack code" in wrong("amount", "reference")[0]
    assert "there is no template other: use one of check" in wrong("code", "reference", template="other")[0]
