"""How old news of each kind may be. Pure.

What one message says is old after a day. What has an end of its own (a bill is unpaid, a dispute waits for evidence, a suspicion for
an answer) is spoken of as long as a step may be to come: the first one, which is late by then, expires, and each later one asks
Stripe first.
"""

import datetime
from typing import Final

from ingest_service.folding.effects import Draft

LADDER: Final = datetime.timedelta(days=90)
"""The longest that a rule's step may lie after its fact."""

_UNTIL_ITS_END: Final = frozenset({"dispute_opened", "fraud_suspected", "fraud_held"})
_WORTH_KNOWING_LATE: Final = frozenset({"refund_issued", "refund_failed", "dispute_closed"})


def fresh_for(draft: Draft, usual: datetime.timedelta) -> datetime.timedelta:
    """For how long it may be told. `usual`: of what has no reason to be told longer."""
    unpaid_bill = draft.kind == "payment_failed" and draft.concern.startswith("invoice:")
    if unpaid_bill or draft.kind in _UNTIL_ITS_END:
        return max(usual, LADDER)
    return 3 * usual if draft.kind in _WORTH_KNOWING_LATE else usual
