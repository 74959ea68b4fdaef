"""What the ledger adds up to, and whether a message may go."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.consent.policy import REQUIREMENTS
from notify_service.consent.verdicts import (
    GIVEN_IN_TRANSACTION,
    OWN_WORD,
    Denied,
    Permitted,
    Requirement,
    Standing,
    Verdicts,
    may,
)

CHANNELS, CATEGORIES, SCOPES, PEOPLE = ("sms", "voice", "whatsapp"), ("transactional", "fraud", "marketing", "team"), ("", "a", "b"), ("", "ana", "bob")  # fmt: skip
SOURCES = ("keyword", "operator", GIVEN_IN_TRANSACTION, "checkout", "21610", "import")
WORDS = st.lists(
    st.builds(
        Standing, st.sampled_from(("all", *CHANNELS)), st.sampled_from(("all", *CATEGORIES)), st.sampled_from(SCOPES),
        st.sampled_from(PEOPLE), st.booleans(), st.sampled_from(SOURCES), st.just(0),
    ),
    max_size=12,
)  # fmt: skip
ASKED = st.fixed_dictionaries({
    "channel": st.sampled_from(CHANNELS), "category": st.sampled_from(CATEGORIES), "scope": st.sampled_from(SCOPES),
    "person": st.sampled_from(("ana", "bob")), "requirement": st.sampled_from(REQUIREMENTS),
})  # fmt: skip


def told(words: Sequence[Standing]) -> Verdicts:
    """Verdicts after these, in order."""
    verdicts = Verdicts()
    for seq, word in enumerate(words, 1):
        fields = (word.channel, word.category, word.scope, word.person, word.granted, word.source)
        verdicts = verdicts.after(Standing(*fields, seq))
    return verdicts


def word(source: str, *, granted: bool = True, channel: str = "sms", category: str = "transactional", person: str = "", scope: str = "") -> Standing:  # fmt: skip
    """One entry."""
    return Standing(channel, category, scope, person, granted, source, 0)


STOP = word("keyword", granted=False, channel="all", category="all")
START = word("keyword")
GIVEN = word(GIVEN_IN_TRANSACTION, person="ana")


def asked(
    words: Sequence[Standing], requirement: Requirement = "given_in_transaction", **more: Any
) -> Permitted | Denied:
    """Whether Ana may get a transactional text."""
    wanted: dict[str, Any] = {"channel": "sms", "category": "transactional", "scope": "", "person": "ana"} | more
    return may(told(words), requirement=requirement, **wanted)


@given(WORDS, ASKED)
def test_after_a_stop_nothing_goes_whatever_was_said_before(words: list[Standing], wanted: dict[str, Any]) -> None:
    decision = may(told([*words, STOP]), **wanted)
    assert isinstance(decision, Denied)
    assert decision.reason == "opted_out"


@given(WORDS, WORDS, ASKED)
def test_only_the_recipients_own_word_lifts_a_stop(
    before: list[Standing], after: list[Standing], wanted: dict[str, Any]
) -> None:
    others = [one for one in after if not (one.granted and one.source in OWN_WORD)]
    decision = may(told([*before, STOP, *others]), **wanted)
    assert isinstance(decision, Denied)
    assert decision.reason == "opted_out"


@given(WORDS, ASKED)
def test_a_permission_names_entries_that_stand_and_speak_for_this_message(
    words: list[Standing], wanted: dict[str, Any]
) -> None:
    verdicts = told(words)
    decision = may(verdicts, **wanted)
    if isinstance(decision, Permitted):
        standing = {one.seq: one for one in verdicts.standing}
        assert decision.seqs or wanted["requirement"] == "allowed"
        for seq in decision.seqs:
            assert standing[seq].granted
            assert standing[seq].speaks_for(wanted["channel"], wanted["category"], wanted["scope"])
            assert standing[seq].person in ("", wanted["person"])
            assert wanted["requirement"] != "opt_in" or standing[seq].source != GIVEN_IN_TRANSACTION
    assert wanted["requirement"] != "forbidden" or isinstance(decision, Denied)


@given(WORDS)
def test_verdicts_come_back_from_the_gates_row_as_they_went_there(words: list[Standing]) -> None:
    verdicts = told(words)
    assert Verdicts.load(verdicts.dump()) == verdicts


@pytest.mark.parametrize(
    ("words", "requirement", "wanted", "reason"),
    [
        ([], "allowed", {}, None),
        ([], "given_in_transaction", {}, "no_consent"),
        ([GIVEN], "given_in_transaction", {}, None),
        ([GIVEN], "given_in_transaction", {"category": "fraud"}, None),
        ([GIVEN], "given_in_transaction", {"channel": "voice"}, "no_consent"),
        ([GIVEN], "opt_in", {}, "no_consent"),
        ([GIVEN], "forbidden", {}, "no_consent"),
        # grants bind the person and the address: another person with the same number has said nothing
        ([GIVEN], "given_in_transaction", {"person": "bob"}, "no_consent"),
        # an opt-out binds the address, whoever holds it
        ([GIVEN, STOP], "allowed", {"person": "bob"}, "opted_out"),
        # START restores its own channel and transactional messages, and nothing else
        ([GIVEN, STOP, START], "given_in_transaction", {}, None),
        ([GIVEN, STOP, START], "allowed", {"channel": "voice"}, "opted_out"),
        ([word("checkout", category="marketing", person="ana"), STOP, START], "opt_in", {"category": "marketing"}, "opted_out"),
        ([STOP, START, STOP], "allowed", {}, "opted_out"),
        # evidence from elsewhere is consent, but lifts no opt-out
        ([word("checkout", person="ana")], "opt_in", {}, None),
        ([STOP, word("checkout", channel="all", category="all", person="ana")], "opt_in", {}, "opted_out"),
        ([word("checkout", person="ana", scope="a")], "opt_in", {"scope": "b"}, "no_consent"),
        ([word("checkout", person="ana", scope="a")], "opt_in", {"scope": "a"}, None),
        # a number that blocks us at the provider
        ([GIVEN, word("21610", granted=False, channel="all", category="all")], "given_in_transaction", {}, "opted_out"),
    ],
)  # fmt: skip
def test_who_may_be_written_to(
    words: list[Standing], requirement: Requirement, wanted: dict[str, Any], reason: str | None
) -> None:
    decision = asked(words, requirement, **wanted)
    assert (decision.reason if isinstance(decision, Denied) else None) == reason


def test_the_gate_says_stopped_while_everything_is_opted_out() -> None:
    assert told([GIVEN, STOP]).stopped
    assert not told([GIVEN]).stopped
    assert told([STOP, START]).stopped  # the other channels still are
    assert not told([STOP, word("operator", channel="all", category="all")]).stopped


def test_the_newest_word_of_a_source_counts_not_an_older_one_of_the_same_sense() -> None:
    on, off = word("checkout", person="ana"), word("checkout", granted=False, person="ana")

    def newest(words: Sequence[Standing], *, granted: bool) -> bool:
        return told(words).newest_is("sms", "transactional", "", "ana", source="checkout", granted=granted)

    assert newest([on], granted=True)
    assert not newest([on, off], granted=True)
    assert newest([on, off], granted=False)
    assert newest([on, off, on], granted=True)
    assert not newest([], granted=True)
