"""Which addresses a webhook may have."""

import pytest

from ingest_service.webhooks.guard import Guard, wrong_with

REAL = Guard()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "::1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
        "255.255.255.255", "fd00::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "::", "fd00:ec2::254", "ff02::1", "not an address",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet_is_refused(address: str) -> None:
    assert REAL.refuses("hooks.example.com", address) is not None


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"])
def test_what_is_on_the_public_internet_may_be_called(address: str) -> None:
    assert REAL.refuses("hooks.example.com", address) is None


def test_a_host_may_be_private_where_the_operator_names_it_and_no_other() -> None:
    guard = Guard(frozenset({"crm.internal"}))
    assert guard.refuses("CRM.internal", "10.0.0.7") is None
    assert guard.refuses("other.internal", "10.0.0.7") is not None


def test_this_machine_may_be_called_without_tls_only_where_stripe_is_played() -> None:
    assert Guard(played=True).refuses_url("http://127.0.0.1:8000/hook") is None
    assert REAL.refuses_url("http://127.0.0.1:8000/hook") is not None
    assert REAL.refuses_url("https://127.0.0.1:8000/hook") is not None
    assert Guard(played=True).refuses_url("https://10.0.0.1/hook") is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x", "http://localhost/x", "ftp://hooks.example.com/x", "https:///x", "https://user:word@example.com/x",
        "https://example.com:99999/x", "https://exa mple.com/", "https://[::1/x", "file:///etc/passwd", f"https://example.com/{'x' * 2000}",
    ],
)  # fmt: skip
def test_an_address_of_another_form_is_wrong(url: str) -> None:
    assert wrong_with(url) is not None
    assert REAL.refuses_url(url) is not None


@pytest.mark.parametrize(
    "host", ["0x7f000001", "2130706433", "0177.0.0.1", "127.1", "127.1.", "10.0.0.0x1", "[::1%25lo"]
)
def test_a_number_in_disguise_is_refused(host: str) -> None:
    assert wrong_with(f"https://{host}/") is not None


@pytest.mark.parametrize(
    "host", ["hooks.slack.com", "1password.com", "a1.example.com:8443", "93.184.216.34", "[2606:2800:220:1::1]"]
)
def test_a_plain_host_is_right(host: str) -> None:
    assert REAL.refuses_url(f"https://{host}/services/x") is None
