"""How free slots are shared among the lanes that wait: the more urgent first, and a floor for each. Pure."""

from collections.abc import Mapping

LANES = (1, 2, 3, 4)
"""Fraud, payment, receipt, marketing: the more urgent first."""
_FLOOR = {1: 0.25, 2: 0.15, 3: 0.10, 4: 0.05}
"""Share of the free slots that a waiting lane gets whatever waits before it; at least one slot."""


def share(free: int, waiting: Mapping[int, int]) -> dict[int, int]:
    """Slots for each lane, at most what waits there, in all at most `free`.

    With fewer slots than waiting lanes the urgent ones get them; otherwise no waiting lane gets nothing.
    """
    given: dict[int, int] = {}
    left = free
    for lane in LANES:
        floor = min(waiting.get(lane, 0), max(1, int(free * _FLOOR[lane])), left)
        given[lane] = floor
        left -= floor
    for lane in LANES:
        more = min(waiting.get(lane, 0) - given[lane], left)
        given[lane] += more
        left -= more
    return {lane: count for lane, count in given.items() if count}
