"""What an operator is told of the links in texts, and whose name stands on their pages."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest_service import accounts
from ingest_service.settings import Settings, links_explained

KEYS = "k1:" + "A" * 43 + "="


def test_the_host_that_notify_must_allow_is_named() -> None:
    told = links_explained("https://pay.acme.example")
    assert "pay.acme.example" in told
    assert "links.domains" in told
    assert "not https" in links_explained("http://ingest-service:8080")
    assert "INGEST_PUBLIC_URL" in links_explained("")


@pytest.mark.parametrize(("own", "brand"), [("", "Acme"), ("    brand: Acme Labs\n", "Acme Labs")])
def test_an_account_has_a_brand_of_its_own_or_the_services(tmp_path: Path, own: str, brand: str) -> None:
    file = tmp_path / "accounts.yaml"
    file.write_text(f"accounts:\n  - id: main\n    api_key: sk_test_1\n{own}")
    settings = Settings(
        ingest_database_url=SecretStr("postgres://nowhere"), ingest_data_keys=SecretStr(KEYS), grpc_insecure=True, ingest_accounts_file=file, ingest_brand="Acme"
    )  # fmt: skip
    assert accounts.load(settings)["main"].brand == brand
