"""What a webhook is told of an answer. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest_service.deciding.asking import Question
from ingest_service.deciding.judging import Given
from ingest_service.planning.answers import Answer
from ingest_service.webhooks.call import Call, about, made


def answer_call(
    account_id: str, asked: Question, given: Given, webhook: str, fact: Mapping[str, Any], now: datetime
) -> Call:
    """The call that tells of an answer: what it is about, what was answered and when. No number, name or words of a person.

    A matter tells each webhook once, however many people answered.
    """
    answer = Answer.YES if asked.asks.each and given.acknowledges else given.answer
    told = {
        "type": "answer",
        "account": account_id,
        "flow": asked.flow,
        "rule": asked.rule,
        **about(fact),
        "answer": answer,
        "strength": given.strength,
        "at": given.answered_at.isoformat(timespec="seconds"),
    }
    return made(account_id, asked.plan_id, f"answer:{webhook}", webhook, told, now)
