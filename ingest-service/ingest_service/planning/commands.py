"""What `check`, `rules apply` and the first start do with a rules file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog

from ingest_service.planning import rules_store, sentences
from ingest_service.planning.document import Problem
from ingest_service.planning.rules_store import FixTheRulesFile
from ingest_service.sealing import Sealer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Applied:
    """What putting a file in force did for one account."""

    account_id: str
    changed: bool
    epoch: int

    def sentence(self) -> str:
        """For the person who did it."""
        done = "are in force now" if self.changed else "were in force already"
        return f"account {self.account_id}: these rules {done} (epoch {self.epoch})"


def explained(file: Path) -> tuple[str, ...]:
    """What a rules file does, in sentences.

    Raises:
        FixTheRulesFile: with every problem.
    """
    return sentences.explain(rules_store.read(file)[1])


def check_all(files: Iterable[Path]) -> None:
    """Reads every rules file.

    Raises:
        FixTheRulesFile: with every problem of every file.
    """
    wrong: list[tuple[Path, tuple[Problem, ...]]] = []
    for file in sorted(set(files)):
        try:
            rules_store.read(file)
        except FixTheRulesFile as error:
            wrong += error.wrong
    if wrong:
        raise FixTheRulesFile(*wrong)


async def apply_files(
    pool: asyncpg.Pool, files: Mapping[str, Path], sealer: Sealer, *, by: str, only_if_none: bool = False
) -> list[Applied]:
    """Puts files in force, one an account; with `only_if_none` only where an account has no rules yet (the first start).

    Every file is read before any is put in force, so that a bad one changes nothing anywhere.

    Raises:
        FixTheRulesFile: with every problem of every file.
    """
    check_all(files.values())
    done: list[Applied] = []
    for account_id, file in sorted(files.items()):
        async with pool.acquire() as conn:
            result, epoch = await rules_store.apply(conn, account_id, file, sealer, by=by, only_if_none=only_if_none)
        done.append(Applied(account_id, result == "applied", epoch))
        if result == "applied":
            log.info("rules.applied", account_id=account_id, epoch=epoch)
    return done
