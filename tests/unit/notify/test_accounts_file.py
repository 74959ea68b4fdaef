"""The accounts file: read whole, or refused whole with every problem, the entry it stands in and a remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from notify_service import accounts_file
from notify_service.accounts import Account
from notify_service.delivery.service import sending_account_of
from notify_service.environment import InvalidSettingsError
from tests.integration.notify import service

SMS = {"name": "sms", "channel": "sms", "from": "+14155550100"}
VOICE = {"name": "voice", "channel": "voice", "from": "+14155550101"}
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_tokens": ["first", "second"]}
Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads a file with one account (or, as text, whatever stands in it)."""

    def read(*senders: Any, text: str | None = None, **changes: Any) -> Account:
        path = tmp_path / "accounts.yaml"
        entry = {"id": "main", "twilio": TWILIO, "senders": list(senders or [SMS])} | changes
        path.write_text(yaml.safe_dump({"accounts": [entry]}) if text is None else text)
        return accounts_file.load(service.settings("postgres://nowhere", "https://api.twilio.com", notify_accounts_file=path,
                                                   notify_vendor_time_scale=1.0))["main"]  # fmt: skip

    return read


def problems(load: Load, *senders: Any, **changes: Any) -> list[str]:
    """What is said about a file, without the path that each line begins with."""
    with pytest.raises(InvalidSettingsError) as wrong:
        load(*senders, **changes)
    lines = str(wrong.value).splitlines()
    assert all("accounts.yaml: " in line for line in lines)
    return [line.split("accounts.yaml: ")[1] for line in lines]


def test_one_name_for_two_senders_is_refused(load: Load) -> None:
    """A message is sought again under its sender's name: under a shared one at the wrong number, and then sent twice."""
    assert problems(load, SMS, VOICE | {"name": "sms"}) == [
        "accounts[0]: senders[1]: the name sms is used twice: give each sender a name of its own"
    ]


def test_two_senders_for_one_scope_and_channel_are_refused(load: Load) -> None:
    assert problems(load, SMS, SMS | {"name": "other"}) == [
        "accounts[0]: senders[1]: the account's default scope has a sender for sms already: remove one, or give it a scope of its own"
    ]
    brand = SMS | {"scope": "brand"}
    assert problems(load, SMS, brand | {"name": "one"}, brand | {"name": "two"}) == [
        "accounts[0]: senders[2]: the scope brand has a sender for sms already: remove one, or give it a scope of its own"
    ]


@pytest.mark.parametrize("pace", [0, -1, "0", "10", True, float("inf"), float("nan"), [1]])
def test_a_pace_that_nothing_could_be_sent_at_is_refused(load: Load, pace: Any) -> None:
    assert problems(load, SMS | {"segments_per_second": pace}) == [
        "accounts[0]: senders[0]: segments_per_second must be a number above 0: give the sender's pace, or leave it out"
    ]


def test_intake_and_delivery_name_the_same_sender(load: Load) -> None:
    """For every channel and scope, known or not."""
    scoped = SMS | {"name": "brand_sms", "scope": "brand", "segments_per_second": 2}
    account = load(SMS, VOICE, scoped)
    delivering = sending_account_of(account)
    for channel in ("sms", "voice", "whatsapp"):
        for scope in ("", "brand", "unknown"):
            intake, delivery = account.sender_for(channel, scope), delivering.sender_for(channel, scope)
            assert (intake.name if intake else None) == (delivery.name if delivery else None)
    assert account.sender_for("sms", "brand").name == "brand_sms"
    assert account.sender_for("voice", "brand").name == "voice"
    assert account.sender_for("whatsapp") is None
    assert delivering.senders()["brand_sms"].pace == 2


def test_all_problems_are_told_at_once_each_with_its_entry_and_a_remedy(load: Load) -> None:
    text = yaml.safe_dump(
        {
            "accounts": [
                {"id": "Main!", "zone": "Mars/Base", "twilio": {"auth_tokens_file": "/nowhere"}, "senders": []},
                {"id": "b", "twilio": TWILIO | {"api_key": "SK1"}, "senders": [{"name": "1", "channel": "fax", "scope": "A B"}]},
                {"id": "b", "twilio": TWILIO, "senders": [SMS | {"from": 14155550100}, "sms"]},
                "nonsense",
            ]
        }
    )  # fmt: skip
    assert problems(load, text=text) == [
        "accounts[0]: id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit",
        "accounts[0]: twilio.account_sid is required: copy it from Twilio's console",
        "accounts[0]: twilio.auth_tokens_file cannot be read (No such file or directory): name a file that this process may read",
        "accounts[0]: zone Mars/Base is no IANA zone: use one as Europe/Vienna",
        "accounts[0]: senders: at least one is required: give a list with name, channel and from",
        "accounts[1]: twilio.api_key and twilio.api_secret belong together: give both or none",
        "accounts[1]: senders[0]: name must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter",
        "accounts[1]: senders[0]: scope must be 1 to 64 of a-z, 0-9 and _, beginning with a letter",
        "accounts[1]: senders[0]: from or messaging_service_sid is required: say where its messages come from",
        "accounts[1]: senders[0]: channel must be one of sms, voice, whatsapp",
        "accounts[2]: senders[0]: from is no text: put the number in quotes",
        "accounts[2]: senders[1]: name must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter",
        "accounts[2]: senders[1]: from or messaging_service_sid is required: say where its messages come from",
        "accounts[2]: senders[1]: channel must be one of sms, voice, whatsapp",
        "accounts[2]: id b is used twice: give each account an id of its own",
        "accounts[3]: id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit",
        "accounts[3]: twilio.account_sid is required: copy it from Twilio's console",
        "accounts[3]: twilio.auth_tokens or twilio.auth_tokens_file is required: give the account's token",
        "accounts[3]: senders: at least one is required: give a list with name, channel and from",
    ]


