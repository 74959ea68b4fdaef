"""How often a link may be opened, and all of them together: in this process, small, and forgotten with it. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Bucket:
    """So many at once, and so many a second after that."""

    burst: float
    per_second: float
    left: float = field(default=-1.0)
    at: float = 0.0

    def take(self, now: float) -> bool:
        """Takes one if there is one. `now` is monotonic, in seconds."""
        filled = self.burst if self.left < 0 else min(self.burst, self.left + (now - self.at) * self.per_second)
        self.at = now
        self.left = filled - 1 if filled >= 1 else filled
        return filled >= 1


@dataclass(slots=True)
class Allowance:
    """One bucket a link, and one for all together."""

    burst: float = 20
    per_second: float = 0.5
    together: Bucket = field(default_factory=lambda: Bucket(200, 50))
    _each: OrderedDict[bytes, Bucket] = field(default_factory=OrderedDict)

    def take(self, link: bytes, now: float) -> bool:
        """Whether this link may be opened now. What is unknown counts too: guessing is slowed down with everything else."""
        bucket = self._each.pop(link, None) or Bucket(self.burst, self.per_second)
        self._each[link] = bucket
        if len(self._each) > MOST_REMEMBERED:
            self._each.popitem(last=False)
        return bucket.take(now) and self.together.take(now)
