"""Sorts claimed steps by what they need next, and stores what was decided: one statement for each decision, whatever the number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from ingest_service.deciding import question_store
from ingest_service.deciding.asking import Question
from ingest_service.links import store as link_store
from ingest_service.links.link import LinkMaker
from ingest_service.links.store import SealedLink
from ingest_service.planning import plans
from ingest_service.planning.sealed_columns import open_frozen, open_variables, seal_frozen
from ingest_service.sealing import Sealer, UnsealableError
from ingest_service.submitting import counters, step_queue
from ingest_service.submitting.preparing import (
    DueStep,
    End,
    Freeze,
    LookUp,
    Resend,
    asked,
    frozen_bytes,
    next_for,
    webhook_call,
)
from ingest_service.submitting.step_changes import CallingStep, EndedStep, FrozenStep
from ingest_service.webhooks import call_store

log = structlog.get_logger()

_UNBUILDABLE: Final = (KeyError, ValueError, TypeError, AttributeError)
"""What reading an odd record of ours raises."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A step whose bytes are stored and leased."""

    step: DueStep
    frozen: bytes


@dataclass(slots=True)
class Sorted:
    """Steps of an account by what they need.

    Attributes:
        links: the payment links in fresh ones.
        leased: they stay as they are, and nobody else may take them meanwhile.
        look_up: Stripe must be asked about them.
        calls: those that call a webhook instead of asking notify.
        questions: what they ask, also where no request could be made of it: then nobody was asked, and somebody must hear that.
    """

    ended: list[EndedStep] = field(default_factory=list)
    fresh: list[FrozenStep] = field(default_factory=list)
    links: dict[tuple[UUID, int], SealedLink] = field(default_factory=dict)
    ready: list[Ready] = field(default_factory=list)
    leased: list[tuple[UUID, int]] = field(default_factory=list)
    look_up: list[DueStep] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    calls: list[CallingStep] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sorting:
    """Opens, sorts and freezes steps; each account has the zone that its days are counted in.

    Without `links` texts about an unpaid bill link to the bill's own page.
    """

    zones: Mapping[str, ZoneInfo]
    sealer: Sealer
    links: LinkMaker | None = None

    def sort(self, rows: Sequence[asyncpg.Record], now: datetime) -> dict[str, Sorted]:
        """Decides for each claimed row, by account. One that cannot be opened is leased: out of the way until somebody adds its key."""
        by_account: dict[str, Sorted] = {}
        for row in rows:
            into = by_account.setdefault(row["account_id"], Sorted())
            step = self._opened(row)
            if step is None:
                into.leased.append((row["plan_id"], row["number"]))
            else:
                self._decide(step, now, into)
        return dict(sorted(by_account.items()))

    def _opened(self, row: asyncpg.Record) -> DueStep | None:
        account_id = row["account_id"]
        try:
            variables = open_variables(
                self.sealer, account_id, row["plan_id"], row["variables_key_id"], row["variables"]
            )
            frozen = row["frozen"] and open_frozen(
                self.sealer, account_id, row["request_id"], row["data_key_id"], row["frozen"]
            )
        except UnsealableError:
            log.warning("submitting.step_unreadable", account_id=account_id, request_id=row["request_id"])
            return None
        return DueStep(
            account_id=account_id,
            plan_id=row["plan_id"],
            number=row["number"],
            lane=row["lane"],
            concern=row["concern"],
            state=row["state"],
            due_at=row["due_at"],
            not_after=row["not_after"],
            request_id=row["request_id"],
            round=row["round"],
            flow=row["flow"],
            settled=row["concern_state"] == "settled",
            fact_at=row["fact_at"],
            fact_kind=row["fact_kind"],
            subject_id=row["subject_id"],
            variables=variables,
            frozen=frozen,
        )

    def _decide(self, step: DueStep, now: datetime, into: Sorted) -> None:
        decision = next_for(step, now)
        match decision:
            case End(state=state, reason=reason):
                if state == "expired":
                    self._never_asked(step, now, into)
                into.ended.append(EndedStep(step.plan_id, step.number, state, reason))
                counters.step_ended(step.account_id, state, reason)
            case Resend(frozen=frozen):
                into.leased.append(step.key)
                into.ready.append(Ready(step, frozen))
            case Freeze(grade=grade):
                self.freeze(step, grade, now, into)
            case LookUp():
                into.look_up.append(step)
            case _:
                assert_never(decision)

    def _never_asked(self, step: DueStep, now: datetime, into: Sorted) -> None:
        """A question whose time passed before it was put stands all the same: the sweep finds that nobody was asked."""
        try:
            question = asked(step, now)
        except _UNBUILDABLE as error:
            log.warning("submitting.unbuildable", **_of(step), error=type(error).__name__)
            return
        if question is not None:
            into.questions.append(question)

    def freeze(self, step: DueStep, grade: str, read_at: datetime, into: Sorted) -> None:
        """Makes the request of a step whose truth was read at this moment. One odd record stops nobody else."""
        try:
            call = webhook_call(step, read_at)
            if call is not None:
                into.calls.append(CallingStep(step.plan_id, step.number, grade, call))
                return
            question = asked(step, read_at)
            if question is not None:
                into.questions.append(question)
            link = self.links.make(step, read_at) if self.links is not None else None
            frozen = frozen_bytes(step, read_at, self.zones[step.account_id], link.url if link else "")
        except _UNBUILDABLE as error:
            kind = type(error).__name__  # its message may quote what a customer typed
            log.warning("submitting.unbuildable", **_of(step), error=kind)
            counters.step_ended(step.account_id, "rejected", "")
            reason = f"no request can be made of it ({kind}); its fact or rule lacks something"
            into.ended.append(EndedStep(step.plan_id, step.number, "rejected", reason))
            return
        key_id, sealed = seal_frozen(self.sealer, step.account_id, step.request_id, frozen)
        into.fresh.append(FrozenStep(step.plan_id, step.number, key_id, sealed, grade, read_at))
        into.ready.append(Ready(step, frozen))
        if link is not None:
            into.links[step.key] = link_store.seal(link, step.account_id, self.sealer)


def _of(step: DueStep) -> dict[str, str]:
    return {"account_id": step.account_id, "request_id": step.request_id}


async def store(conn: asyncpg.Connection, account_id: str, decided: Sorted, now: datetime, holder: UUID) -> None:
    """Stores what was decided of steps that are claimed in this transaction. What must be looked up is the caller's."""
    await question_store.ask(conn, account_id, decided.questions)
    await step_queue.end(conn, account_id, decided.ended)
    await store_frozen(conn, account_id, decided, holder, leased=False)
    await step_queue.lease(conn, account_id, decided.leased, holder)
    if decided.ended:
        await plans.close_finished(conn, account_id, [step.plan_id for step in decided.ended], now)


async def store_frozen(
    conn: asyncpg.Connection, account_id: str, decided: Sorted, holder: UUID, *, leased: bool
) -> set[tuple[UUID, int]]:
    """Stores the fresh requests with the links in them, and calls of webhooks; tells which steps were still waiting."""
    calling = await step_queue.call(conn, account_id, decided.calls, holder, leased=leased)
    await call_store.queue(
        conn, account_id, [each.call for each in decided.calls if (each.plan_id, each.number) in calling]
    )
    kept = await step_queue.freeze(conn, account_id, decided.fresh, holder, leased=leased)
    await link_store.keep(conn, account_id, [link for key, link in decided.links.items() if key in kept])
    return kept
