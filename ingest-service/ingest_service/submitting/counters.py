"""What the submitting side counts for the team."""

from typing import Final

from prometheus_client import Counter

STEPS: Final = Counter(
    "ingest_steps_total", "Steps that came into this state, with why", ["account_id", "state", "reason"]
)
CALLS: Final = Counter(
    "ingest_notify_calls_total", "Calls to notify by how they went", ["account_id", "call", "outcome"]
)
OUTCOMES: Final = Counter(
    "ingest_outcomes_total", "Outcomes applied, by kind and effect", ["account_id", "kind", "effect"]
)
DECISIONS: Final = Counter(
    "ingest_decisions_total", "Answers by what came of them", ["account_id", "answer", "strength", "outcome"]
)
DECISION_CALLS: Final = Counter(
    "ingest_decision_calls_total", "Writes at Stripe by how they went", ["account_id", "action", "result"]
)
WEBHOOKS: Final = Counter("ingest_webhook_calls_total", "Calls of webhooks by how they went", ["webhook", "state"])

_LABELLED: Final = frozenset({"suppressed", "failed", "waiting"})


def step_ended(account_id: str, state: str, reason: str) -> None:
    """Counts a step's new state; only reasons that come from a closed list become a label."""
    STEPS.labels(account_id, state, reason if state in _LABELLED else "").inc()
