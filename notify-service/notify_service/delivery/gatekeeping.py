"""Asks consent whether a claimed message may go, and keeps opt-outs that the provider told of (SQL through the ledger)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import orjson

from notify_service.consent import ledger
from notify_service.consent.policy import Policy
from notify_service.consent.verdicts import CATEGORY_OF_CLASS, Denied, Permitted, Verdicts, may
from notify_service.sealing import Sealer

from .ports import Allowed, Forbidden, NotNow


@dataclass(frozen=True, slots=True)
class LedgerGatekeeper:
    """`policy`: the one in force for an account, read at every decision."""

    sealer: Sealer
    policy: Callable[[str], Policy]
    account_id: str

    def policy_version(self) -> int:
        """Of the policy in force."""
        return self.policy(self.account_id).version

    def may(
        self, row: Mapping[str, Any], gate: Mapping[str, Any] | None, channel: str, now: datetime
    ) -> Allowed | Forbidden | NotNow:
        """The decision on a locked row with its locked gate. Without a gate there is no consent."""
        del now  # neither consent nor country depends on the hour
        if gate is None:
            return Forbidden("no_consent", "its address has no gate")
        policy = self.policy(self.account_id)
        if not policy.country_allowed(row["region"]):
            return Forbidden("country_not_allowed", f"policy does not allow messages to {row['region']}")
        category = CATEGORY_OF_CLASS[row["message_class"]]
        stored = gate["verdicts"]
        decision = may(
            Verdicts.load((orjson.loads(stored) if isinstance(stored, str) else stored) or ()),
            channel=channel,
            category=category,
            scope=row["sender_scope"],
            person=row["person_id"],
            requirement=policy.requirement(channel, category, row["region"]),
        )
        match decision:
            case Permitted(seqs):
                return Allowed(seqs)
            case Denied(reason, detail):
                return Forbidden(reason, detail)
            case _:
                assert_never(decision)

    async def opted_out(
        self,
        conn: Any,
        account_id: str,
        address_id: UUID,
        *,
        source: str,
        channel: str,
        at: datetime,
        details: Mapping[str, str],
    ) -> None:
        """Mirrors an opt-out that stands at the provider: everything, on every channel."""
        entry = ledger.NewEntry(
            address_id=address_id,
            person="",
            channel="all",
            category="all",
            scope="",
            granted=False,
            source=source,
            actor="provider",
            occurred_at=at,
            content={**details, "channel": channel},
        )
        await ledger.append(conn, self.sealer, account_id, [entry])
