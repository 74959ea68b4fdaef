"""Reads a reply as an answer: yes, no or neither, and the numbers in it. Pure.

Generous about how a clear answer is written (case, marks, full-width letters, the code anywhere), strict about what is one: a reply
that holds any word which is not known is neither. "Yes but call me" is no yes. Six languages are read at once, because people answer in
theirs whatever they were asked in.

A no can be the end of a payment and of a card, so it must not contradict itself: whoever is frightened answers "No, it was me". A reply
is therefore read statement by statement, and a no beside a statement that nothing denies is neither.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from notify_service.challenges import vocabulary
from notify_service.challenges.vocabulary import Sense


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


_QUIET: Final = vocabulary.words(
    "stop stopp stopall stopping unsubscribe optout quit revoke end cancel remove "
    "aufhoren abmelden arret arreter arretez baja basta parar pare pares sair cancelar"
)
_QUIET_JA: Final = ("停止", "解除", "やめて")
_JAPANESE: Final = re.compile(
    "|".join(
        f"(?P<{sense}>{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"
        for sense, words in vocabulary.JAPANESE.items()
    )
)
_SPAN: Final = re.compile(r"[0-9]+(?:[ \-]+[0-9]+)*")
_RUN: Final = re.compile(r"[^\W\d_]+")
_SPLIT: Final = re.compile(rf"\b(?:{vocabulary.SPLIT})\b")
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'\u2019\u2018\u02bc\u00b4`\u2032"))
_MARK: Final = re.compile(r"\S|\n")
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
    folded = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold().translate(_APOSTROPHES)
    digits = "".join(str(unicodedata.digit(one)) if one.isdigit() else one for one in folded)
    bare = "".join(one for one in unicodedata.normalize("NFD", digits) if not 0x300 <= ord(one) < 0x370)
    return _SPLIT.sub(lambda split: split[0].replace(" ", ""), unicodedata.normalize("NFC", bare))


def _word(plain: str) -> Word:
    if "?" in plain:  # "Was it not me?" and "It was me, no?" deny nothing
        return Word.NEITHER
    tokens = _tokens(plain)
    if tokens is None:
        return Word.NEITHER
    said = _Saying(_with_negated_verbs(tokens))
    said.read()
    refused = said.denied or any(sign in plain for sign in vocabulary.REFUSING)
    agreed = said.yes or said.affirmed or any(sign in plain for sign in vocabulary.AGREEING)
    if said.yes:
        return Word.NEITHER if refused else Word.YES
    return Word.NO if said.denied and not agreed else Word.NEITHER


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of a reply, or a mark."""

    word: str
    sense: Sense


_END: Final = _Token("", Sense.MARK)


def _tokens(plain: str) -> list[_Token] | None:
    """The words and marks; None where a word is not known."""
    tokens: list[_Token] = []
    at = 0
    for run in _RUN.finditer(plain):
        if _MARK.search(plain, at, run.start()) and tokens and tokens[-1].word not in vocabulary.TOPIC:
            tokens.append(_END)
        found = _of_run(run[0])
        if found is None:
            return None
        tokens += found
        at = run.end()
    return tokens


def _of_run(run: str) -> list[_Token] | None:
    if (sense := vocabulary.LATIN.get(run)) is not None:
        return [_Token(run, sense)]
    found: list[_Token] = []
    at = 0
    while at < len(run):  # Japanese puts no spaces between words
        match = _JAPANESE.match(run, at)
        if match is None or match.lastgroup is None:
            return None
        found.append(_Token(match[0], Sense(match.lastgroup)))
        if found[-1].sense is Sense.NOT:  # it stands behind what it denies
            found.append(_END)
        at = match.end()
    return found


def _with_negated_verbs(tokens: Sequence[_Token]) -> list[_Token]:
    """The same with each Spanish or Portuguese verb that is denied as one word: "no fui", "no lo hice", "nunca compre"."""
    found: list[_Token] = []
    at = 0
    while at < len(tokens):
        token, verb = tokens[at], at + 1
        denies = token.word in vocabulary.IBERIAN_NO or token.sense is Sense.NOT
        if denies and verb + 1 < len(tokens) and tokens[verb].word in vocabulary.OBJECTS:
            verb += 1
        if denies and verb < len(tokens) and _is_denied_by(token, tokens[verb]):
            found.append(_Token(token.word, Sense.NOT))
            at = verb + 1
            continue
        found.append(token)
        at += 1
    return found


def _is_denied_by(before: _Token, verb: _Token) -> bool:
    """Whether this verb is one that a word before it denies."""
    never = before.sense is Sense.NOT and verb.sense is Sense.DID
    return never or verb.word in vocabulary.NEGATED


class _Saying:
    """A reply read statement by statement."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = [_END, *tokens, _END]
        self.yes = False
        self.denied = False
        self.affirmed = False
        self._begin()

    def _begin(self) -> None:
        self._denies = self._wrong = self._own = self._states = False

    def _close(self) -> None:
        """The end of a statement: it says that it was them, or that something is so, unless something in it denies it."""
        if not self._denies:
            self.affirmed |= self._own or (self._states and not self._wrong)
        self._begin()

    def read(self) -> None:
        """Reads all of it."""
        for at in range(1, len(self._tokens)):
            self._hear(at, self._tokens[at])

    def _hear(self, at: int, token: _Token) -> None:
        before = self._tokens[at - 1]
        behind = self._tokens[at + 1] if at + 1 < len(self._tokens) else _END
        match token.sense:
            case Sense.MARK:
                self._close()
            case Sense.YES:
                self.yes = True
            case Sense.NO if before.word in vocabulary.ALONE and self._first(at - 1):
                self._deny()
            case Sense.NO:
                self.denied, self._states = True, False  # "it's a no" states nothing else
            case Sense.NOT:
                tag = token.word in vocabulary.TAGS
                asks = behind.word in vocabulary.ASKED or (behind.word == "i" and self._first(at))
                self.affirmed |= self._wrong or (tag and asks)
                self._deny()
            case Sense.DENY:
                self.affirmed |= self._denies or before.word in vocabulary.IBERIAN_NO
                self._deny()
            case Sense.WRONG:
                self.affirmed |= self._denies
                self.denied = self._wrong = True
            case Sense.OK:
                self.affirmed |= self.denied
            case _:
                self._state(at, token, before, behind)

    def _state(self, at: int, token: _Token, before: _Token, behind: _Token) -> None:
        """A word of a statement: whose it was, or that something is so."""
        match token.sense:
            case Sense.OWN:
                of_verb = before.sense is Sense.BE and before.word not in vocabulary.LATE_NOT
                self.affirmed |= of_verb and not self._denies
                self._own = True
            case Sense.DID:
                self.affirmed |= behind.sense is not Sense.NOT
            case Sense.BE:
                if self._denies:  # what is denied is said: this begins another statement
                    self._close()
                self._states = True
                self.affirmed |= self._first(at) and self._asks_whether_not(at)
            case _:
                pass

    def _deny(self) -> None:
        self.denied = self._denies = True

    def _first(self, at: int) -> bool:
        """Whether nothing of its statement stands before it."""
        return self._tokens[at - 1].sense in (Sense.MARK, Sense.NO)

    def _asks_whether_not(self, at: int) -> bool:
        """Whether it begins a question such as "was that not me"."""
        behind = self._tokens[at + 1 : at + 3]
        return (
            len(behind) == 2
            and behind[0].word in (vocabulary.ASKED | vocabulary.GERMAN_ASKED)
            and behind[1].sense is Sense.NOT
        )
