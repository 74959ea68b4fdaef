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
    # how people write it
    "Yes I made this purchase 482913", "yes, I authorized it", "Yes that’s mine, thank you", "yes it was my payment ✅", "ok yes 482913", "Yes ok",
    "Yes, I did order this", "YES 👍", "Ja, ich war's 482913", "ja das habe ich gekauft", "Ja, ist meine Zahlung", "ja, von mir", "Oui j'ai fait cet achat",
    "oui, c est moi", "Oui, j ai payé 482913", "Sí, yo hice esta compra", "si lo hice yo 482913", "Sí. Es mi compra.", "Sim, fiz essa compra", "fui eu sim 482913",
    "Sim, é minha compra", "はい、本人です 482913", "はい、購入しました", "はい、私は買いました。",
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
    # how people write it
    "No I did not make this payment 482913", "I didn't authorize this 482913", "I never bought this", "No. I never made this purchase.", "NO - not mine", "No sir",
    "that wasn`t me", "it wasn t me 482913", "No it is not", "No, that's not my purchase, thank you", "it was not me it was not my payment", "I deny this payment",
    "It's a no. 482913", "No, that is incorrect", "false 482913", "This is not my purchase", "not my payment, not me", "ok no 482913", "No ❌ 482913",
    "Ich war's nicht 482913", "Nein ich habe das nicht gekauft", "Nein, nicht von mir", "Ich habe nichts bestellt 482913", "Nein, keine Zahlung von mir",
    "das ist nicht meine Zahlung war ich nicht", "Nein, das ist falsch", "war ich nicht 482913", "Nein bin ich nicht", "habe ich nicht gekauft",
    "Non je n'ai pas fait cet achat 482913", "Je n ai rien acheté", "C'est pas moi", "ce n est pas moi 482913", "moi pas", "Non, ce n'est pas le mien", "C'est non",
    "Yo no hice esta compra 482913", "No, no hice este pago", "no la hice", "No es mía", "nunca hice esta compra", "No soy yo 482913", "No. No fue mi compra.",
    "Não fiz essa compra 482913", "não, eu não fiz", "Não é minha", "não fui eu não 482913", "Não, nunca fiz essa compra", "não sou eu", "eu nunca comprei",
    "いいえ、購入していません 482913", "身に覚えがありません482913", "私は、違います", "いいえ、そうではありません", "私はしていません", "違います。私ではありません。",
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
    # a denial beside a statement that it was them, with and without marks
    "Wrong, it was me", "Incorrect, that was me 482913", "False. It was my payment", "my payment was denied 482913", "No it is", "No, it was. 482913",
    "No, it's ok 482913", "no ok", "NO 482913 👍", "No, I made this purchase", "no made this purchase", "No I authorized it 482913", "it was not, it was me",
    "it was not it was me 482913", "No it wasn't it was me", "Not me, my payment", "It was me, not you", "that was me not", "I did not deny it", "that is not incorrect",
    "No deny", "No\nit was me", "no, that payment was mine not a purchase", "deny it was me 482913",
    "Falsch, das war ich 482913", "falsch das war ich", "Nein das habe ich gekauft 482913", "Nein, ich war's", "Nein ist meine Zahlung", "nicht falsch",
    "Das ist nicht falsch 482913", "nein nicht das war ich", "Nein, ist von mir", "das war ich, nicht 482913", "Das war ich, ne", "Nein! Mein Kauf!",
    "Non j'ai fait cet achat 482913", "Non, j ai payé", "non c est moi", "c'est moi non", "Non c'est le mien", "mon paiement est refusé", "pas moi c'est moi",
    "je n'ai pas refusé", "C'est moi, n'est-ce pas", "Non, moi",
    "No, lo hice 482913", "No. Hice esta compra", "fui yo no", "No, es mía", "no yo lo hice", "No fui yo, fui yo", "No\nfui yo 482913", "no niego", "No, soy yo 482913",
    "Não, fiz essa compra 482913", "não, é minha", "fui eu não", "Não. Comprei.", "não nego", "Não, sou eu", "não é minha, fui eu",
    "いいえ、購入しました 482913", "違います、私です", "違います私です 482913", "いいえ。本人です。", "いいえ、私の支払いです", "私です、違います",
    # questions
    "It was me, wasn't it", "that was me wasn't it 482913", "I did it didn't I", "Was that not me", "is it not mine 482913", "no?", "NO??? 482913", "yes? 482913",
    "Wasn't it me?", "War das nicht ich", "Das war ich, nicht?", "c'est moi, non ?", "¿No fui yo?", "não fui eu?", "本人ではありませんか？",
    # a yes that something denies
    "Yes, it wasn't me 482913", "yes not me", "Yes ❌", "YES 482913 👎", "Ja, ich war's nicht", "Oui, ce n'est pas moi", "Sí, no fui yo", "si no lo hice 482913",
    "Sim, não fui eu", "はい、違います 482913", "はい、私ではありません", "yes, never", "Yes, false",
    # words that only begin like an answer
    "No need", "no worries", "not sure 482913", "No tengo idea", "nein danke später", "non merci plus tard", "いいえ、大丈夫です", "結構です", "j'ai", "j´ai payé",
    "Ich kenne das nicht", "No reconozco este pago", "não reconheço", "知りません", "👍 482913", "❌ 482913", "✅",
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
    st.from_regex(r"[ \t\n.,!:;\"()]{0,5}", fullmatch=True),
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
