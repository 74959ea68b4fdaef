"""Lengths of time as people write them in the rules ("90s", "24h", "3d") and as people say them ("3 days")."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_NAMES: Final = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}
_PART: Final = re.compile(r"(\d{1,9})([smhdw])")


def parse(text: str) -> timedelta | None:
    """Reads "3d", "1d12h" or "0s"; None where it is not a length of time. A bare number is refused: it has no unit."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def say(length: timedelta) -> str:
    """Says it in words: "3 days", "1 day and 12 hours", "at once" has no words of its own and is "0 seconds"."""
    left = int(length.total_seconds())
    words = []
    for unit in ("w", "d", "h", "m", "s"):
        count, left = divmod(left, _UNITS[unit])
        if unit == "w" and (left or count == 1):  # "7 days" and "10 days" read better than weeks that do not come out
            left += count * _UNITS["w"]
            continue
        if count:
            words.append(f"{count} {_NAMES[unit]}{'' if count == 1 else 's'}")
    return " and ".join(words) or "0 seconds"
