"""Tests that miss a tool are skipped, and fail where the tool is required."""

import pytest

from tests.require import need


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("PAYBELL_REQUIRE", raising=False)


def test_a_missing_tool_skips_and_says_so() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs chromium"):
        need("chromium")


def test_a_missing_tool_that_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYBELL_REQUIRE", "node, chromium")
    with pytest.raises(pytest.fail.Exception, match="PAYBELL_REQUIRE names it"):
        need("chromium")


def test_a_tool_that_nobody_knows_is_an_error_rather_than_required_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYBELL_REQUIRE", "chromum")
    with pytest.raises(pytest.fail.Exception, match="chromum"):
        need("chromium")


def test_a_docker_client_without_an_engine_is_no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/bin/false")
    with pytest.raises(pytest.skip.Exception, match="needs docker"):
        need("docker")
