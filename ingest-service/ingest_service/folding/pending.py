"""A drafted fact as it is sealed into its row while it waits. Pure."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from ingest_service.folding.effects import Draft
from ingest_service.folding.parse import Snapshot
from ingest_service.folding.resolving import Pending


def to_json(pending: Pending) -> dict[str, Any]:
    """As it is sealed."""
    draft = {field.name: getattr(pending.draft, field.name) for field in dataclasses.fields(Draft)}
    draft["presentment"] = list(pending.draft.presentment) if pending.draft.presentment else None
    draft["snapshots"] = [[one.number, one.source, one.country] for one in pending.draft.snapshots]
    draft["languages"] = list(pending.draft.languages)
    return {"draft": draft, "held_until": pending.held_until.timestamp()}


def from_json(stored: Mapping[str, Any], occurred_at: datetime.datetime) -> Pending:
    """The reverse."""
    raw = dict(stored["draft"])
    raw["presentment"] = tuple(raw["presentment"]) if raw["presentment"] else None
    raw["snapshots"] = tuple(Snapshot(*one) for one in raw["snapshots"])
    raw["languages"] = tuple(raw["languages"])
    return Pending(Draft(**raw), occurred_at, datetime.datetime.fromtimestamp(stored["held_until"], datetime.UTC))
