"""Takes a batch of requests: one transaction for each account in it, and a result for each item.

The order of locks is that of everybody: addresses, notifications, then gates, each in ascending order.
"""

import datetime
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notify_service.accounts import Account
from notify_service.clock import Clock
from notify_service.consent import ledger
from notify_service.consent.addresses import AddressBook, Known
from notify_service.consent.policy import Policy
from notify_service.consent.verdicts import CATEGORY_OF_CLASS, GIVEN_IN_TRANSACTION, Standing, Verdicts
from notify_service.intake import store
from notify_service.intake.decision import Go, Stop, decide, passed, words_for
from notify_service.intake.number import Choice, choose
from notify_service.intake.request import RejectedError, Request
from notify_service.sealing import Sealer
from notify_service.words import body
from notify_service.words.body import Spoken
from notify_service.words.reference import reference
from notify_service.words.template import Rendered, Template, TemplateError, ValueProblemError


@dataclass(frozen=True, slots=True)
class Rejected:
    """The item is wrong and nothing of it was stored."""

    field: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of an item, now or since before.

    Attributes:
        due_at: when it is due; where it was handed back, when its next round makes sense; else None.
    """

    notification_id: uuid.UUID
    round: int
    state: str
    reason: str | None
    detail: str | None
    due_at: datetime.datetime | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Previewed:
    """A dry run: what would be sent, or why not."""

    channel: str
    rendered: Rendered
    stop: Stop | None


Result = Rejected | Stored | Previewed


@dataclass(frozen=True)
class AccountInForce:
    """An account with what is in force for it."""

    account: Account
    policy: Policy
    templates: Mapping[str, Template]


@dataclass(frozen=True)
class _Prepared:
    """A request with its number and words."""

    request: Request
    choice: Choice
    rendered: Rendered


class Intake:
    """Takes requests."""

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        in_force: Callable[[str], AccountInForce],
        sealer: Sealer,
        book: AddressBook,
        queued: Callable[[str], None],
    ) -> None:
        """``queued`` is called with an account after a commit that queued something for it."""
        self._pool, self._clock, self._in_force = pool, clock, in_force
        self._sealer, self._book, self._queued = sealer, book, queued

    async def submit(self, requests: Sequence[Request | Rejected]) -> list[Result]:
        """A result for each item, in order."""
        results: list[Result | None] = [item if isinstance(item, Rejected) else None for item in requests]
        by_account: dict[str, list[int]] = {}
        for index, item in enumerate(requests):
            if isinstance(item, Request):
                by_account.setdefault(item.account_id, []).append(index)
        for account_id, indexes in by_account.items():
            wanted = [item for index in indexes if isinstance(item := requests[index], Request)]
            for index, result in zip(indexes, await self._submit_for(account_id, wanted), strict=True):
                results[index] = result
        return [result for result in results if result is not None]

    async def _submit_for(self, account_id: str, requests: Sequence[Request]) -> list[Result]:
        in_force, now = self._in_force(account_id), self._clock.now()
        prepared = [self._prepare(request, in_force) for request in requests]
        real = [item for item in prepared if isinstance(item, _Prepared) and not item.request.dry_run]
        stored: dict[tuple[uuid.UUID, int, bytes], Result] = {}
        async with self._pool.acquire() as conn:
            if real:
                async with conn.transaction():
                    stored = await self._store(conn, account_id, real, in_force, now)
            previews = [item for item in prepared if isinstance(item, _Prepared) and item.request.dry_run]
            previewed = await self._preview(conn, account_id, previews, in_force, now) if previews else {}
        if any(
            isinstance(result, Stored) and result.state == "queued" and not result.duplicate
            for result in stored.values()
        ):
            self._queued(account_id)
        return self._in_order(prepared, stored, previewed)

    @staticmethod
    def _in_order(
        prepared: Sequence[_Prepared | Rejected],
        stored: Mapping[tuple[uuid.UUID, int, bytes], Result],
        previewed: Mapping[int, Result],
    ) -> list[Result]:
        results: list[Result] = []
        given: set[tuple[uuid.UUID, int, bytes]] = set()
        for item in prepared:
            if isinstance(item, Rejected):
                results.append(item)
            elif item.request.dry_run:
                results.append(previewed[id(item)])
            else:
                key = _key(item.request)
                result = stored[key]
                if key in given and isinstance(result, Stored):  # the same item twice in one batch
                    result = Stored(
                        result.notification_id,
                        result.round,
                        result.state,
                        result.reason,
                        result.detail,
                        result.due_at,
                        duplicate=True,
                    )
                given.add(key)
                results.append(result)
        return results

    def _prepare(self, request: Request, in_force: AccountInForce) -> _Prepared | Rejected:
        template = in_force.templates.get(request.template)
        if template is None:
            return Rejected(
                "template", "there is no such template", f"use one of {', '.join(sorted(in_force.templates))}"
            )
        try:
            rendered = words_for(request, template, in_force.account, in_force.policy)
        except ValueProblemError as error:
            return Rejected(error.field, error.reason, error.remedy)
        except TemplateError as error:
            return Rejected("template", str(error), "correct the template, or name another one")
        return _Prepared(
            request, choose([address.candidate for address in request.addresses], request.channels), rendered
        )

    async def _preview(
        self, conn: Any, account_id: str, items: Sequence[_Prepared], in_force: AccountInForce, now: datetime.datetime
    ) -> dict[int, Result]:
        cancelled = await store.cancelled(
            conn, account_id, [(item.request.caller, item.request.concern) for item in items]
        )
        previews: dict[int, Result] = {}
        for item in items:
            request = item.request
            verdicts = Verdicts().after(_assumed_grant(request)) if _gave_number(request, item.choice) else Verdicts()
            as_of = cancelled.get((request.caller, request.concern))
            outcome, _ = decide(request, item.choice, verdicts, as_of, in_force.account, in_force.policy, now)
            stop = outcome if isinstance(outcome, Stop) else None
            channel = outcome.channels[0] if isinstance(outcome, Go) else request.channels[0]
            previews[id(item)] = Previewed(channel, item.rendered, stop)
        return previews

    async def _store(
        self, conn: Any, account_id: str, items: Sequence[_Prepared], in_force: AccountInForce, now: datetime.datetime
    ) -> dict[tuple[uuid.UUID, int, bytes], Result]:
        results: dict[tuple[uuid.UUID, int, bytes], Result] = {}
        known = await store.existing(conn, account_id, [item.request.notification_id for item in items])
        fresh: dict[uuid.UUID, _Prepared] = {}
        rounds: dict[uuid.UUID, _Prepared] = {}
        for item in items:
            identity = item.request.notification_id
            row = known.get(identity)
            if row is not None and row["state"] == "handed_back" and item.request.round == row["round"] + 1:
                rounds.setdefault(identity, item)
            elif row is not None:
                results[_key(item.request)] = _repeated(item.request, row)
            elif identity in fresh and _key(fresh[identity].request) != _key(item.request):
                results[_key(item.request)] = Rejected(
                    "request_id", "stands twice in the batch with different contents", "give each its own id"
                )
            elif item.request.round != 1:
                results[_key(item.request)] = Rejected(
                    "round", "is not 1 for a request that was never taken", "begin with round 1"
                )
            else:
                fresh.setdefault(identity, item)
        if not fresh and not rounds:
            return results
        addresses = await self._book.find_or_make(
            conn,
            account_id,
            [item.choice.number for item in (*fresh.values(), *rounds.values()) if item.choice.number is not None],
        )
        locked = await store.lock_handed_back(conn, account_id, list(rounds)) if rounds else {}
        for identity, item in list(rounds.items()):
            if identity not in locked or locked[identity]["round"] + 1 != item.request.round:
                again = await store.existing(conn, account_id, [identity])
                results[_key(item.request)] = _repeated(item.request, again[identity])
                del rounds[identity]
        accepted = await self._decide_and_write(conn, account_id, fresh, rounds, locked, addresses, in_force, now)
        lost = [item for identity, item in fresh.items() if identity not in accepted]
        if lost:  # another transaction stored the same request between our look and our insert
            others = await store.existing(conn, account_id, [item.request.notification_id for item in lost])
            for item in lost:
                results[_key(item.request)] = _repeated(item.request, others[item.request.notification_id])
        for identity, row in accepted.items():
            results[_key(row.request)] = Stored(
                identity, row.request.round, row.state, row.reason, row.detail, row.due_at, duplicate=False
            )
        return results

    async def _decide_and_write(
        self,
        conn: Any,
        account_id: str,
        fresh: Mapping[uuid.UUID, _Prepared],
        rounds: Mapping[uuid.UUID, _Prepared],
        locked: Mapping[uuid.UUID, Any],
        addresses: Mapping[str, Known],
        in_force: AccountInForce,
        now: datetime.datetime,
    ) -> dict[uuid.UUID, store.Row]:
        items = [*(fresh[identity] for identity in sorted(fresh)), *(rounds[identity] for identity in sorted(rounds))]
        cancelled = await store.cancelled(
            conn, account_id, [(item.request.caller, item.request.concern) for item in items]
        )
        today: datetime.date = await conn.fetchval("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")
        new_entries = _distinct([entry for item in items for entry in _entries(item, addresses)])
        # rows first, gates after: what the ledger will say is foreseen here, and holds because gates only gain entries below
        foreseen = _foresee(addresses, new_entries)
        rows = {
            item.request.notification_id: self._row(
                _with_channels_left(item, locked.get(item.request.notification_id)),
                addresses,
                foreseen,
                cancelled,
                in_force,
                now,
            )
            for item in items
        }
        inserted = (
            await store.insert(conn, account_id, [rows[identity] for identity in sorted(fresh)], now, today)
            if fresh
            else set()
        )
        if rounds:
            await store.begin_round(conn, account_id, [rows[identity] for identity in sorted(rounds)], now)
        written = {identity: row for identity, row in rows.items() if identity in inserted or identity in rounds}
        if not written:
            return {}
        days = [
            (row, locked[identity]["created_on"] if identity in locked else today) for identity, row in written.items()
        ]
        await store.add_bodies(conn, account_id, days)
        await store.add_checks(conn, account_id, days)
        sources = [
            source
            for item in items
            if item.request.notification_id in written
            for source in _sources(item, addresses, now)
        ]
        if sources:
            await store.remember_sources(conn, account_id, sources)
        await store.add_challenges(conn, account_id, [row.request for row in written.values()])
        if new_entries:
            await ledger.append(conn, self._sealer, account_id, new_entries, unless_it_stands=True)
        return written

    def _row(
        self,
        item: _Prepared,
        addresses: Mapping[str, Known],
        foreseen: Mapping[uuid.UUID, Verdicts],
        cancelled: Mapping[tuple[str, str], datetime.datetime],
        in_force: AccountInForce,
        now: datetime.datetime,
    ) -> store.Row:
        request, number = item.request, item.choice.number
        address = addresses[number.e164] if number is not None else None
        verdicts = foreseen[address.address_id] if address is not None else Verdicts()
        as_of = cancelled.get((request.caller, request.concern))
        outcome, checks = decide(request, item.choice, verdicts, as_of, in_force.account, in_force.policy, now)
        rendered = item.rendered
        checks.append(
            passed(
                "template",
                f"Template {request.template}, variant {rendered.variant}, version {rendered.version}, language {rendered.language}: "
                f"{rendered.segments} segment{'s' if rendered.segments != 1 else ''}.",
                {"wanted_variant": request.variant, "wanted_languages": ",".join(request.languages)},
            )
        )
        due_at = max(request.not_before or now, now) if isinstance(outcome, Go) else None
        spoken = Spoken(rendered.text, reference(request.notification_id), rendered.language)
        sealed = None
        if isinstance(outcome, Go):
            sealed = body.seal(
                self._sealer,
                request.account_id,
                request.notification_id,
                request.round,
                dict.fromkeys(outcome.channels, spoken),
            )
        return store.Row(
            request=request,
            state="queued" if isinstance(outcome, Go) else outcome.state,
            reason=None if isinstance(outcome, Go) else outcome.reason,
            detail=None if isinstance(outcome, Go) else outcome.detail,
            sender=outcome.sender if isinstance(outcome, Go) else "",
            channels=outcome.channels if isinstance(outcome, Go) else request.channels,
            address_id=address.address_id if address is not None else None,
            template_version=rendered.version,
            variant=rendered.variant,
            language=rendered.language,
            segments=rendered.segments,
            policy_version=in_force.policy.version,
            consent_seqs=outcome.seqs if isinstance(outcome, Go) else (),
            due_at=due_at,
            if_unresolved=request.if_unresolved or in_force.policy.unresolved[request.message_class],
            body=sealed,
            checks=checks,
        )


def _key(request: Request) -> tuple[uuid.UUID, int, bytes]:
    return request.notification_id, request.round, request.content_hash


def _repeated(request: Request, row: Any) -> Result:
    if request.round > row["round"]:
        return Rejected(
            "round", f"round {row['round']} was not handed back", f"submit round {row['round'] + 1} only after it was"
        )
    if request.round == row["round"] and request.content_hash != row["content_hash"]:
        return Rejected(
            "request_id", "was taken with other contents", "resend the same bytes, or use another request_id"
        )
    due_at = row["due_at"] or row["handed_back_until"]
    return Stored(
        request.notification_id, row["round"], row["state"], row["reason"], row["detail"], due_at, duplicate=True
    )


def _with_channels_left(item: _Prepared, handed_back: Any) -> _Prepared:
    """A next round does not bring back the channels that failed for certain."""
    if handed_back is None or handed_back["reason"] != "channel_failed":
        return item
    left = tuple(channel for channel in item.request.channels if channel in handed_back["channels"])
    return replace(item, request=replace(item.request, channels=left))


def _distinct(entries: Sequence[ledger.NewEntry]) -> list[ledger.NewEntry]:
    """Each thing said once, however many items of a batch say it."""
    return list(
        {
            (one.address_id, one.person, one.channel, one.category, one.scope, one.granted, one.source): one
            for one in reversed(entries)
        }.values()
    )[::-1]


def _gave_number(request: Request, choice: Choice) -> bool:
    return choice.number is not None and request.addresses[choice.index].given_in_transaction


def _assumed_grant(request: Request) -> Standing:
    return Standing("sms", "transactional", "", request.person_id, granted=True, source=GIVEN_IN_TRANSACTION, seq=1)


def _entries(item: _Prepared, addresses: Mapping[str, Known]) -> list[ledger.NewEntry]:
    """What this request adds to the ledger of the address it goes to, unless it stands there already."""
    request, number = item.request, item.choice.number
    if number is None:
        return []
    known = addresses[number.e164]
    entries = []
    if _gave_number(request, item.choice) and not known.verdicts.has_grant(GIVEN_IN_TRANSACTION, request.person_id):
        entries.append(
            ledger.NewEntry(
                known.address_id, request.person_id, "sms", "transactional", "", granted=True, source=GIVEN_IN_TRANSACTION,
                actor=request.caller,
                occurred_at=request.addresses[item.choice.index].first_seen_at or request.truth_read_at,
                content={"source": request.addresses[item.choice.index].candidate.source, "concern": request.concern},
            )
        )  # fmt: skip
    for evidence in request.evidence:
        if evidence.address_index == item.choice.index:
            entries += _of_evidence(request, known.address_id, known.verdicts, evidence)
    return entries


def _of_evidence(request: Request, address_id: uuid.UUID, verdicts: Verdicts, evidence: Any) -> list[ledger.NewEntry]:
    entries = []
    for channel in evidence.channels or ("all",):
        for category in [CATEGORY_OF_CLASS[one] for one in evidence.classes] or ["all"]:
            stands = any(
                s.granted == evidence.granted and s.source == evidence.source and s.channel == channel and s.category == category
                and s.person == request.person_id
                for s in verdicts.standing
            )  # fmt: skip
            if not stands:
                entries.append(
                    ledger.NewEntry(
                        address_id, request.person_id, channel, category, request.sender_scope, evidence.granted, evidence.source,
                        request.caller, evidence.given_at, evidence.content,
                    )
                )  # fmt: skip
    return entries


def _foresee(addresses: Mapping[str, Known], entries: Sequence[ledger.NewEntry]) -> dict[uuid.UUID, Verdicts]:
    foreseen = {known.address_id: known.verdicts for known in addresses.values()}
    for entry in entries:
        before = foreseen[entry.address_id]
        seq = max((standing.seq for standing in before.standing), default=0) + 1
        standing = Standing(entry.channel, entry.category, entry.scope, entry.person, entry.granted, entry.source, seq)
        foreseen[entry.address_id] = before.after(standing)
    return foreseen


def _sources(
    item: _Prepared, addresses: Mapping[str, Known], now: datetime.datetime
) -> list[tuple[str, uuid.UUID, str, datetime.datetime, bool]]:
    number = item.choice.number
    if number is None:
        return []
    address = item.request.addresses[item.choice.index]
    known = addresses[number.e164]
    return [
        (
            item.request.person_id,
            known.address_id,
            address.candidate.source,
            address.first_seen_at or now,
            address.replaced_another,
        )
    ]


def reject(error: RejectedError) -> Rejected:
    """The result of an item that could not be read."""
    return Rejected(error.field, error.reason, error.remedy)
