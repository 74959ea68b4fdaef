"""Reads `.env`: one reading for `make run`, `make up` and `make smoke`, with nothing but Python.

A line is `NAME=value`, perhaps with `export` before it. A value in quotes is what stands between them, and may have several
lines; one without ends before ` #`. Nothing is replaced within a value: a token may hold a dollar sign. A line that is
none of this is refused, because a key that was overlooked would bring up the sandbox, or half of a pair.
"""

import re
from pathlib import Path

_BLANK = r"[^\S\r\n]*"
_ENTRY = re.compile(
    rf"""{_BLANK}
    (?: (?:export[^\S\r\n]+)? (?P<name>[A-Za-z_][A-Za-z0-9_]*) {_BLANK}
        (?: (?P<equals>={_BLANK})
            (?: '(?P<single>(?:\\.|[^'\\])*)' | "(?P<double>(?:\\.|[^"\\])*)" | (?P<bare>(?!['"])[^\r\n]*) )
        )?
    )?
    {_BLANK} (?:\#[^\r\n]*)? (?:\r\n|\n|\r|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class UnreadableEnvFileError(ValueError):
    """A line that is no setting; the message names its number and no value."""


def read(path: Path) -> dict[str, str]:
    """The filled settings of the file; none where there is no such file.

    Raises:
        UnreadableEnvFileError: naming the first line that cannot be read.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableEnvFileError(f"{path} cannot be read ({type(error).__name__}).") from None
    try:
        return {name: value for name, value in parse(text).items() if value}
    except UnreadableEnvFileError as error:
        raise UnreadableEnvFileError(f"{path}, {error}") from None


def parse(text: str) -> dict[str, str]:
    """All settings of this text, the last one where a name stands twice.

    Raises:
        UnreadableEnvFileError: naming the first line that cannot be read.
    """
    settings: dict[str, str] = {}
    position = 0
    while position < len(text):
        entry = _ENTRY.match(text, position)
        if entry is None:
            number = 1 + len(re.findall(r"\r\n|\n|\r", text[:position]))
            raise UnreadableEnvFileError(f"line {number}: this is no NAME=value. A comment begins with #.")
        if entry["name"]:
            settings[entry["name"]] = _value(entry)
        position = entry.end()
    return settings


def _value(entry: re.Match[str]) -> str:
    if entry["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", entry["single"])
    if entry["double"] is not None:
        return re.sub(
            r"""\\([\\'"abfnrtv])""", lambda found: _ESCAPES.get(found[1], found[1]), entry["double"], flags=re.DOTALL
        )
    bare = entry["bare"] or ""
    if bare.startswith("#") and len(entry["equals"]) > 1:  # NAME= # nothing but a comment
        return ""
    return re.sub(r"\s+#.*", "", bare).rstrip()
