"""The words of answers, by what each adds to a reply, in six languages at once. Pure data.

Latin words stand without accents and apostrophes. No word of consent stands here: those were taken out before (`replies/keywords.py`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Sense(StrEnum):
    """What a word adds to a reply."""

    YES = "yes"  # answers
    NO = "no"  # answers; what follows may still say that it was them: "No, it was me"
    NOT = "not"  # denies the statement that it stands in
    DENY = "deny"  # a verb that denies what follows
    WRONG = "wrong"  # calls a statement untrue, which says nothing of whose it was: "wrong, that was me"
    OWN = "own"  # says whose it was
    DID = "did"  # says by itself that they did it: "lo hice"
    BE = "be"  # makes a statement, which is true unless something in it denies it
    OK = "ok"  # agrees, where it stands behind a no
    FILLER = "filler"  # changes nothing
    MARK = "mark"  # no word: whatever ends a statement


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


_LATIN: Final = {
    Sense.YES: (
        "yes y yep yeah yup ye yess correct confirm confirmed true "
        "ja j jawohl jep jo jup korrekt richtig bestatige bestatigt "
        "oui ouais si confirme sim confirmo confirmado confirmada"
    ),
    Sense.NO: "no n nope nah nein nee ne non nao",
    Sense.NOT: (
        "not wasnt isnt aint didnt wasn isn didn never nicht nichts nie niemals kein keine keinen "
        "pas rien jamais nunca jamas"
    ),
    Sense.DENY: "deny niego nego",
    Sense.WRONG: "false incorrect denied falsch refuse",
    Sense.OWN: (
        "me my mine i ich mein meine meinen meins mir habe hab moi ma mon mien mienne je jai yo mi mia mio eu meu minha"
    ),
    Sense.DID: (
        "did made bought ordered authorized authorised fui hice compre realice soy fiz comprei sou"
    ),
    Sense.BE: (
        "was is its thats war wars bin ist es est cest etait cetait nest netait nai era fue foi e"
    ),
    Sense.OK: "ok okay",
    Sense.FILLER: (
        "it that this the a to do make buy order authorize authorise payment purchase thanks thankyou please hi hello sir t s "
        "das dies diese diesen dieser zahlung kauf von gekauft bezahlt bestellt gemacht getatigt danke bitte hallo der die den "
        "c ce cet cette ai l le la paiement achat fait achete paye effectue commande merci svp bonjour "
        "el esta este esto ese esa pago compra lo gracias hola por favor "
        "o essa esse isso isto pagamento obrigado obrigada ola code kode codigo ref"
    ),
}  # fmt: skip
LATIN: Final[Mapping[str, Sense]] = {word: sense for sense, each in _LATIN.items() for word in words(each)}

JAPANESE: Final[Mapping[Sense, tuple[str, ...]]] = {
    Sense.NOT: (
        "違います", "ちがいます", "違う", "ちがう", "ではありません", "じゃありません", "じゃない", "ではない",
        "そうではありません", "そうじゃありません", "そうじゃない", "していません", "していない", "やっていません", "やってない",
        "買っていません", "覚えがありません", "覚えはありません", "覚えがない",
    ),
    Sense.NO: ("いいえ", "イイエ", "いえ", "いや"),
    Sense.YES: ("はい", "ハイ", "ええ", "うん", "そうです", "そう"),
    Sense.OWN: (
        "私", "わたし", "僕", "俺", "自分", "本人", "しました", "やりました", "買いました",
    ),
    Sense.FILLER: (
        "です", "ます", "が", "は", "の", "も", "を", "に", "身", "購入", "決済", "支払い", "お支払い", "ありがとうございます",
        "ありがとう", "お願いします", "コード",
    ),
}  # fmt: skip
TOPIC: Final = frozenset({"は", "が"})
"""Particles behind which a comma ends nothing: 私は、違います."""

SPLIT: Final = "(?:wasn|isn|didn|ain) t|(?:it|that) s|(?:j|n) ai|(?:c|n) (?:est|etait)|thank you"
"""Words whose apostrophe was written as a space, and two that are one."""

NEGATED: Final = words("fui fue foi era es e hice compre realice soy fiz comprei sou")
"""Verbs whose negation, in Spanish and Portuguese, is a no before them: "no fui yo"."""
OBJECTS: Final = frozenset({"lo", "la", "o", "a"})
"""They may stand between a no and its verb: "no lo hice"."""
IBERIAN_NO: Final = frozenset({"no", "nao"})
ALONE: Final = frozenset({"yo", "eu", "moi"})
"""A no behind one of these, where nothing stands before it, denies them: "yo no"."""
LATE_NOT: Final = frozenset({"war", "wars", "bin", "ist", "es"})
"""After these whose it was may come before what denies it: "das war ich nicht"."""
TAGS: Final = frozenset({"wasnt", "isnt", "didnt", "aint"})
ASKED: Final = frozenset({"it", "that", "this"})
"""Behind a tag or a verb that begins they make it a question: "that was me wasn't it"."""
GERMAN_ASKED: Final = frozenset({"das", "dies"})
AGREEING: Final = "👍👌✅✔☑🆗💯"
REFUSING: Final = "👎❌✖❎🚫⛔"
