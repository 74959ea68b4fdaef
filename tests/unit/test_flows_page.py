"""docs/flows.md: everything that ships stands on it, and what is missing is named."""

from pathlib import Path

import pytest

from docs.flowpage import __main__ as command
from docs.flowpage import examples, fragments, rendering, shipped
from docs.flowpage.page import UnknownFlowError, build
from notify_service.words import template_store
from notify_service.words.template import Template

DECLARATION = "values:\n  amount: money\n  link: link?\nfallback: [en]\n"
RULES = """\
flows:

  # What this is for.
  - flow: failed_payment
    on: payment_failed
    when: fact.is_subscription
    steps:
      - {template: bill}

  - flow: refund
    on: refund_issued
    steps: [{template: bill}]

  # The same for the rest.
  - flow: failed_payment
    on: payment_failed
    steps:
      - {template: bill}
      # a remark
      - {after: 3d, template: reminder}

# an afterword
teams: {}
"""


def template(**words: str) -> Template:
    """A template called bill: ``default_en="…"``."""
    split = {tuple(name.split("_")): body for name, body in words.items()}
    rows = {("bill", variant, language): (1, body) for (variant, language), body in split.items()}
    return template_store.compile_all({("bill", "", ""): (1, DECLARATION), **rows})["bill"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a person wrote about the two flows."""
    home = tmp_path / "flows"
    home.mkdir()
    (home / "failed_payment.md").write_text(
        "# Failed payment\n\n## What triggers it\n\nA failure.\n\n## What stops it\n\nA payment.\n\n## Worth knowing\n\nThis.\n"
    )
    (home / "refund.md").write_text("# Refund\n## What triggers it\nA refund.\n## What stops it\nNothing.\n")
    return home


def test_every_text_that_ships_stands_on_the_page_as_it_is_sent() -> None:
    page = command.PAGE.read_text()
    for one in shipped.templates().values():
        for variant, language in one.words:
            for optional in (frozenset(), one.declaration.optional):
                values = examples.values(one.declaration, language)
                kept = {name: value for name, value in values.items() if name not in optional}
                assert rendering.said(one, variant, language, kept) in page, "run `make docs`"


def test_every_flow_that_ships_has_its_sentences_and_its_lines_on_the_page() -> None:
    page = command.PAGE.read_text()
    for flow in shipped.flows(shipped.RULES.read_text(), "rules.yaml"):
        for part in (*flow.sentences, *flow.source):
            assert part in page, "run `make docs`"


def test_a_flow_is_told_with_its_rules_words_and_stops_in_one_place(folder: Path) -> None:
    page = build(RULES, {"bill": template(default_en="{{ brand }}: {{ amount }}")}, folder)
    places = [page.index(part) for part in (
        "## Failed payment", "A failure.", "- When a subscription payment fails", "- Otherwise, when a payment fails", "Example Store: $49.00 Ref",
        "A payment.", "### Worth knowing", "# What this is for.", "# The same for the rest.", "## Refund", "see [Failed payment](#failed-payment)",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "afterword" not in page


def test_the_lines_of_an_entry_come_with_the_comment_above_them() -> None:
    failed, refund = shipped.flows(RULES, "rules.yaml")
    assert (failed.name, failed.templates) == ("failed_payment", ("bill", "reminder"))
    assert failed.source[0].splitlines()[0] == "# What this is for."
    assert failed.source[0].splitlines()[-1] == "    - {template: bill}"
    assert failed.source[1].splitlines()[-2:] == ["    # a remark", "    - {after: 3d, template: reminder}"]
    assert refund.source == ("- flow: refund\n  on: refund_issued\n  steps: [{template: bill}]",)


def test_a_text_that_no_rule_names_stands_on_the_page_all_the_same(folder: Path) -> None:
    further = {"bill": template(default_en="{{ amount }}"), "other": template(default_en="otherwise {{ amount }}")}
    page = build(RULES, further, folder)
    assert page.index("## Further texts") < page.index("otherwise $49.00")


def test_the_price_of_each_text_and_the_letter_that_makes_it_dear_stand_beside_it() -> None:
    words = template(default_en="pay {{ amount }}", default_es="según {{ amount }}", default_ja="支払い {{ amount }}")
    table = "\n".join(rendering.tables(words))
    assert "| English | pay $49.00 Ref 7F3K2 | 1 GSM-7 | 1 |" in table
    assert "| Español | según 49,00 € Ref 7F3K2 | 1 UCS-2 (ú) | 1 |" in table
    assert "| 日本語 | 支払い 4,900円 照会番号 7F3K2 | 1 UCS-2 | 1 |" in table


def test_what_is_not_translated_is_seen() -> None:
    table = "\n".join(rendering.tables(template(default_en="{{ amount }}")))
    assert "| Deutsch | **not translated yet** | | |" in table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, 'docs/flows/refund.md is missing: write a title, "## What triggers it" and "## What stops it"'),
        ("# Refund\n## What triggers it\nA refund.\n", 'docs/flows/refund.md says nothing under "## What stops it"'),
        ("## What triggers it\nx\n## What stops it\ny\n", "docs/flows/refund.md must begin with a title"),
    ],
)
def test_what_is_wrong_with_a_fragment_is_named_with_its_remedy(folder: Path, text: str | None, message: str) -> None:
    (folder / "refund.md").unlink()
    if text is not None:
        (folder / "refund.md").write_text(text)
    with pytest.raises(fragments.FragmentError) as wrong:
        fragments.read("refund", folder)
    assert str(wrong.value).startswith(message)


def test_a_fragment_of_no_flow_is_an_error(folder: Path) -> None:
    (folder / "refnud.md").write_text("# Refund\n## What triggers it\nx\n## What stops it\ny\n")
    with pytest.raises(UnknownFlowError, match=r"refnud\.md: rules\.yaml has no flow of this name"):
        build(RULES, {}, folder)


def test_a_flow_that_is_off_is_told_from_the_lines_that_turn_it_on(folder: Path) -> None:
    (folder / "alert.md").write_text(
        "# Alert\n## What triggers it\nx\n## What stops it\ny\n## How to configure it\nAdd:\n```yaml\n"
        'teams:\n  ops:\n    members:\n      - {name: Ops, number: "${OPS}"}\nflows:\n  - flow: alert\n    on: payment_succeeded\n    to: team:ops\n'
        "    steps:\n      - {template: bill}\n```\n"
    )
    page = build(RULES, {"bill": template(default_en="{{ amount }}")}, folder)
    assert "- [Alert](#alert) (off as shipped)" in page
    assert "- When a payment succeeds: text the ops team (1 person) at once" in page
    assert page.count('number: "${OPS}"') == 1
    (folder / "alert.md").write_text((folder / "alert.md").read_text().replace("payment_succeeded", "payment_suceeded"))
    with pytest.raises(shipped.FixTheRulesError, match=r"docs/flows/alert\.md, line"):
        build(RULES, {}, folder)


def test_a_value_without_an_example_is_named_with_the_place_for_it() -> None:
    with pytest.raises(
        examples.NoExampleError, match=r"`mood: text`; add a line to TEXTS in docs/flowpage/examples\.py"
    ):
        examples.example("mood", "text", "en")


def test_a_page_that_is_out_of_date_is_shown_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "flows.md"
    monkeypatch.setattr(command, "PAGE", stale)
    monkeypatch.setattr(command, "page", lambda: "one\ntwo\n")
    stale.write_text("one\nthree\n")
    assert command.main(["--check"]) == 1
    assert "-three\n+two\n" in capsys.readouterr().out
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
