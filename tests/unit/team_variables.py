"""The variables that the shipped rules fill in by themselves, besides the settings of the services."""

import re

from ingest_service import database

TEAM_VARIABLES = frozenset(re.findall(r"\$\{(INGEST_TEAM_[A-Z0-9_]+)\}", database.shipped("rules.yaml").read_text()))