@pytest.mark.parametrize("text", ["", "accounts: {}", "accounts: []", "- main", "accounts: [", "accounts: \x00"])
def test_a_file_without_accounts_is_refused(load: Load, text: str) -> None:
    assert len(problems(load, text=text)) == 1


def test_tokens_come_from_the_file_or_from_one_that_it_names(load: Load, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("one, two\n")
    assert load().auth_tokens == ("first", "second")
    assert load(twilio={"account_sid": "AC1", "auth_tokens_file": str(secret)}).auth_tokens == ("one", "two")
    assert load(twilio=TWILIO | {"auth_tokens": "one,two"}).auth_tokens == ("one", "two")


def test_what_is_not_said_of_an_account_is_taken_from_the_environment(load: Load) -> None:
    account = load()
    assert (account.brand, account.zone, account.language) == ("Acme", "UTC", "en")
    assert "first" not in repr(account)


def test_without_a_file_there_is_one_account_with_a_sender_for_each_channel_that_has_a_number() -> None:
    settings = service.settings("postgres://nowhere", "http://127.0.0.1:9", twilio_whatsapp_from="whatsapp:+14155550109",
                                twilio_segments_per_second=3)  # fmt: skip
    account = accounts_file.load(settings)["main"]
    found = {(one.name, one.channel, one.number, one.segments_per_second) for one in account.senders}
    assert found == {("sms", "sms", "+14155550100", 3.0), ("voice", "voice", "+14155550100", None),
                     ("whatsapp", "whatsapp", "+14155550109", None)}  # fmt: skip


def test_paths_are_read_from_where_the_file_stands(load: Load, tmp_path: Path) -> None:
    (tmp_path / "policy-main.yaml").write_text("")
    (tmp_path / "texts-main").mkdir()
    (tmp_path / "token").write_text("third,fourth\n")
    account = load(
        policy="policy-main.yaml", texts="texts-main",
        twilio={"account_sid": TWILIO["account_sid"], "auth_tokens_file": "token"},
    )  # fmt: skip
    assert account.policy_file == tmp_path / "policy-main.yaml"
    assert account.texts == tmp_path / "texts-main"
    assert account.auth_tokens == ("third", "fourth")
    assert problems(load, policy="nowhere.yaml", texts="token") == [
        f"accounts[0]: policy: {tmp_path}/nowhere.yaml is not a file: correct the path, or leave it out",
        f"accounts[0]: texts: {tmp_path}/token is not a folder: correct the path, or leave it out",
    ]


CONTENT = {
    "template": "fraud_question",
    "language": "en",
    "content_sid": "HX" + "1" * 32,
    "variables": ["brand", "code", "reference"],
}


def test_approved_words_of_whatsapp_are_read(load: Load) -> None:
    german = CONTENT | {"language": "de", "variant": "captured"}
    first, second = load(SMS, whatsapp_templates=[CONTENT, german]).contents
    assert (first.template, first.variant, first.language, first.variables) == (
        "fraud_question", "default", "en", ("brand", "code", "reference"),
    )  # fmt: skip
    assert (second.variant, second.language) == ("captured", "de")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content_sid": "MG1"}, "content_sid must be HX and 32 hexadecimal digits: copy it from Twilio's console"),
        ({"variables": ["brand", "code"]}, "variables lack reference: give it a place in the approved words"),
        ({"variables": "brand"}, "variables must list the names of values in the order of their places"),
        ({"language": "English"}, "language must be such as en or pt-BR"),
        ({"template": ""}, "template and variant must be names of templates as in texts/"),
        ({"sid": "x"}, "sid is unknown: it has content_sid, language, template, variables, variant"),
    ],
)
def test_approved_words_that_could_not_be_sent_are_refused(load: Load, change: Any, said: str) -> None:
    assert problems(load, SMS, whatsapp_templates=[CONTENT | change]) == [f"accounts[0]: whatsapp_templates[0]: {said}"]


def test_approved_words_that_stand_twice_are_refused(load: Load) -> None:
    [said] = problems(load, SMS, whatsapp_templates=[CONTENT, CONTENT])
    assert "fraud_question default en stands twice" in said
