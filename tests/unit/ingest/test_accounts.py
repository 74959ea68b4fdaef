"""The accounts file: read whole or refused whole; and whose event it is that came to an account's path."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest_service import accounts
from ingest_service.accounts import Account, meant
from ingest_service.environment import InvalidSettingsError
from ingest_service.settings import Settings
from tests.integration.notify.service import key

MAIN = {"id": "main", "api_key": "sk_live_1", "webhook_secrets": ["whsec_1"]}
ONE = {"id": "one", "api_key": "sk_live_1", "stripe_account": "acct_1", "webhook_secrets": ["whsec_connect"]}
TWO = {**ONE, "id": "two", "stripe_account": "acct_2"}
TRY = {**ONE, "id": "try", "api_key": "sk_test_1"}
FAR = {**ONE, "id": "far", "stripe_account": "acct_3", "webhook_secrets": ["whsec_other"]}


def load(folder: Path, *entries: Mapping[str, Any]) -> Mapping[str, Account]:
    """Reads a file with these accounts."""
    path = folder / "accounts.yaml"
    path.write_text(json.dumps({"accounts": entries}))
    given: dict[str, Any] = {
        "ingest_database_url": "postgres://nowhere", "ingest_data_keys": key("d1"), "grpc_insecure": True,
        "ingest_public_url": "https://example.com", "ingest_accounts_file": path,
    }  # fmt: skip
    return accounts.load(Settings(**given))


def problems(folder: Path, *entries: Mapping[str, Any]) -> list[str]:
    """What is said about a file."""
    with pytest.raises(InvalidSettingsError) as wrong:
        load(folder, *entries)
    return [line.split("accounts.yaml: ")[1] for line in str(wrong.value).splitlines()]


def test_secrets_and_rules_are_read_from_where_the_file_stands_and_the_mode_is_told_by_the_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("rk_live_9\n")
    (tmp_path / "hooks").write_text("whsec_a, whsec_b\n")
    (tmp_path / "rules.yaml").write_text("flows: []")
    entry = {"id": "eu", "api_key_file": "key", "webhook_secrets_file": "hooks", "rules": "rules.yaml", "region": "AT"}
    eu = load(tmp_path, entry)["eu"]
    assert (eu.api_key, eu.webhook_secrets, eu.livemode) == ("rk_live_9", ("whsec_a", "whsec_b"), True)
    assert (eu.rules_file, eu.region) == (tmp_path / "rules.yaml", "AT")


def test_everything_that_is_wrong_is_said_with_its_entry(tmp_path: Path) -> None:
    wrong = {
        "id": "X",
        "api_key": "",
        "zone": "Mars/Base",
        "region": "Austria",
        "stripe_account": "1",
        "rules": "no.yaml",
        "apikey": 1,
    }
    assert problems(tmp_path, MAIN, wrong) == [
        "accounts[1]: id must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit",
        "accounts[1]: api_key or api_key_file is required",
        "accounts[1]: webhook_secrets or webhook_secrets_file is required where INGEST_PUBLIC_URL is set",
        "accounts[1]: zone Mars/Base is no IANA zone, as Europe/Vienna",
        "accounts[1]: region must be two capital letters (ISO 3166-1), as AT; in quotes where YAML reads it otherwise",
        "accounts[1]: stripe_account must be the id of a connected account (acct_…)",
        f"accounts[1]: rules: {tmp_path}/no.yaml is not a file: correct the path, or leave it out",
        (
            "accounts[1]: apikey is unknown: an account has api_key, api_key_file, brand, id, livemode, region, rules, stripe_account, "
            "webhook_secrets, webhook_secrets_file, zone"
        ),
    ]


def test_one_stripe_account_under_two_names_is_refused_because_everybody_would_be_written_to_twice(
    tmp_path: Path,
) -> None:
    assert problems(tmp_path, MAIN, ONE, {**ONE, "id": "again"}) == [
        "accounts[2]: one is the same Stripe account in the same mode, so everybody would be written to twice"
    ]


@pytest.mark.parametrize(
    ("path", "named", "livemode", "whose"),
    [
        ("one", "acct_1", True, "one"),
        ("one", "acct_2", True, "two"),  # one endpoint at Stripe for all connected accounts
        ("one", "acct_1", False, "try"),  # a live endpoint of a platform gets the events of both modes
        ("one", "acct_3", True, "one"),  # of another endpoint: set aside
        ("one", "acct_9", True, "one"),  # nobody's: set aside
        ("one", None, True, "one"),  # the platform's own: set aside
        ("main", "acct_1", True, "main"),
    ],
)
def test_an_event_at_a_connected_accounts_path_is_for_whom_it_names_if_they_share_the_endpoint(
    tmp_path: Path, path: str, named: str | None, livemode: bool, whose: str
) -> None:
    known = load(tmp_path, MAIN, ONE, TWO, TRY, FAR)
    assert meant(known, known[path], named, livemode=livemode).account_id == whose
