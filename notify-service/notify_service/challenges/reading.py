"""Reads a reply as an answer: yes, no or neither, and the numbers in it. Pure.

Generous about how a clear answer is written (case, marks, full-width letters, the code anywhere), strict about what is one: a reply
that holds any word which is not known is neither. "Yes but call me" is no yes. Six languages are read at once, because people answer in
theirs whatever they were asked in. Opt-out words were taken out before (`replies/keywords.py`); none of them stands here.
"""

import re
import unicodedata
from collections.abc import Sequence
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
_NO: Final = _words("no n nope nah nein nee ne non nao")
"""Answers no. What follows may still say that it was them: "No, it was me"."""
_NOT: Final = _words(
    "not wasnt isnt didnt wasn isn didn false deny denied incorrect "  # en; an apostrophe may split a word
    "nicht falsch "  # de
    "pas refuse "  # fr
    "niego "  # es
    "nunca nego"  # pt
)
"""Denies what the rest says."""
_OWN: Final = _words("me my mine i ich meine moi ma mon je j yo mi eu meu minha")
"""Says whose it was."""
_FILLER: Final = _words(
    "it was is that thats this its did do the a payment purchase thanks thank you please hi hello ok okay sir t s "
    "das war bin es dies diese zahlung kauf danke bitte hallo der die "
    "c ce cest cetait est nest netait etait ai jai nai l le la paiement achat merci svp bonjour "
    "fui era el pago compra gracias hola por favor lo hice "
    "foi pagamento obrigado obrigada ola code kode codigo ref"
)
"""Words that go with an answer and change nothing of it."""
_QUIET: Final = _words(
    "stop stopp stopall stopping unsubscribe optout quit revoke end cancel remove "
    "aufhoren abmelden arret arreter arretez baja basta parar pare pares sair cancelar"
)
_QUIET_JA: Final = ("停止", "解除", "やめて")
_YES_JA: Final = ("はい", "ハイ", "ええ", "うん", "そうです", "そう")
_DENIED_AFTER: Final = _words("fui foi era es lo hice")
"""Verbs before which no is their negation in Spanish and Portuguese: "no fui yo"."""
_DENIES_AFTER: Final = _words("yo eu moi")
"""Words after which no denies them: "yo no"."""
_NO_JA: Final = ("いいえ", "イイエ", "いえ", "いや")
_NOT_JA: Final = (
    "違います",
    "ちがいます",
    "違う",
    "ちがう",
    "ではありません",
    "じゃありません",
    "じゃない",
    "ではない",
)
_OWN_JA: Final = ("私", "わたし", "僕", "俺", "自分", "本人")
_FILLER_JA: Final = (
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


class _Sense(StrEnum):
    """What one word contributes."""

    YES = "yes"
    NO = "no"
    NOT = "not"
    OWN = "own"


_SENSES: Final = {_YES: _Sense.YES, _NO: _Sense.NO, _NOT: _Sense.NOT, _OWN: _Sense.OWN}
_BY_NAME: Final = {str(sense): sense for sense in _Sense}
_JAPANESE: Final = re.compile(
    "|".join(
        f"(?P<{name}>{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"
        for name, words in {"not": _NOT_JA, "no": _NO_JA, "yes": _YES_JA, "own": _OWN_JA, "filler": _FILLER_JA}.items()
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
    said: set[_Sense] = set()
    runs = list(_RUN.finditer(plain))
    for number, run in enumerate(runs):
        found = _of_run(run[0])
        if found is None:
            return Word.NEITHER
        if found == {_Sense.NO} and _negates(plain, runs, number):
            found = {_Sense.NOT}
        said |= found
    denied = said & {_Sense.NO, _Sense.NOT}
    if _Sense.YES in said:
        return Word.NEITHER if denied else Word.YES
    if _Sense.NOT in said:
        return Word.NO
    return Word.NO if denied and _Sense.OWN not in said else Word.NEITHER


def _negates(plain: str, runs: Sequence[re.Match[str]], at: int) -> bool:
    """Whether a no belongs to the word beside it. With a mark between them it is an answer by itself: "No, fui yo"."""

    def beside(left: int) -> bool:
        return 0 <= left < len(runs) - 1 and plain[runs[left].end() : runs[left + 1].start()].isspace()

    latin = runs[at][0] in ("no", "nao")
    before_verb = latin and beside(at) and runs[at + 1][0] in _DENIED_AFTER
    return before_verb or (beside(at - 1) and runs[at - 1][0] in _DENIES_AFTER)


def _of_run(run: str) -> set[_Sense] | None:
    """What one word says (nothing: a filler); None for one that is not known."""
    for words, sense in _SENSES.items():
        if run in words:
            return {sense}
    if run in _FILLER:
        return set()
    said: set[_Sense] = set()
    at = 0
    while at < len(run):  # Japanese puts no spaces between words
        match = _JAPANESE.match(run, at)
        if match is None:
            return None
        if match.lastgroup in _BY_NAME:
            said.add(_BY_NAME[match.lastgroup])
        at = match.end()
    return said
