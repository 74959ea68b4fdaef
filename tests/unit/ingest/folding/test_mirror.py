"""What is known of a customer does not depend on the order of words, and consent stays with the number it was given for."""

import datetime
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from ingest_service.folding import mirror, parse
from ingest_service.folding.mirror import Mirror

NOON = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
OLD, NEW = "+14155552671", "+14155552672"

Word = tuple[int, Mapping[str, Any], Mapping[str, Any]]
"""Minutes past noon, the customer then, and what the changed parts were before."""


def told(*words: Word) -> Mirror:
    known: Mirror | None = None
    for minutes, customer, previous in words:
        at = NOON + datetime.timedelta(minutes=minutes)
        known = mirror.told(known, parse.customer({"id": "cus_1", **customer}, previous), at)
    assert known is not None
    return known


CREATED: Word = (0, {"phone": OLD, "name": "Ana"}, {})
CHANGED: Word = (5, {"phone": NEW, "name": "Ana"}, {"phone": OLD})
RENAMED: Word = (9, {"phone": NEW, "name": "Ana Lopez"}, {"name": "Ana"})


@pytest.mark.parametrize("words", list(itertools.permutations([CREATED, CHANGED, RENAMED])))
def test_a_number_that_took_anothers_place_is_marked_in_whatever_order_it_is_told(words: tuple[Word, ...]) -> None:
    known = told(*words)
    [phone] = known.phones
    assert (phone.number, phone.replaced, known.name) == (NEW, True, "Ana Lopez")


def test_a_first_word_that_names_the_number_before_is_enough() -> None:
    [phone] = told(CHANGED).phones
    assert phone.replaced


def test_a_number_that_was_there_from_the_beginning_is_not_marked() -> None:
    [phone] = told(CREATED, (3, {"phone": OLD, "name": "Ana B"}, {"name": "Ana"})).phones
    assert not phone.replaced


def test_a_number_that_is_added_where_there_was_none_is_not_marked() -> None:
    [phone] = told((0, {"name": "Ana"}, {}), (5, {"phone": NEW}, {"phone": None})).phones
    assert not phone.replaced


@pytest.mark.parametrize("words", list(itertools.permutations([CREATED, (5, {"phone": None}, {"phone": OLD})])))
def test_a_number_that_was_taken_away_is_not_written_to_again(words: tuple[Word, ...]) -> None:
    assert told(*words).phones == ()


REMOVED: Word = (5, {"phone": None}, {"phone": OLD})
ADDED: Word = (9, {"phone": NEW}, {"phone": None})


@pytest.mark.parametrize(
    "words", [*itertools.permutations([CREATED, REMOVED, ADDED]), *itertools.permutations([REMOVED, ADDED])]
)
def test_a_number_that_comes_after_another_one_was_taken_away_took_its_place(words: tuple[Word, ...]) -> None:
    [phone] = told(*words).phones
    assert (phone.number, phone.replaced) == (NEW, True)


def test_that_a_number_was_taken_away_is_remembered_as_it_is_sealed_and_the_number_is_not() -> None:
    known = told(CREATED, REMOVED)
    stored = known.to_json()
    assert OLD not in str(stored)
    reopened = Mirror.from_json("cus_1", known.as_of, False, stored)  # noqa: FBT003 - deleted
    added = parse.customer({"id": "cus_1", "phone": NEW}, {"phone": None})
    [phone] = mirror.told(reopened, added, NOON + datetime.timedelta(minutes=9)).phones
    assert phone.replaced


def test_a_number_that_is_gone_from_the_newest_word_counts_although_it_is_heard_of_later() -> None:
    read: Word = (7, {"phone": None}, {})
    [phone] = told(read, CREATED, ADDED).phones
    assert phone.replaced


def test_a_blank_alone_takes_nothing_away() -> None:
    [phone] = told(CREATED, (5, {"phone": None, "name": "Ana"}, {"name": "A"})).phones
    assert phone.number == OLD


def test_an_own_number_in_metadata_that_was_removed_is_gone() -> None:
    metadata: Word = (0, {"metadata": {"notify_phone": OLD}}, {})
    removed: Word = (5, {"metadata": {}}, {"metadata": {"notify_phone": OLD}})
    assert told(metadata, removed).phones == ()
