"""Rules are explained in sentences that a finance manager can follow."""

from datetime import timedelta

import pytest

from ingest_service.planning import durations, rules_file, sentences
from tests.unit.ingest.planning.facts import rules
from tests.unit.ingest.planning.test_rules_file import FILE, SHIPPED


def test_the_shipped_rules_read_like_sentences() -> None:
    told = sentences.explain(rules(SHIPPED))
    assert told[0].startswith("When Stripe's last try on a bill fails: text the customer at once")
    assert told[0].endswith("Each time it happens again, say the first message again.")
    assert told[1] == (
        "Otherwise, when a subscription payment fails: text the customer at once (payment_failed; of use for 1 day), "
        "then text the customer after 3 days (payment_failed; of use for 1 day; not while Stripe goes on trying a good card), "
        "then call or else text the customer after 7 days (payment_failed; of use for 1 day; not while Stripe goes on trying a good card). "
        "Words: confirm where the bank wants a confirmation, enterprise for enterprise customers, new_card where a new card is needed, "
        "default for the first payment of a subscription, will_retry while Stripe goes on trying a good card, subscription otherwise. "
        "If it happens again, the same messages go on with the newest words."
    )
    assert told[2].startswith(
        "Otherwise, when a payment of an invoice fails: text the customer at once and after 3 days "
    )
    assert told[3].startswith("Otherwise, when a payment fails: ")
    assert told[5].endswith("Words: subscription for a renewal, one_off for a one-off payment.")
    assert not any("fact." in sentence for sentence in told)
    [fraud] = [sentence for sentence in told if sentence.startswith("When a payment looks like fraud: ")]
    assert (
        "On no, without the code, while it is uncaptured: let go of the money that is held, and say what was done."
        in fraud
    )
    assert "On yes, no, something unclear, silence or nobody to be reached: ask a person to decide." in fraud
    open_to_nobody = "A person must decide where the answers leave it open, and no team hears of it"
    assert not told[-1].startswith(open_to_nobody)
    assert sentences.explain(rules(rules_file.filled_in(FILE, {})))[-1].startswith(open_to_nobody)


def test_channels_teams_and_conditions_are_told() -> None:
    read = rules(
        "teams: {ops: {members: [{name: Ada, number: '+14155550100'}]}}\n"
        "flows: [{flow: f, on: refund_failed, when: fact.amount > 100, to: 'team:ops', on_repeat: say_again,\n"
        "  steps: [{template: x, channels: [sms, voice], if_not_now: drop}]}]"
    )
    (told,) = sentences.explain(read)
    assert told == (
        "When a refund fails and fact.amount > 100: text or else call the ops team (1 person) at once "
        "(x; of use for 1 day; dropped where it may not go at once). Each time it happens again, say the first message again."
    )


@pytest.mark.parametrize(
    ("text", "seconds", "said"),
    [
        ("0s", 0, "0 seconds"), ("90s", 90, "1 minute and 30 seconds"), ("24h", 86_400, "1 day"), ("7d", 604_800, "7 days"),
        ("2w", 1_209_600, "2 weeks"), ("1d12h", 129_600, "1 day and 12 hours"),
    ],
)  # fmt: skip
def test_lengths_are_read_and_said(text: str, seconds: int, said: str) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)
    assert durations.say(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize("text", ["", "3", "-3d", "3 d", "d", "3x", "1.5h", "3d "])
def test_what_is_no_length_is_refused(text: str) -> None:
    assert durations.parse(text) is None
