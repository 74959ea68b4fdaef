"""What a country says about the time of day. Pure."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global


@lru_cache(maxsize=512)
def only_zone(country: str) -> str | None:
    """The zone of a country that has one (ISO 3166-1, as an address writes it); None for every other word."""
    zones = get_global("territory_zones").get(country.strip().upper(), [])
    if len(zones) != 1:
        return None
    try:
        ZoneInfo(zones[0])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return str(zones[0])
