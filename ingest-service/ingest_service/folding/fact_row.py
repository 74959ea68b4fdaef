"""A drafted fact becomes its row, sealed, as its resolution says."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from ingest_service.folding import pending
from ingest_service.folding.effects import Draft
from ingest_service.folding.fact_store import FactRow
from ingest_service.folding.money import exponent
from ingest_service.folding.resolving import Dropped, Held, LookUp, Pending, Ready, Resolution
from ingest_service.planning.sealed_columns import seal_details
from ingest_service.sealing import Sealer


def fact_row(
    sealer: Sealer, account_id: str, one: Pending, event_id: str, resolution: Resolution, now: datetime.datetime
) -> FactRow:
    """A fact's row as its resolution says. What needs a look at Stripe is held and due now."""
    draft = one.draft

    def row(
        state: str, reason: str | None, due_at: datetime.datetime | None, customer_id: str, details: Mapping[str, Any], told: Draft = draft
    ) -> FactRow:  # fmt: skip
        key_id, sealed = seal_details(sealer, account_id, draft.key, dict(details))
        pending = replace(one, draft=told)
        return FactRow(pending, event_id, state, reason, due_at, customer_id, exponent(told.shown[1]), key_id, sealed)

    match resolution:
        case Ready(details, customer_id, told):
            return row("ready", None, now, customer_id, details, told)
        case Held(until, reason):
            return row("held", reason, until, draft.customer_id, pending.to_json(one))
        case LookUp(what, _):
            return row(
                "held", f"Stripe is asked ({what.replace('_', ' ')})", now, draft.customer_id, pending.to_json(one)
            )
        case Dropped(reason):
            return row("dropped", reason, None, draft.customer_id, pending.to_json(one))
        case _:
            assert_never(resolution)
