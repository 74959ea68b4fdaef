"""The services share nothing but the contract, so a few small modules stand twice. They stay the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TWINS = ("clock", "environment", "logs", "loops", "shutdown", "wake", "edge/admin_http")


def neutral(service: str, module: str) -> str:
    """A module's text without the service's own name."""
    text = (ROOT / f"{service}-service/{service}_service/{module}.py").read_text()
    return re.sub(rf"\b{service}([_-])service\b", r"own\1service", text)


@pytest.mark.parametrize("module", TWINS)
def test_a_module_that_stands_twice_is_the_same_in_both_places(module: str) -> None:
    assert neutral("ingest", module) == neutral("notify", module)
