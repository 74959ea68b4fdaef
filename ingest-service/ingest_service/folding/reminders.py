"""When a reminder's matter is over, by what we know of the subscription or card it speaks of. Pure.

A concern's name holds what it was about: subscription:sub_1/renewal:1798761600 is the renewal at that moment,
card:pm_1/expiring:2026-11 the card that ends with that month.
"""

from ingest_service.folding.subject import Subject


def over(concern: str, subject: Subject) -> str | None:
    """Why it is over; None where it still comes, as far as we know."""
    what, _, of = concern.partition("/")[2].partition(":")
    if subject.status in ("canceled", "incomplete_expired"):
        return "the subscription has ended"
    match what:
        case "renewal":
            if subject.facts.get("renews") == "no":
                return "the subscription does not renew by itself"
            moved = str(subject.facts.get("period_end") or of) != of
            return "the subscription has renewed, or renews on another day" if moved else None
        case "trial":
            if subject.facts.get("renews") == "no":
                return "the subscription ends with its trial"
            if subject.status and subject.status != "trialing":
                return "the trial has ended"
            return "the trial ends on another day" if str(subject.facts.get("trial_end") or of) != of else None
        case "expiring":
            if subject.status == "detached":
                return "the card was taken away"
            return "the card was renewed" if str(subject.facts.get("expires") or of) > of else None
        case _:
            return None
