"""The rules in force: rows with a rising epoch, one set an account. A file with problems never becomes a row."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from ingest_service.planning import rules_file
from ingest_service.planning.document import Problem
from ingest_service.planning.rules import Rules
from ingest_service.planning.sealed_columns import open_rules, seal_rules
from ingest_service.sealing import Sealer


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules of an account and the epoch they came with."""

    epoch: int
    rules: Rules


class FixTheRulesFile(Exception):
    """A rules file cannot be used, or several; every problem with its file, its line and its remedy."""

    def __init__(self, *wrong: tuple[Path, tuple[Problem, ...]]) -> None:
        """One line a problem."""
        super().__init__("\n".join(problem.sentence(str(file)) for file, problems in wrong for problem in problems))
        self.wrong = wrong

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those of every file."""
        return tuple(problem for _, problems in self.wrong for problem in problems)


def read(file: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, Rules]:
    """Reads and checks a rules file: its text and its rules.

    ``${INGEST_TEAM_…}`` stands for that variable of the environment, empty where it is not set: so numbers of people need not
    stand in the file. What is put in force holds what they were then.

    Raises:
        FixTheRulesFile: it cannot be read, or has problems.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problem = Problem(1, f"the rules file cannot be read: {reason}", "Check INGEST_RULES_FILE")
        raise FixTheRulesFile((file, (problem,))) from error
    text = rules_file.filled_in(text, environment)
    parsed = rules_file.parse(text)
    if isinstance(parsed, tuple):
        raise FixTheRulesFile((file, parsed))
    return text, parsed


async def apply(
    conn: asyncpg.Connection, account_id: str, file: Path, sealer: Sealer, *, by: str, only_if_none: bool = False
) -> tuple[Literal["applied", "unchanged"], int]:
    """Puts a file in force for an account; tells whether anything changed, and the epoch in force now.

    Raises:
        FixTheRulesFile: the file has problems; what is in force stays in force.
    """
    text, rules = read(file)
    async with conn.transaction():
        # two who apply at once take turns, so that epochs rise by one
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('rules_version/' || $1, 0))", account_id)
        row = await conn.fetchrow(_NEWEST_HASH, account_id)
        if row is not None and (only_if_none or row["sha256"] == rules.sha256):
            return "unchanged", int(row["epoch"])
        epoch = 1 if row is None else int(row["epoch"]) + 1
        key_id, body = seal_rules(sealer, account_id, epoch, text)
        await conn.execute(_INSERT, account_id, epoch, rules.sha256, key_id, body, by)
        return "applied", epoch


class RulesInForce:
    """The rules of every account, kept parsed; reads the table again only where a higher epoch stands there."""

    def __init__(self, sealer: Sealer) -> None:
        """Starts empty."""
        self._sealer = sealer
        self._kept: dict[str, InForce] = {}

    async def of(self, conn: asyncpg.Connection, account_id: str) -> InForce | None:
        """What is in force now; None where nothing was ever applied. One statement, two after a change.

        Raises:
            FixTheRulesFile: this version does not understand them.
            UnsealableError: they do not open with the keys that are configured.
        """
        epoch = await conn.fetchval("SELECT max(epoch) FROM rules_version WHERE account_id = $1", account_id)
        kept = self._kept.get(account_id)
        if epoch is None or (kept is not None and kept.epoch == epoch):
            return kept if epoch is not None else None
        row = await conn.fetchrow(_BODY, account_id, epoch)
        assert row is not None  # epochs are never deleted
        parsed = rules_file.parse(open_rules(self._sealer, account_id, epoch, row["data_key_id"], row["body"]))
        if isinstance(parsed, tuple):  # applied by a version that knew more than this one
            file = Path(f"rules in force, epoch {epoch}")
            raise FixTheRulesFile((file, parsed))
        self._kept[account_id] = InForce(epoch, parsed)
        return self._kept[account_id]


_NEWEST_HASH = "SELECT epoch, sha256 FROM rules_version WHERE account_id = $1 ORDER BY epoch DESC LIMIT 1"
_BODY = "SELECT data_key_id, body FROM rules_version WHERE account_id = $1 AND epoch = $2"
_INSERT = """
INSERT INTO rules_version (account_id, epoch, sha256, data_key_id, body, applied_by) VALUES ($1, $2, $3, $4, $5, $6)
"""
