"""docs/operations.md names every setting and every meter, and none that does not exist."""

import re
from pathlib import Path

import pytest
from prometheus_client import Counter

import ingest_service.metrics
import ingest_service.settings
import ingest_service.submitting.counters
import notify_service.metrics
import notify_service.settings
from tests.unit.team_variables import TEAM_VARIABLES

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text()


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return re.split(r"^##+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("ingest-service", ingest_service.settings.Settings.model_fields),
        ("notify-service", notify_service.settings.Settings.model_fields),
    ],
)
def test_every_setting_stands_on_the_page_and_no_other(title: str, fields: dict[str, object]) -> None:
    rows = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    filled_in = TEAM_VARIABLES if title == "ingest-service" else frozenset()
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)} == {
        *filled_in,
        *(name.upper() for name in fields),
    }


def test_every_meter_on_the_page_exists_and_every_meter_stands_on_it() -> None:
    named = set(re.findall(r"`((?:ingest|notify)_[a-z_]+)`", section("Metrics")))
    registries = (ingest_service.metrics.Metrics().registry, notify_service.metrics.Metrics().registry)
    families = [family for registry in registries for family in registry.collect()]
    counters = [one for one in vars(ingest_service.submitting.counters).values() if isinstance(one, Counter)]
    families += [family for counter in counters for family in counter.collect()]
    there = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert named == there


LINES = re.compile(r'log\.info\(\s*"([a-z_]+\.[a-z_]+)"')


def test_every_wide_line_of_ingest_stands_on_the_page() -> None:
    code = (path.read_text() for path in Path(ingest_service.metrics.__file__).parent.rglob("*.py"))
    written = {name for text in code for name in LINES.findall(text)}
    assert {"inbox.commit", "poll.batch", "fold.batch"} <= written
    assert written <= set(re.findall(r"`([a-z_.]+)`", section("Logs")))
