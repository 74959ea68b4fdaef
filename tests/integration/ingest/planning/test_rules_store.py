"""Rules come into force as rows; a bad file never replaces a good one."""

from pathlib import Path

import pytest

from ingest_service.database import shipped
from ingest_service.planning import commands
from ingest_service.planning.rules_store import FixTheRulesFile, RulesInForce
from tests.integration.ingest.planning.rows import ACCOUNT, SEALER, Side

GOOD = """
flows:
  - flow: failed
    on: payment_failed
    steps: [{template: payment_failed}]
"""
BAD = """
flows:
  - flow: failed
    on: payment_faild
    steps: [{template: payment_failed, after: 3}]
"""


async def test_epochs_rise_an_unchanged_file_changes_nothing_and_a_bad_one_leaves_the_good_in_force(
    side: Side, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    (first,) = await commands.apply_files(side.pool, {ACCOUNT: file}, SEALER, by="test")
    assert (first.changed, first.epoch) == (True, 2)
    (again,) = await commands.apply_files(side.pool, {ACCOUNT: file}, SEALER, by="test")
    assert (again.changed, again.epoch) == (False, 2)
    file.write_text(BAD)
    with pytest.raises(FixTheRulesFile) as wrong:
        await commands.apply_files(side.pool, {ACCOUNT: file}, SEALER, by="test")
    assert str(wrong.value).splitlines() == [
        f'{file}:4: "on" cannot be "payment_faild". Did you mean "payment_failed"?',
        f'{file}:5: "after" cannot be "3". Write a number with its unit: 90s, 30m, 24h, 3d, 1w.',
    ]
    async with side.pool.acquire() as conn:
        in_force = await RulesInForce(SEALER).of(conn, ACCOUNT)
    assert in_force is not None
    assert (in_force.epoch, in_force.rules.rules[0].flow) == (2, "failed")


async def test_the_first_start_puts_the_file_in_force_and_later_starts_leave_what_is(
    side: Side, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    (kept,) = await commands.apply_files(side.pool, {ACCOUNT: file}, SEALER, by="start", only_if_none=True)
    assert not kept.changed
    (new,) = await commands.apply_files(side.pool, {"other": file}, SEALER, by="start", only_if_none=True)
    assert (new.changed, new.epoch) == (True, 1)


async def test_new_rules_do_not_plan_again_what_was_planned(side: Side, tmp_path: Path) -> None:
    await side.fact()
    await side.planning().turn()
    before = await side.steps()
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    await side.rules(file)
    assert await side.planning().turn() == 0
    assert await side.steps() == before


async def test_a_planner_takes_up_new_rules_without_a_restart(side: Side, tmp_path: Path) -> None:
    planning = side.planning()
    await side.fact()
    await planning.turn()
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD)
    await side.rules(file)
    await side.fact("payment_failed:in_2:1", concern="invoice:in_2/unpaid")
    await planning.turn()
    assert {plan["concern"]: plan["flow"] for plan in await side.plans()} == {
        "invoice:in_1/unpaid": "failed_payment",
        "invoice:in_2/unpaid": "failed",
    }
    assert {row["rules_epoch"] for row in await side.pool.fetch("SELECT rules_epoch FROM fact")} == {1, 2}


async def test_rules_stand_encrypted(side: Side) -> None:
    body = await side.pool.fetchval("SELECT body FROM rules_version")
    assert b"flows" not in body


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("rules: 1\n")
    with pytest.raises(FixTheRulesFile) as wrong:
        commands.check_all([two, shipped("rules.yaml"), one])
    told = str(wrong.value).splitlines()
    assert any(line.startswith(f"{one}:") for line in told)
    assert any(line.startswith(f"{two}:1: the rules file cannot be read") for line in told)
    assert {path for path, _ in wrong.value.wrong} == {one, two}
