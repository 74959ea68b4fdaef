"""The policy file: read whole, or refused whole with every problem's line and remedy."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from notify_service import database
from notify_service.consent.policy import CATEGORIES, CHANNELS, PolicyError, Problem, parse

SHIPPED = database.shipped("policy.yaml").read_text()


def problems(text: str) -> list[str]:
    """What is said about a file."""
    with pytest.raises(PolicyError) as wrong:
        parse(text, "policy.yaml")
    return str(wrong.value).splitlines()


def test_the_shipped_policy_allows_texts_on_a_number_given_in_the_payment_and_asks_for_the_rest() -> None:
    policy = parse(SHIPPED)
    assert policy.requirement("sms", "transactional", "US") == "given_in_transaction"
    assert policy.requirement("sms", "fraud", "DE") == "given_in_transaction"
    for channel in ("sms", "voice", "whatsapp"):
        assert policy.requirement(channel, "marketing", "US") == "opt_in"
    for category in ("transactional", "fraud"):
        assert policy.requirement("voice", category, "US") == policy.requirement("whatsapp", category, "US") == "opt_in"
    assert policy.country_allowed("NO")
    assert not policy.country_allowed("001")
    assert policy.unresolved["marketing"] == "hold"


def test_a_country_may_ask_for_more() -> None:
    text = SHIPPED.replace("consent:\n", "consent:\n  countries:\n    FR:\n      sms: {transactional: opt_in}\n", 1)
    policy = parse(text)
    assert policy.requirement("sms", "transactional", "FR") == "opt_in"
    assert policy.requirement("sms", "transactional", "DE") == "given_in_transaction"
    assert policy.requirement("sms", "fraud", "FR") == "given_in_transaction"


@pytest.mark.parametrize(
    ("change", "into", "said"),
    [
        ("    team: allowed\n  voice", "    team: allwed\n  voice", "line 15: consent.sms.team cannot be `allwed`; did you mean `allowed`?"),
        ("    marketing: opt_in\n    team: allowed\n  voice", "    team: allowed\n  voice", "consent.sms.marketing is missing"),
        ("unresolved:", "unresolvd:", "the policy has no `unresolvd`; did you mean `unresolved`?"),
        ("US, CA", "US, {a: b}, CA", "is no country"),
        ("Laws", "\x1f Laws", "line 2: this is not YAML"),
        ("US, CA", "USA, CA", "`USA` is no country; use ISO 3166-1 codes"),
        ("longest: 40", "longest: 4000", "customer_text.longest is no number from 10 to 200; use 40"),
        ("longest: 40", "longest: ²0", "customer_text.longest is no number from 10 to 200; use 40"),
        ("  marketing: hold", "  marketing: wait", "unresolved.marketing cannot be `wait`; use one of resend_once, hold"),
        ("links:\n", "links: 7\nlnks:\n", "`lnks`; did you mean `links`?"),
        ("consent:\n", "consent: [\n", "this is not YAML"),
        ("  sms:\n", "  sms: yes\n  smms:\n", "consent.sms is not a mapping"),
        ("  whatsapp:\n", "  sms:\n", "`sms` stands twice in consent; remove one of them"),
    ],
)  # fmt: skip
def test_an_error_is_named_with_its_file_line_and_remedy(change: str, into: str, said: str) -> None:
    assert change in SHIPPED
    lines = problems(SHIPPED.replace(change, into, 1))
    assert any(said in line for line in lines), lines
    assert all(line.startswith("policy.yaml, line ") and "; " in line for line in lines)


@pytest.mark.parametrize(
    ("channel", "category"),
    [(c, k) for c in CHANNELS for k in CATEGORIES if (c, k) not in (("sms", "transactional"), ("sms", "fraud"))],
)
def test_a_number_given_in_a_payment_is_never_enough_for_more_than_texts_about_it(channel: str, category: str) -> None:
    """No ledger entry could ever meet it: every such message would be suppressed, and nobody told why."""
    given = f"consent:\n  countries:\n    FR:\n      {channel}: {{{category}: given_in_transaction}}\n"
    [line] = problems(SHIPPED.replace("consent:\n", given, 1))
    assert f"consent.countries.FR.{channel}.{category} cannot be `given_in_transaction`" in line
    assert line.endswith("; use opt_in")
    table = yaml.load(SHIPPED, Loader=yaml.BaseLoader)  # noqa: S506 (its own file; NO stays a country)
    table["consent"][channel][category] = "given_in_transaction"
    [line] = problems(yaml.safe_dump(table))
    assert f"consent.{channel}.{category} cannot be `given_in_transaction`" in line


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = SHIPPED.replace("marketing: opt_in", "marketing: optin").replace("marketing: hold", "marketing: maybe")
    lines = problems(text.replace("longest: 40", "longest: no"))
    assert len(lines) == 5
    numbers = [int(line.split("line ")[1].split(":")[0]) for line in lines]
    assert numbers == sorted(numbers)


def test_an_empty_file_is_told_what_to_start_from() -> None:
    assert problems("") == ["policy.yaml, line 1: the file is empty; start from the policy.yaml that comes with the service"]  # fmt: skip


@given(st.text(max_size=60))
def test_no_file_is_read_as_anything_but_a_policy_or_its_problems(text: str) -> None:
    with pytest.raises(PolicyError):
        parse(text)


@given(st.integers(0, len(SHIPPED)), st.integers(1, 40))
def test_a_file_with_a_piece_cut_out_is_a_policy_or_names_lines(start: int, length: int) -> None:
    found: list[Problem] = []
    try:
        parse(SHIPPED[:start] + SHIPPED[start + length :])
    except PolicyError as error:
        found = error.problems
    assert all(problem.line >= 1 and problem.remedy for problem in found)
