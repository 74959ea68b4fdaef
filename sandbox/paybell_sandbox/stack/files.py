"""Files that `.env` names, as the containers see them: those in config/ingest and config/notify, and no others.

Each service sees its own folder at `/config/…`, so that `config/ingest/rules.yaml` leads to the same file in a container as
on this machine.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SUFFIX = "_FILE"
USERS = {"ingest": 10001, "notify": 10002}
"""Whom the services run as in their containers."""


class UnseenFileError(ValueError):
    """Files that a container could not read; each line of the message says which and what to do."""


def seen_by_containers(settings: Mapping[str, str], root: Path) -> dict[str, str]:
    """The settings, with every named file as its service sees it.

    Raises:
        UnseenFileError: for all files that would not be seen or not be readable.
    """
    seen, problems = dict(settings), []
    for name, value in settings.items():
        if name.endswith(SUFFIX):
            service = "ingest" if name.startswith(("INGEST_", "STRIPE_")) else "notify"
            folder, file = (root / "config" / service).resolve(), (root / value).resolve()
            if not file.is_relative_to(folder):
                problems.append(
                    f"{name}={value}: the container sees config/{service} only. Put the file there and write "
                    f"{name}=config/{service}/{file.name}"
                )
            elif not file.is_file():
                problems.append(f"{name}={value}: there is no such file.")
            elif trouble := _unreadable(folder, file, USERS[service]):
                problems.append(f"{name}={value}: {trouble}")
            else:
                seen[name] = f"config/{service}/{file.relative_to(folder)}"
    if problems:
        raise UnseenFileError("\n".join(problems))
    return seen


def _unreadable(folder: Path, file: Path, user: int) -> str:
    """What keeps the container's user from reading the file, and what helps. Only Linux shows containers our own owners."""
    if sys.platform != "linux":
        return ""
    way = [file, *(parent for parent in file.parents if parent.is_relative_to(folder))]
    for path in reversed(way):
        status, needed = path.stat(), 0o5 if path.is_dir() else 0o4
        rights = status.st_mode >> (6 if status.st_uid == user else 0)
        if rights & needed != needed:
            shown = os.path.relpath(path, folder.parents[1])
            return f"user {user}, as whom the service runs, cannot read {shown}. Give it to that user: chown {user} {shown}"
    return ""
