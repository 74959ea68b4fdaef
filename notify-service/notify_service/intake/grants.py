"""What a request says about consent: the entries it adds to the ledger of the address it goes to. Pure."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from notify_service.consent.entry import NewEntry
from notify_service.consent.verdicts import CATEGORY_OF_CLASS, GIVEN_IN_TRANSACTION, Standing, Verdicts
from notify_service.intake.preparing import Prepared
from notify_service.intake.request import Evidence, Request


def entries_of(item: Prepared, address_id: uuid.UUID, verdicts: Verdicts) -> list[NewEntry]:
    """What this request adds to the ledger, unless it stands there already."""
    request, address = item.request, item.address
    if address is None:
        return []
    said = []
    if address.given_in_transaction:
        said.append(
            NewEntry(
                address_id, request.person_id, "sms", "transactional", "", granted=True, source=GIVEN_IN_TRANSACTION,
                actor=request.caller, occurred_at=address.first_seen_at or request.truth_read_at,
                content={"source": address.candidate.source, "concern": request.concern},
            )
        )  # fmt: skip
    for evidence in request.evidence:
        if evidence.address_index == item.choice.index:
            said += _of_evidence(request, address_id, evidence)
    return [entry for entry in said if not stands(verdicts, entry)]


def _of_evidence(request: Request, address_id: uuid.UUID, evidence: Evidence) -> Iterable[NewEntry]:
    for channel in evidence.channels or ("all",):
        for category in [CATEGORY_OF_CLASS[one] for one in evidence.classes] or ["all"]:
            yield NewEntry(
                address_id, request.person_id, channel, category, request.sender_scope, evidence.granted, evidence.source,
                request.caller, evidence.given_at, evidence.content,
            )  # fmt: skip


def stands(verdicts: Verdicts, entry: NewEntry) -> bool:
    """Whether this is the newest word of its kind already."""
    return verdicts.newest_is(
        entry.channel, entry.category, entry.scope, entry.person, source=entry.source, granted=entry.granted
    )


def distinct(entries: Sequence[NewEntry]) -> list[NewEntry]:
    """Each thing said once, however many items of a batch say it."""
    seen: dict[tuple[object, ...], NewEntry] = {}
    for one in entries:
        seen.setdefault(
            (one.address_id, one.person, one.channel, one.category, one.scope, one.granted, one.source), one
        )
    return list(seen.values())


def foresee(before: Mapping[uuid.UUID, Verdicts], entries: Sequence[NewEntry]) -> dict[uuid.UUID, Verdicts]:
    """What the gates will say once these entries are in the ledger."""
    foreseen = dict(before)
    for entry in entries:
        verdicts = foreseen[entry.address_id]
        seq = max((standing.seq for standing in verdicts.standing), default=0) + 1
        foreseen[entry.address_id] = verdicts.after(
            Standing(entry.channel, entry.category, entry.scope, entry.person, entry.granted, entry.source, seq)
        )
    return foreseen
