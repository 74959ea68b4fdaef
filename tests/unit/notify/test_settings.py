"""The environment: read whole, or refused whole with every problem, its remedy and no value."""

import pytest

from notify_service import settings
from notify_service.environment import InvalidSettingsError
from tests.integration.notify.service import key

GOOD = {
    "NOTIFY_DATABASE_URL": "postgres://notify:hunter2@127.0.0.1/notify", "NOTIFY_DATA_KEYS": key("d1"), "NOTIFY_LOOKUP_KEYS": key("l1"),
    "GRPC_INSECURE": "1", "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "hunter2", "TWILIO_FROM": "+14155550100",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        for variable in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def problems() -> list[str]:
    """What is said about the environment."""
    with pytest.raises(InvalidSettingsError) as wrong:
        settings.load()
    return str(wrong.value).splitlines()


def test_what_is_required_is_enough() -> None:
    loaded = settings.load()
    assert loaded.notify_http_listen == "127.0.0.1:8081"
    assert list(loaded.lookup_keys) == ["l1"]


def test_everything_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    assert problems() == [
        "NOTIFY_DATABASE_URL: is required",
        "NOTIFY_DATA_KEYS: is required",
        "NOTIFY_LOOKUP_KEYS: is required",
    ]
    for name in ("NOTIFY_DATABASE_URL", "NOTIFY_DATA_KEYS", "NOTIFY_LOOKUP_KEYS"):
        monkeypatch.setenv(name, GOOD[name])
    assert problems() == [
        "GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY are needed (or GRPC_INSECURE=1 on this machine alone)",
        "TWILIO_ACCOUNT_SID is required (or NOTIFY_ACCOUNTS_FILE)",
        "TWILIO_AUTH_TOKEN is required: Twilio signs its webhooks with it",
        "TWILIO_MESSAGING_SERVICE_SID or TWILIO_FROM is required",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"NOTIFY_GRPC_LISTEN": "0.0.0.0:50051"}, "NOTIFY_GRPC_LISTEN must be a loopback address without TLS"),
        ({"NOTIFY_HTTP_LISTEN": "8081"}, "NOTIFY_HTTP_LISTEN: must be host:port, for example 127.0.0.1:8081"),
        ({"NOTIFY_ADMIN_LISTEN": "127.0.0.1:99999"}, "NOTIFY_ADMIN_LISTEN: must be host:port, for example 127.0.0.1:8081"),
        ({"NOTIFY_PUBLIC_URL": "ftp://here"}, "NOTIFY_PUBLIC_URL: must begin with https:// (http:// only on this machine or a private network)"),
        ({"NOTIFY_DATA_KEYS": "k1"}, "NOTIFY_DATA_KEYS: a key is written id:base64, with an id of at most 32 characters"),
        ({"NOTIFY_LOOKUP_KEYS": "k1:aGk="}, "NOTIFY_LOOKUP_KEYS: key k1 has 2 bytes; 32 are needed (openssl rand -base64 32)"),
        ({"NOTIFY_VENDOR_TIME_SCALE": "0.5"}, "NOTIFY_VENDOR_TIME_SCALE is for tests: with the real Twilio it must be 1"),
        ({"TWILIO_API_KEY": "SK1"}, "TWILIO_API_KEY and TWILIO_API_SECRET belong together"),
        ({"TWILIO_SEGMENTS_PER_SECOND": "0"}, "TWILIO_SEGMENTS_PER_SECOND: Input should be greater than 0"),
        ({"GRPC_TLS_CA": "/ca.pem"}, "GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY belong together: set all three or none"),
        ({"TWILIO_AUTH_TOKEN_FILE": "/nowhere"}, "TWILIO_AUTH_TOKEN_FILE names a file that cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_a_remedy_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    lines = problems()
    assert said in lines
    assert "hunter2" not in str(lines)


def test_wrong_values_of_many_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_HTTP_LISTEN", "NOTIFY_DATA_KEYS", "NOTIFY_DATABASE_CONNECTIONS", "NOTIFY_PUBLIC_URL"):
        monkeypatch.setenv(name, "1")
    assert len(problems()) == 4


def test_what_is_told_at_start_holds_no_secret_and_no_number() -> None:
    told = str(settings.load().summary())
    assert "hunter2" not in told
    assert "+1415" not in told
