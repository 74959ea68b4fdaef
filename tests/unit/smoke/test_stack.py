"""What `make smoke` takes for the stack that is up."""

from pathlib import Path

import pytest

from paybell_sandbox.smoke.stack import SANDBOX_PHONE, NotDrivenError, Played, Real, find
from paybell_sandbox.supervisor.listeners import USUAL
from paybell_sandbox.supervisor.whereabouts import Whereabouts

ROOT = Path(__file__).resolve().parents[3]
KEYS = {
    "STRIPE_API_KEY": "rk_live_1",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_FROM": "+14155550100",
}
WEBHOOKS = KEYS | {"STRIPE_WEBHOOK_SECRETS": "whsec_1, whsec_2", "INGEST_PUBLIC_URL": "https://a.example"}
TO = {"SMOKE_TO": "+14155552671"}
LISTENERS = {name: "127.0.0.1:9" for name in USUAL if name != "SANDBOX_LISTEN"} | {
    "INGEST_HTTP_LISTEN": "127.0.0.1:1",
    "NOTIFY_GRPC_LISTEN": "127.0.0.1:2",
}
REAL_RUN = Whereabouts(1, LISTENERS)
PLAYED_RUN = Whereabouts(1, LISTENERS | {"SANDBOX_LISTEN": "127.0.0.1:3"})


def refused(environment: dict[str, str], settings: dict[str, str], run: Whereabouts | None = None) -> str:
    with pytest.raises(NotDrivenError) as refusal:
        find(ROOT, environment, settings, run)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("environment", "settings", "run", "url"),
    [
        ({}, {}, None, "http://127.0.0.1:8070"),
        ({}, {"SANDBOX_PORT": "4"}, None, "http://127.0.0.1:4"),
        ({}, {}, PLAYED_RUN, "http://127.0.0.1:3"),
        ({"SANDBOX_PORT": "5"}, {}, PLAYED_RUN, "http://127.0.0.1:5"),
        ({"SMOKE_SANDBOX_URL": "http://b.example/"}, {}, PLAYED_RUN, "http://b.example"),
    ],
)
def test_the_sandbox_is_found_where_it_listens(
    environment: dict[str, str], settings: dict[str, str], run: Whereabouts | None, url: str
) -> None:
    assert find(ROOT, environment, settings, run) == Played(url, SANDBOX_PHONE)


def test_a_run_with_real_keys_is_found_where_it_listens_and_asked_with_what_it_was_told() -> None:
    stack = find(ROOT, TO, WEBHOOKS, REAL_RUN)
    assert isinstance(stack, Real)
    assert (stack.ingest_url, stack.secret, stack.livemode) == ("http://127.0.0.1:1", "whsec_1", True)
    assert stack.asking.environment["INGEST_NOTIFY_TARGET"] == "127.0.0.1:2"
    assert stack.asking.command[-1] == "why"


def test_a_secret_in_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_of_a_file\n")
    (tmp_path / "key").write_text("rk_test_1\n")
    settings = WEBHOOKS | {"STRIPE_WEBHOOK_SECRETS": "", "STRIPE_WEBHOOK_SECRETS_FILE": "secret"}
    stack = find(tmp_path, TO, settings | {"STRIPE_API_KEY": "", "STRIPE_API_KEY_FILE": "key"}, REAL_RUN)
    assert isinstance(stack, Real)
    assert (stack.secret, stack.livemode) == ("whsec_of_a_file", False)


@pytest.mark.parametrize(
    "settings",
    [WEBHOOKS, KEYS, {"INGEST_ACCOUNTS_FILE": "a", "NOTIFY_ACCOUNTS_FILE": "b"}],
    ids=["webhooks", "polling", "accounts"],
)
def test_real_keys_without_a_number_are_refused(settings: dict[str, str]) -> None:
    assert "SMOKE_TO" in refused({}, settings, REAL_RUN)


def test_a_number_that_is_none_is_refused() -> None:
    assert "E.164" in refused({"SMOKE_TO": "12345"}, {})


def test_where_stripe_is_polled_it_says_what_to_do_instead() -> None:
    assert "make a payment of your own instead" in refused(TO, KEYS, REAL_RUN)


def test_with_several_accounts_it_says_what_to_do_instead() -> None:
    assert "several accounts" in refused(TO, {"INGEST_ACCOUNTS_FILE": "a", "NOTIFY_ACCOUNTS_FILE": "b"}, REAL_RUN)


def test_half_a_set_of_keys_is_no_sandbox() -> None:
    assert "TWILIO_ACCOUNT_SID is missing" in refused(TO, {"STRIPE_API_KEY": "rk_test_1"})


def test_a_run_of_another_kind_than_env_says_is_told() -> None:
    assert "start it anew" in refused(TO, WEBHOOKS, PLAYED_RUN)
    assert "start it anew" in refused({}, {}, REAL_RUN)


def test_a_stack_somewhere_else_must_be_one_that_can_be_asked() -> None:
    elsewhere = TO | {"SMOKE_INGEST_URL": "https://a.example"}
    assert "SMOKE_WHY" in refused(elsewhere, WEBHOOKS)
    stack = find(ROOT, elsewhere | {"SMOKE_WHY": "ssh host why"}, WEBHOOKS, None)
    assert isinstance(stack, Real)
    assert stack.asking.command == ("ssh", "host", "why")
