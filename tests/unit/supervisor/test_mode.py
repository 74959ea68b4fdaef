"""What `.env` decides."""

import pytest

from paybell_sandbox.supervisor.mode import DATA, Incomplete, RealVendors, Sandboxed, decide

KEYS = {
    "STRIPE_API_KEY": "sk_test_1",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_FROM": "+14155550100",
}


@pytest.mark.parametrize(
    "settings", [{}, {"STRIPE_API_KEY": ""}, {"NOTIFY_BRAND": "Acme"}, {"INGEST_PUBLIC_URL": "https://a.example"}]
)
def test_without_any_key_the_vendors_are_played(settings: dict[str, str]) -> None:
    assert decide(settings) == Sandboxed()


@pytest.mark.parametrize(
    "settings",
    [
        {"TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s"},
        {"STRIPE_WEBHOOK_SECRETS": "whsec_1"},
        {"TWILIO_API_SECRET_FILE": "/run/secret"},
        {"TWILIO_FROM": "+14155550100"},
        {"NOTIFY_ACCOUNTS_FILE": "accounts.yaml"},
    ],
)
def test_no_key_of_any_kind_reaches_a_played_vendor(settings: dict[str, str]) -> None:
    assert isinstance(decide(settings), Incomplete)


def test_with_all_keys_and_no_public_url_both_vendors_are_polled() -> None:
    assert decide(KEYS) == RealVendors(live=False, own_data=False, stripe_webhooks=False, twilio_webhooks=False)


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_a_live_key_is_known_as_such(key: str) -> None:
    mode = decide(KEYS | {"STRIPE_API_KEY": key})
    assert isinstance(mode, RealVendors)
    assert mode.live


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_key_that_is_missing_is_named(name: str) -> None:
    mode = decide({other: value for other, value in KEYS.items() if other != name})
    assert isinstance(mode, Incomplete)
    assert len(mode.problems) == 1
    assert name in mode.problems[0]


def test_a_messaging_service_is_as_good_as_a_number_and_a_file_as_good_as_a_value() -> None:
    settings = KEYS | {"TWILIO_FROM": "", "TWILIO_MESSAGING_SERVICE_SID": "MG1"}
    settings = settings | {"STRIPE_API_KEY": "", "STRIPE_API_KEY_FILE": "/run/key"}
    assert isinstance(decide(settings), RealVendors)


def test_files_with_several_accounts_stand_for_all_keys() -> None:
    mode = decide({"INGEST_ACCOUNTS_FILE": "a.yaml", "NOTIFY_ACCOUNTS_FILE": "b.yaml"})
    assert mode == RealVendors(live=None, own_data=False, stripe_webhooks=False, twilio_webhooks=False)
    half = decide({"INGEST_ACCOUNTS_FILE": "a.yaml"})
    assert isinstance(half, Incomplete), "played vendors would be asked with real keys"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"TWILIO_API_KEY": "SK1"}, "TWILIO_API_SECRET"),
        ({"TWILIO_API_SECRET": "s"}, "TWILIO_API_KEY"),
        ({"INGEST_PUBLIC_URL": "https://a.example"}, "STRIPE_WEBHOOK_SECRETS"),
        ({"INGEST_DATABASE_URL": "postgresql://"}, "NOTIFY_LOOKUP_KEYS"),
    ],
)
def test_half_of_what_belongs_together_is_refused(more: dict[str, str], named: str) -> None:
    mode = decide(KEYS | more)
    assert isinstance(mode, Incomplete)
    assert any(named in problem for problem in mode.problems)


def test_all_problems_are_told_at_once() -> None:
    mode = decide({"STRIPE_API_KEY": "sk_test_1", "TWILIO_API_KEY": "SK1", "INGEST_PUBLIC_URL": "https://a.example"})
    assert isinstance(mode, Incomplete)
    assert len(mode.problems) == 5


def test_databases_and_data_keys_of_ones_own_are_used() -> None:
    mode = decide(KEYS | dict.fromkeys(DATA, "x"))
    assert isinstance(mode, RealVendors)
    assert mode.own_data
