"""The two example files of docs/operations.md are read by the services without a problem, and fit each other."""

import re
from pathlib import Path
from typing import Any

import pytest

from ingest_service import accounts as ingest_accounts
from ingest_service.accounts import meant
from ingest_service.settings import Settings as IngestSettings
from notify_service import accounts_file as notify_accounts
from notify_service.settings import Settings as NotifySettings
from tests.integration.notify.service import key

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(accounts:\n.*?)```", PAGE, re.DOTALL)
FILES = {
    "shop-stripe-key": "rk_live_shop", "shop-stripe-hooks": "whsec_shop", "platform-stripe-key": "rk_live_platform",
    "platform-connect-hooks": "whsec_connect", "shop-rules.yaml": "flows: []", "shop-policy.yaml": "", "shop-twilio-token": "one",
    "platform-twilio-token": "two",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both files with everything that they name."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "shop-texts").mkdir()
    for name, example in zip(("ingest.yaml", "notify.yaml"), EXAMPLES, strict=True):
        (tmp_path / name).write_text(example)
    return tmp_path


def test_both_examples_are_good_and_name_the_same_accounts(folder: Path) -> None:
    ours: dict[str, Any] = {
        "ingest_database_url": "postgres://nowhere", "ingest_data_keys": key("d1"), "grpc_insecure": True,
        "ingest_public_url": "https://your.host", "ingest_accounts_file": folder / "ingest.yaml",
    }  # fmt: skip
    theirs: dict[str, Any] = {
        "notify_database_url": "postgres://nowhere", "notify_data_keys": key("d1"), "notify_lookup_keys": key("l1"),
        "grpc_insecure": True, "notify_accounts_file": folder / "notify.yaml",
    }  # fmt: skip
    ingest, notify = ingest_accounts.load(IngestSettings(**ours)), notify_accounts.load(NotifySettings(**theirs))
    assert list(ingest) == list(notify) == ["shop", "shop-test", "bakery", "florist"]
    assert [account.livemode for account in ingest.values()] == [True, False, True, True]
    assert ingest["shop"].rules_file == folder / "shop-rules.yaml"
    assert (notify["shop"].policy_file, notify["shop"].texts) == (folder / "shop-policy.yaml", folder / "shop-texts")
    assert meant(ingest, ingest["bakery"], "acct_1Florist", livemode=True).account_id == "florist"
