"""What the entries of an address's ledger add up to, and whether a message may go. Pure.

An opt-out binds the address, whoever holds it. A grant binds a person and an address; one without a person (a START sent from the
address) binds whoever writes from it. Only the recipient's own later word lifts an opt-out: evidence from elsewhere never does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Requirement = Literal["allowed", "given_in_transaction", "opt_in", "forbidden"]
"""What a policy asks for: nothing; that the number was given in a payment; an explicit yes; or never."""

GIVEN_IN_TRANSACTION: Final = "given_in_transaction"
OWN_WORD: Final = frozenset({"keyword", "operator"})
"""Sources whose grants lift an earlier opt-out: the recipient's START, or a person who vouches for the recipient's wish."""

RESERVED_SOURCES: Final = OWN_WORD | {GIVEN_IN_TRANSACTION}
"""Sources that only notify itself writes, besides the provider's error codes; evidence from a caller never names one."""

COVERS: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset({"transactional", "fraud", "marketing", "team"}),
    "transactional": frozenset({"transactional", "fraud"}),
    "fraud": frozenset({"fraud"}),
    "marketing": frozenset({"marketing"}),
    "team": frozenset({"team"}),
}
"""Which categories a grant or an opt-out of a category speaks for."""

CATEGORY_OF_CLASS: Final[Mapping[str, str]] = {
    "transactional": "transactional", "transactional_urgent": "fraud", "marketing": "marketing", "team": "team",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry as the gate remembers it."""

    channel: str
    category: str
    scope: str
    person: str
    granted: bool
    source: str
    seq: int

    def speaks_for(self, channel: str, category: str, scope: str) -> bool:
        """Whether it is about such messages."""
        return self.channel in ("all", channel) and category in COVERS[self.category] and self.scope in ("", scope)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The newest entry of each kind, newest last."""

    standing: tuple[Standing, ...] = ()

    @staticmethod
    def load(stored: Iterable[Iterable[Any]]) -> "Verdicts":
        """From what ``dump`` gave."""
        return Verdicts(tuple(Standing(*one) for one in stored))

    def dump(self) -> list[list[Any]]:
        """For the gate's row."""
        return [[s.channel, s.category, s.scope, s.person, s.granted, s.source, s.seq] for s in self.standing]

    def after(self, entry: Standing) -> "Verdicts":
        """With one more entry; it replaces the one it repeats."""
        same = (entry.channel, entry.category, entry.scope, entry.person, entry.granted, entry.source)
        kept = [s for s in self.standing if (s.channel, s.category, s.scope, s.person, s.granted, s.source) != same]
        return Verdicts((*kept, entry))

    @property
    def stopped(self) -> bool:
        """Whether everything is opted out of, on every channel."""
        return any(
            not self._allows_again(s) and s.channel == "all" and s.category == "all" and s.scope == ""
            for s in self.standing
            if not s.granted
        )

    def _allows_again(self, revoked: Standing) -> bool:
        return any(
            s.granted and s.seq > revoked.seq and s.source in OWN_WORD and s.channel == "all" and s.category == "all"
            for s in self.standing
        )

    def newest_is(self, channel: str, category: str, scope: str, person: str, *, source: str, granted: bool) -> bool:
        """Whether the newest word of a person from this source about just this is such a one."""
        about = (channel, category, scope, person, source)
        said = [s for s in self.standing if (s.channel, s.category, s.scope, s.person, s.source) == about]
        return bool(said) and max(said, key=lambda s: s.seq).granted == granted


@dataclass(frozen=True, slots=True)
class Permitted:
    """It may go, because of these ledger entries."""

    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not go."""

    reason: Literal["opted_out", "no_consent"]
    detail: str
    seqs: tuple[int, ...] = ()


def may(
    verdicts: Verdicts, *, channel: str, category: str, scope: str, person: str, requirement: Requirement
) -> Permitted | Denied:
    """Whether a message may go, and which entries say so."""
    about = [s for s in verdicts.standing if s.speaks_for(channel, category, scope)]
    revoked = max((s.seq for s in about if not s.granted), default=0)
    lifted = any(s.granted and s.source in OWN_WORD and s.seq > revoked for s in about)
    if revoked and not lifted:
        return Denied("opted_out", f"opted out (ledger entry {revoked})", (revoked,))
    grants = [s for s in about if s.granted and s.person in ("", person)]
    explicit = tuple(s.seq for s in grants if s.source != GIVEN_IN_TRANSACTION)
    match requirement:
        case "forbidden":
            return Denied("no_consent", f"policy forbids {category} messages by {channel}")
        case "allowed":
            return Permitted(tuple(s.seq for s in grants))
        case "given_in_transaction" if grants:
            return Permitted(tuple(s.seq for s in grants))
        case "opt_in" if explicit:
            return Permitted(explicit)
        case "given_in_transaction":
            return Denied(
                "no_consent",
                f"{category} messages by {channel} need a number that was given in a payment, or an opt-in",
            )
        case _:
            return Denied("no_consent", f"{category} messages by {channel} need an opt-in")
