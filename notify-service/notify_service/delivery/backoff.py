"""How long to wait before the next try: data, with jitter. What the provider asks for wins."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before try 1, 2, …; the last one repeats."""

    steps: tuple[float, ...]

    def wait(self, tries: int, jitter: float, asked: float | None = None) -> float:
        """Seconds to wait after `tries` tries (1 or more). `jitter` in [0, 1) spreads over half to one and a half.

        `asked` is the provider's Retry-After: never less than that, and spread a little behind it.
        """
        step = self.steps[min(max(tries, 1), len(self.steps)) - 1]
        if asked is not None:
            return asked + jitter * min(step, 1.0)
        return step * (0.5 + jitter)


NOT_SENT = Backoff((0.5, 1, 2, 5, 10, 20, 30, 60))
BREAKER = Backoff((10, 20, 40, 60, 120, 300))
"""While our credentials are refused or the provider fails again and again: one probe each."""
UNREACHABLE = Backoff((0.5, 1, 2, 5, 10, 30))


def next_look(age: float, first: float, longest: float) -> float:
    """Seconds until something of this age is looked at again: ever rarer, between `first` and `longest`."""
    return min(max(first, age / 2), longest)
