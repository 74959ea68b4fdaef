"""The example that a newcomer copies."""

from pathlib import Path

from ingest_service.settings import Settings as IngestSettings
from notify_service.settings import Settings as NotifySettings
from paybell_sandbox.supervisor.env_file import parse
from paybell_sandbox.supervisor.mode import Sandboxed, decide
from tests.unit.team_variables import TEAM_VARIABLES

EXAMPLE = parse((Path(__file__).resolve().parents[3] / ".env.example").read_text())


def test_the_example_as_it_is_plays_the_vendors() -> None:
    assert decide({name: value for name, value in EXAMPLE.items() if value}) == Sandboxed()


def test_every_name_in_it_is_one_that_a_service_reads() -> None:
    read = {name.upper() for settings in (IngestSettings, NotifySettings) for name in settings.model_fields}
    assert not EXAMPLE.keys() - read - TEAM_VARIABLES
    assert EXAMPLE.keys() >= TEAM_VARIABLES
