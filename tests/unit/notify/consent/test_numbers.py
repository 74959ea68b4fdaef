"""Which number is taken: the right one, or none and the reason."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.consent.number import Candidate, Choice, Number, choose, explain, of_whatsapp, read

MOBILES = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (example := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)) is not None
]


def taken(text: str, *regions: str) -> str:
    """The number in E.164, or why there is none."""
    found = read(text, regions)
    return found.e164 if isinstance(found, Number) else found


@pytest.mark.parametrize(
    ("text", "regions", "result"),
    [
        ("+14155552671", ("DE",), "+14155552671"),  # with a plus the region means nothing
        ("(415) 555-2671", ("US",), "+14155552671"),
        ("4155552671", ("GB", "US"), "+14155552671"),  # possible in Britain, but nobody's number there
        ("4155552671", ("GB",), "invalid"),
        ("4155552671", (), "unreadable"),
        ("020 7946 0018", ("US", "GB"), "+442079460018"),
        ("0043 664 1234567", ("DE",), "+436641234567"),
        ("+52 1 55 1234 5678", (), "invalid"),
        ("+52 55 1234 5678", (), "+525512345678"),
        ("+55 11 98765 4321", (), "+5511987654321"),
        ("011 15 2345 6789", ("AR",), "+5491123456789"),
        ("+1 415 555 2671 x123", (), "extension"),
        ("+1 415 555 2671 / +1 415 555 2672", (), "unreadable"),
        ("tel:+1-415-555-2671", (), "+14155552671"),
        ("＋１４１５５５５２６７１", (), "+14155552671"),
        ("+1 800 356 9377", (), "wrong_kind"),
        ("+1 900 555 1234", (), "wrong_kind"),
        ("+15005550006", (), "wrong_kind"),
        ("+882 16 1234 5678", (), "wrong_kind"),
        ("12345", ("US",), "invalid"),
        ("+1 555 010 0001", (), "invalid"),
        ("n/a", ("US",), "unreadable"),
        ("+", (), "unreadable"),
        ("", ("US",), "missing"),
        (" \t", ("US",), "missing"),
    ],
)  # fmt: skip
def test_a_number_is_read_in_the_first_region_in_which_it_is_valid(
    text: str, regions: tuple[str, ...], result: str
) -> None:
    assert taken(text, *regions) == result


def test_a_landline_can_be_called_and_not_texted() -> None:
    landline = Candidate("+442079460018", "customer.phone", ())
    assert choose([landline], ["sms"]).refused == (("customer.phone", "wrong_kind"),)
    assert choose([landline], ["sms", "voice"]).number is not None


def test_the_first_candidate_that_a_wanted_channel_reaches_is_taken_and_the_others_are_explained() -> None:
    choice = choose(
        [
            Candidate("", "invoice.customer_phone", ("US",)),
            Candidate("12", "shipping.phone", ("US",)),
            Candidate("+14155552671", "customer.phone", ()),
            Candidate("+14155552672", "charge.billing_details.phone", ()),
        ],
        ["sms"],
    )
    assert choice.number is not None
    assert (choice.number.e164, choice.index) == ("+14155552671", 2)
    assert explain(choice) == (
        "invoice.customer_phone is empty; shipping.phone is not a valid number in any of the regions given"
    )
    assert explain(choose([], ["sms"])) == "no number is known"


@given(st.sampled_from(MOBILES), st.sampled_from(["", " ", "DE", "zz"]))
def test_every_countrys_mobile_number_is_reached_by_text_and_never_shown(number: str, region: str) -> None:
    found = read(number, (region,) if len(region) == 2 else ())
    if isinstance(found, Number):  # where mobile numbers look like pagers or premium ones, it is refused
        assert found.e164 == number
        assert "sms" in found.channels
        assert number[:-2] not in f"{found!r} {found.masked}"


@given(st.text(max_size=64), st.lists(st.text("ABDEGSUXYZ", min_size=2, max_size=2), max_size=3))
def test_whatever_is_typed_gives_a_dialable_number_or_a_reason(text: str, regions: list[str]) -> None:
    found = read(text, tuple(regions))
    if isinstance(found, Number):
        assert phonenumbers.is_valid_number(phonenumbers.parse(found.e164))
        assert found.channels
    choice = choose([Candidate(text, "customer.phone", tuple(regions))], ["sms"])
    assert isinstance(choice, Choice)
    digits = "".join(character for character in text if character.isdigit())
    assert len(digits) < 5 or digits not in explain(choice)


@pytest.mark.parametrize(
    ("identity", "number"),
    [
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+525512345678"),
        ("+556296915034", "+5562996915034"),
        ("+5562996915034", "+5562996915034"),
        ("+555133334444", "+555133334444"),  # a landline has WhatsApp, too
        ("+5491154933738", "+5491154933738"),
        ("+14155552671", "+14155552671"),
        ("+521551234567", "+521551234567"),
        ("name", "name"),
    ],
)
def test_who_writes_by_whatsapp_is_the_number_that_is_written_to(identity: str, number: str) -> None:
    assert of_whatsapp(identity) == number
