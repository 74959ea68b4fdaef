"""Replies read as answers, in six languages, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.challenges.reading import Word, read
from notify_service.replies.keywords import HELP, START, STOP

YES = [
    "yes 482913", "YES 482913", "Yes, 482913!", "482913 yes", "482913yes", "yes482913", "y 482913", "Yep that was me", "yes it's me, thanks",
    "  yes  ", "YES.", '"Yes"', "ＹＥＳ ４８２９１３", "yes-482913", "YES 482 913", "Yes, that's me. 482913", "Yes, I did",
    "ja", "Ja 482913", "482913 ja", "Ja, das war ich. Danke", "jawohl", "JA!!!",
    "oui", "Oui, c'est moi", "OUI 482913", "oui c’était moi merci",
    "sí", "Si 482913", "SÍ, fui yo", "sí, gracias",
    "sim", "Sim, fui eu", "SIM 482913 obrigada",
    "はい", "はい 482913", "はい482913", "４８２９１３はい", "はい、私です", "ハイ", "はい、そうです。",
]  # fmt: skip
NO = [
    "no", "NO, 482913!", "No 482913", "482913 NO", "n", "nope", "No, that was not me", "not me", "it wasn't me", "No it wasn’t", "I did not",
    "nein", "Nein, das war ich nicht", "das war ich nicht 482913", "NEIN.", "nee",
    "non", "Non, ce n'est pas moi", "NON 482913", "pas moi",
    "No, no fui yo", "no fui yo 482913",
    "não", "Nao 482913", "Não, não fui eu", "NÃO",
    "No, not me 482913", "no it was not my payment", "No I did not", "no, this isn't mine", "No, I didn't do this", "no thanks", "deny my payment",
    "Nein, ich nicht", "nein das war nicht meine Zahlung", "ich war es nicht", "Non, pas mon achat", "Non je n'ai pas", "moi non",
    "No fui yo", "yo no fui", "yo no", "no lo hice", "no era yo 482913", "No es mi compra", "não fui eu", "eu não", "não foi minha compra",
    "本人ではありません", "私は違います", "いいえ、私じゃない", "自分ではない 482913",
    "いいえ", "いいえ 482913", "いいえ、違います", "違います482913", "私ではありません", "いいえ私ではありません", "ちがいます",
]  # fmt: skip
NEITHER = [
    "", " ", "482913", "yes but call me", "yes no", "no yes 482913", "maybe", "who is this?", "call me 482913", "what payment?", "ok", "thanks",
    "no problem, go ahead", "yes I think so", "ja aber rufen Sie mich an", "vielleicht", "das war ich", "oui mais appelez-moi", "sí pero llámame",
    "sim mas ligue para mim", "はい、でも電話してください", "わかりません", "???", "👍", "yesno", "nobody", "yesterday", "noon", "y n", "はいいいえ",
    "yes please stop", "I never said yes", "da", "да",
    # a no that says it was them: whoever is frightened answers the question they hear
    "No, it was me 482913", "no that was me", "No it's me", "no this was my purchase 482913", "No, I did", "no it is mine", "Nope, my payment",
    "NO - it was me, 482913", "no no it was me", "No das war ich 482913", "Nein, das war ich", "nein meine Zahlung", "Nein, ich war es",
    "Non, c'est moi", "non c’était moi 482913", "Non, mon achat", "No, fui yo", "no 482913 fui yo", "No, mi compra", "No. Fui yo.",
    "Não, fui eu 482913", "nao, minha compra", "Não, meu pagamento", "いいえ 本人です 482913", "いいえ、私です", "いいえ、自分です",
    "me no", "no, it was I",
]  # fmt: skip


@pytest.mark.parametrize("text", YES)
def test_a_clear_yes_is_a_yes(text: str) -> None:
    assert read(text).word is Word.YES


@pytest.mark.parametrize("text", NO)
def test_a_clear_no_is_a_no(text: str) -> None:
    assert read(text).word is Word.NO


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_not_clear_is_neither(text: str) -> None:
    assert read(text).word is Word.NEITHER


@pytest.mark.parametrize("text", [one for one in (*YES, *NO) if "482" in one or "４８２" in one])
def test_a_code_is_found_wherever_it_stands(text: str) -> None:
    assert "482913" in read(text).numbers


@given(st.text())
def test_whatever_somebody_writes_is_read(text: str) -> None:
    reading = read(text)
    assert all(number.isascii() and number.isdigit() for number in reading.numbers)


@given(
    st.sampled_from([*YES, *NO]),
    st.sampled_from(["but", "call", "aber", "später", "mais", "pero", "mas", "でも", "perhaps", "why"]),
)
def test_a_word_that_is_not_known_takes_the_clarity_away(text: str, doubt: str) -> None:
    assert read(f"{text} {doubt}").word is Word.NEITHER


@given(
    st.sampled_from([*YES, *NO]),
    st.from_regex(r"[ \t\n.,!?:;\"()]{0,5}", fullmatch=True),
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_marks_and_case_change_nothing(text: str, marks: str, case: object) -> None:
    assert callable(case)
    assert read(f"{marks}{case(text)}{marks}").word is read(text).word


@pytest.mark.parametrize("word", sorted({*STOP, *START, *HELP}))
def test_no_word_of_consent_is_an_answer(word: str) -> None:
    assert read(word).word is Word.NEITHER


def test_a_reading_is_never_shown_with_its_numbers() -> None:
    assert "482913" not in repr(read("yes 482913"))
