"""Requests to Twilio's side are written down from the start of the run, and looked at when all other tests are over."""

import pytest

from tests.contract import recorded

recorded.begin()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what looks at the whole run behind it."""
    items.sort(key=lambda item: item.get_closest_marker("after_all") is not None)


def pytest_configure(config: pytest.Config) -> None:
    """Names the marker."""
    config.addinivalue_line("markers", "after_all: runs when all other tests are over")
