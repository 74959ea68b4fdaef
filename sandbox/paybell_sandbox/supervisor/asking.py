"""How the run that is up is asked what became of something: `ingest-service why`, told what the run's own service was told."""

import sys
from collections.abc import Mapping
from pathlib import Path

from paybell_sandbox.supervisor import database, environment
from paybell_sandbox.supervisor.environment import Environment
from paybell_sandbox.supervisor.mode import DATA, any_set
from paybell_sandbox.supervisor.whereabouts import Whereabouts

COMMAND = (str(Path(sys.executable).parent / "ingest-service"), "why")


def environment_for(
    run: Whereabouts, settings: Mapping[str, str], shell: Mapping[str, str], state: Path
) -> Environment:
    """What `ingest-service why` needs to know of a run with real vendors; `state` is where such a run keeps its data."""
    ingest, _ = environment.both_services(settings, run.listeners)
    own = {} if any_set(settings, DATA) else database.of_the_run_that_is_up(state)
    return environment.base(shell) | ingest | own
