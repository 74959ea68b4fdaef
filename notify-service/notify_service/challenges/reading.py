"""Reads a reply as an answer: yes, no or neither, and the numbers in it. Pure.

Generous about how a clear answer is written (case, marks, full-width letters, the code anywhere), strict about what is one: a reply
that holds any word which is not known is neither. "Yes but call me" is no yes. Six languages are read at once, because people answer in
theirs whatever they were asked in. Opt-out words were taken out before (`replies/keywords.py`); none of them stands here.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Word(StrEnum):
    """What the words of a reply say."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Reading:
    """A reply as it was read. `numbers`: every group of digits, and groups with only spaces or hyphens between as one.

    `wants_quiet`: it has a word of somebody who wants no more messages, beside others: we do not write back to that.
    """

    word: Word
    numbers: tuple[str, ...]
    wants_quiet: bool = False

    def __repr__(self) -> str:
        return f"Reading({self.word})"  # a number may be a code


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES: Final = _words(
    "yes y yep yeah yup ye yess correct confirm confirmed true "  # en
    "ja j jawohl jep jo jup korrekt richtig "  # de
    "oui ouais si "  # fr, es
    "sim "  # pt
    "confirme confirmo confirmado confirmada bestatige bestatigt"
)
_NO: Final = _words(
    "no n nope nah not wasnt isnt didnt wasn isn didn false deny denied incorrect "  # en; an apostrophe may split a word
    "nein nee ne nicht falsch "  # de
    "non pas "  # fr
    "nao nunca "  # pt
    "niego nego refuse"
)
_FILLER: Final = _words(
    "it was is that thats this me i its did do the a my payment purchase mine thanks thank you please hi hello ok okay sir t s "
    "das war ich bin es dies diese zahlung kauf meine danke bitte hallo der die "
    "c ce cest cetait est nest netait moi etait j ai jai je l le la mon ma paiement achat merci svp bonjour "
    "fui yo era el mi pago compra gracias hola por favor lo hice "
    "eu foi minha meu pagamento obrigado obrigada ola code kode codigo ref"
)
"""Words that go with an answer and change nothing of it."""
_QUIET: Final = _words(
    "stop stopp stopall stopping unsubscribe optout quit revoke end cancel remove "
    "aufhoren abmelden arret arreter arretez baja basta parar pare pares sair cancelar"
)
_QUIET_JA: Final = ("停止", "解除", "やめて")
_YES_JA: Final = ("はい", "ハイ", "ええ", "うん", "そうです", "そう")
_NO_JA: Final = (
    "いいえ",
    "イイエ",
    "いえ",
    "いや",
    "違います",
    "ちがいます",
    "違う",
    "ちがう",
    "ではありません",
    "じゃありません",
    "じゃない",
    "ではない",
)
_FILLER_JA: Final = (
    "私",
    "わたし",
    "僕",
    "俺",
    "自分",
    "本人",
    "です",
    "ます",
    "が",
    "は",
    "の",
    "支払い",
    "ありがとうございます",
    "ありがとう",
    "お願いします",
    "コード",
)
_JAPANESE: Final = re.compile(
    "|".join(
        f"({'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})" for words in (_NO_JA, _YES_JA, _FILLER_JA)
    )
)
_SPAN: Final = re.compile(r"[0-9]+(?:[ \-]+[0-9]+)*")
_RUN: Final = re.compile(r"[^\W\d_]+")
_LONGEST: Final = 1_600


def read(text: str) -> Reading:
    """What a reply says."""
    plain = _plain(text[:_LONGEST])
    numbers: list[str] = []
    for span in _SPAN.findall(plain):
        groups = re.findall("[0-9]+", span)
        numbers += [*groups, "".join(groups)]
    quiet = bool(_QUIET & set(_RUN.findall(plain))) or any(one in plain for one in _QUIET_JA)
    return Reading(_word(plain), tuple(dict.fromkeys(numbers)), quiet)


def _plain(text: str) -> str:
    """Lower case, plain digits and letters: without accents, but with the marks that change a Japanese letter."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    digits = "".join(str(unicodedata.digit(one)) if one.isdigit() else one for one in folded)
    bare = "".join(one for one in unicodedata.normalize("NFD", digits) if not 0x300 <= ord(one) < 0x370)
    return re.sub(r"['\u2019\u02bc]", "", unicodedata.normalize("NFC", bare))


def _word(plain: str) -> Word:
    said: set[Word] = set()
    for run in _RUN.findall(plain):
        found = _of_run(run)
        if found is None:
            return Word.NEITHER
        said |= found
    return said.pop() if len(said) == 1 else Word.NEITHER


def _of_run(run: str) -> set[Word] | None:
    """What one word says (nothing: a filler); None for one that is not known."""
    if run in _YES:
        return {Word.YES}
    if run in _NO:
        return {Word.NO}
    if run in _FILLER:
        return set()
    said: set[Word] = set()
    at = 0
    while at < len(run):  # Japanese puts no spaces between words
        match = _JAPANESE.match(run, at)
        if match is None:
            return None
        if match.group(1):
            said.add(Word.NO)
        elif match.group(2):
            said.add(Word.YES)
        at = match.end()
    return said
