"""What is to become of a valid request, before it is stored. Pure."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from notify_service.accounts import Account
from notify_service.consent.number import Choice, explain
from notify_service.consent.policy import Policy
from notify_service.consent.verdicts import CATEGORY_OF_CLASS, Denied, Permitted, Verdicts, may
from notify_service.gate_checks import Check, failed, passed
from notify_service.intake.request import Request


@dataclass(frozen=True, slots=True)
class Stop:
    """It will not be sent."""

    state: Literal["suppressed", "cancelled", "expired"]
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Go:
    """It may be sent, on these channels in this order."""

    channels: tuple[str, ...]
    sender: str
    seqs: tuple[int, ...]


def decide(
    request: Request,
    choice: Choice,
    verdicts: Verdicts,
    cancelled_as_of: datetime.datetime | None,
    account: Account,
    policy: Policy,
    now: datetime.datetime,
) -> tuple[Go | Stop, list[Check]]:
    """Whether it may go, with every check on the way."""
    checks: list[Check] = []

    def stop(
        state: Literal["suppressed", "cancelled", "expired"], reason: str, name: str, detail: str, **details: str
    ) -> tuple[Stop, list[Check]]:
        checks.append(failed(name, detail, details))
        return Stop(state, reason, detail), checks

    if cancelled_as_of is not None and request.truth_read_at < cancelled_as_of:
        return stop(
            "cancelled",
            "concern_cancelled",
            "concern",
            "The concern was over before this message was last known to be true.",
        )
    if now > request.not_after:
        return stop("expired", "expired", "time", "Its time had passed when it came.")
    checks.append(passed("concern", "The concern is still open."))
    number = choice.number
    if number is None:
        return stop("suppressed", "no_usable_number", "number", f"There is no usable number: {explain(choice)}.")
    source = request.addresses[choice.index].candidate.source
    kind = number.kind.replace("_", " ")
    before = f" Before it {explain(choice)}." if any(why == "not_allowed" for _, why in choice.refused) else ""
    sentence = f"The number {number.masked} from {source} is a valid {kind} number.{before}"
    checks.append(passed("number", sentence, {"source": source, "region": number.region}))
    if not policy.country_allowed(number.region):
        return stop(
            "suppressed", "country_not_allowed", "country", f"The policy does not allow numbers of {number.region}."
        )
    checks.append(passed("country", f"The policy allows numbers of {number.region}.", {"policy": str(policy.version)}))
    if not request.channels:
        return stop("suppressed", "channel_failed", "channel", "No channel is left that it may use.")
    reachable = [channel for channel in request.channels if channel in number.channels]
    return _consent(request, reachable, number.region, verdicts, account, policy, checks)


def _consent(
    request: Request,
    reachable: Sequence[str],
    region: str,
    verdicts: Verdicts,
    account: Account,
    policy: Policy,
    checks: list[Check],
) -> tuple[Go | Stop, list[Check]]:
    category = CATEGORY_OF_CLASS[request.message_class]
    allowed: list[str] = []
    seqs: tuple[int, ...] = ()
    denial: Denied | None = None
    sender = ""
    for channel in reachable:
        if (own := account.sender_for(channel, request.sender_scope)) is None:
            checks.append(failed("sender", f"No sender is configured for {channel}."))
            continue
        requirement = policy.requirement(channel, category, region)
        verdict = may(
            verdicts,
            channel=channel,
            category=category,
            scope=request.sender_scope,
            person=request.person_id,
            requirement=requirement,
        )
        match verdict:
            case Permitted(entries):
                named = f", ledger entries {', '.join(map(str, entries))}" if entries else ""
                checks.append(passed("consent", f"{category.capitalize()} messages by {channel} are allowed ({requirement}{named}).", {
                    "policy": str(policy.version), "entries": ",".join(map(str, entries))}))  # fmt: skip
                allowed.append(channel)
                seqs, sender = (seqs, sender) if sender else (entries, own.name)
            case Denied() as denied:
                checks.append(failed("consent", f"Not by {channel}: {denied.detail}.", {"policy": str(policy.version)}))
                if denied.reason == "opted_out":
                    denial = denied
                    break  # what comes behind would be a way around the opt-out
                denial = denial or denied
            case _:
                assert_never(verdict)
    if allowed:
        if request.if_unresolved == "resend_once" and (category == "marketing" or "voice" in allowed):
            what = "An advertisement" if category == "marketing" else "A call"
            checks.append(
                passed(
                    "if_unresolved",
                    f"{what} of which nobody knows whether it went is held for a person, whatever the request wishes.",
                )
            )
        return Go(tuple(allowed), sender, seqs), checks
    if denial is not None:
        return Stop("suppressed", denial.reason, _in_words(denial)), checks
    return Stop("suppressed", "sender_misconfigured", "No sender is configured for its channels."), checks


def _in_words(denied: Denied) -> str:
    who = "The recipient" if denied.reason == "opted_out" else "Not allowed:"
    return f"{who} {denied.detail}."
