"""Which user PostgreSQL runs as, and where that user can read and write. PostgreSQL refuses to run as root."""

import os
import pwd
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class User:
    """A user of this machine to run a program as."""

    uid: int
    gid: int


def user_for_postgres() -> User | None:
    """`nobody` when we are root, else None: we stay who we are."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def others_can_read(path: Path) -> bool:
    """Whether a user without any rights of their own reaches this file or folder and reads it. Follows links."""
    real = path.resolve()
    if not all(folder.stat().st_mode & 0o001 for folder in real.parents):
        return False
    needed = 0o005 if real.is_dir() or os.access(real, os.X_OK) else 0o004
    return real.stat().st_mode & needed == needed


def new_folder(user: User | None, announce: Callable[[Path], None]) -> Path:
    """A new, private, temporary folder that belongs to the user. No other folder's mode or owner is touched.

    `announce` is told of it before it is there: whoever is to remove it must know it before we can be killed.
    """
    places = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")]  # noqa: S108 - it is made private
    for place in places:
        if place.is_dir() and os.access(place, os.W_OK) and (user is None or others_can_read(place)):
            folder = place / f"paybell-{secrets.token_hex(8)}"
            announce(folder)
            folder.mkdir(mode=0o700)
            if user is not None:
                os.chown(folder, user.uid, user.gid)
            return folder
    raise RuntimeError(
        f"PostgreSQL does not run as root, and user {user.uid if user else os.geteuid()} can use none of "
        f"{', '.join(map(str, places))}. Set TMPDIR to a folder that everybody may enter and we may write to."
    )
