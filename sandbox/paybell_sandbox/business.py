"""The played business: what it is called, where it lives, and the numbers of its teams, which the shipped rules write to. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colleagues:
    """A team with one phone.

    Attributes:
        variable: where the shipped rules look for the number.
    """

    name: str
    number: str
    variable: str


COLLEAGUES: Final = (
    Colleagues("Finance team", "+14155550190", "INGEST_TEAM_FINANCE"),
    Colleagues("Sales team", "+14155550191", "INGEST_TEAM_SALES"),
)

FOR_INGEST: Final = {team.variable: team.number for team in COLLEAGUES} | {"INGEST_ZONE": "America/New_York"}
FOR_NOTIFY: Final = {"NOTIFY_BRAND": "Studio"}
"""What the services are told of it, where `.env` says nothing else."""
