"""Where the data of a run lies: in a database for this run alone, or in one that is kept from run to run."""

import os
from dataclasses import dataclass
from pathlib import Path

from paybell_sandbox.supervisor.children import Child, Keeper
from paybell_sandbox.supervisor.environment import Environment
from paybell_sandbox.supervisor.keys import kept_data_keys, new_data_keys
from paybell_sandbox.supervisor.postgres import EmbeddedPostgres, NoServerError, Version, url_of_running


@dataclass(frozen=True, slots=True)
class Data:
    """The database server of a run, and what either service is told of it."""

    server: Child
    ingest: Environment
    notify: Environment


def for_one_run(keeper: Keeper, logs: Path, version: Version) -> Data:
    """An empty server with new keys; it goes when the run does."""
    server = EmbeddedPostgres(version=version, keeper=keeper, log=logs / "postgres.log")
    return _data(server, new_data_keys())


def kept(keeper: Keeper, logs: Path, version: Version, state: Path) -> Data:
    """The server and the keys of earlier runs: who was written to and who said STOP must be known for ever."""
    server = EmbeddedPostgres(version=version, keeper=keeper, log=logs / "postgres.log", kept=state / "postgres")
    return _data(server, kept_data_keys(state / "data-keys.json"))


def of_the_run_that_is_up(state: Path) -> Environment:
    """What ingest-service's own commands are told of the data that a run keeps there; nothing where none runs."""
    try:
        return {
            "INGEST_DATABASE_URL": url_of_running(state / "postgres", "ingest"),
            "INGEST_DATA_KEYS": kept_data_keys(state / "data-keys.json")["INGEST_DATA_KEYS"],
        }
    except NoServerError:
        return {}


def usual_state() -> Path:
    """Where data is kept: for root where services keep theirs, for anybody else in their own home."""
    if os.geteuid() == 0:
        return Path("/var/lib/paybell")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "paybell"


def _data(server: EmbeddedPostgres, keys: dict[str, str]) -> Data:
    return Data(
        server=server.child,
        ingest={
            "INGEST_DATABASE_URL": server.url(server.create_service("ingest")),
            "INGEST_DATA_KEYS": keys["INGEST_DATA_KEYS"],
        },
        notify={
            "NOTIFY_DATABASE_URL": server.url(server.create_service("notify")),
            "NOTIFY_DATA_KEYS": keys["NOTIFY_DATA_KEYS"],
            "NOTIFY_LOOKUP_KEYS": keys["NOTIFY_LOOKUP_KEYS"],
        },
    )
