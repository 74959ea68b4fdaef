"""A rehearsal as people read it, and as a program does. No number is ever shown whole."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingest_service.rehearsing.rehearsal import AccountRehearsed
from ingest_service.rehearsing.tally import Counted, Difference, Tally, differences

CHANGES: Final = {"new": "new", "gone": "gone", "more": "more", "fewer": "fewer", "same": ""}
COLUMNS: Final = ("facts", "people", "messages", "segments", "suppressed", "expired", "stopped", "skipped", "to come")


def as_json(done: Sequence[AccountRehearsed], *, source: str, days: int) -> str:
    """Everything, as one JSON document."""
    document = {"source": source, "days": days, "accounts": [_account(one) for one in done]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def problems(done: Sequence[AccountRehearsed]) -> list[str]:
    """What must be mended before these rules are put in force."""
    return [f"account {one.account_id}: {problem}" for one in done for problem in (*one.problems, *one.then.problems)]


def show(console: Console, done: Sequence[AccountRehearsed], *, source: str, days: int) -> None:
    """Tables, differences and examples."""
    for one in done:
        where = "Stripe's event list" if source == "stripe" else "the inbox"
        console.print(
            Text(f"Account {one.account_id}: {one.facts} facts of the last {days} days, from {where}", "bold")
        )
        console.print(_lines(one.then))
        if one.now is None:
            console.print(Text("No rules are in force: there is nothing to compare with."))
        else:
            _print_differences(console, differences(one.now, one.then))
        for note in one.notes:
            console.print(Text(f"Note: {note}."))
        _print_examples(console, one.then)
    console.print(Text("Nothing was sent or stored."))


def _lines(tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("flow", no_wrap=True)
    table.add_column("step", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "suppressed" else "right")
    for flow in sorted(tally.flows):
        steps = sorted((line[1], counted) for line, counted in tally.lines.items() if line[0] == flow)
        table.add_row(flow, "", *_cells(tally.flows[flow]))
        if len(steps) > 1:
            for name, counted in steps:
                table.add_row("", name, *_cells(counted), style="dim")
    return table


def _cells(counted: Counted) -> Iterator[str]:
    whole = (len(counted.facts), len(counted.people), counted.messages, counted.segments)
    yield from map(str, whole)
    reasons = [f"{number} {reason}" for reason, number in sorted(counted.suppressed.items())]
    reasons += [f"{sum(counted.rejected.values())} rejected"] if counted.rejected else []
    yield ", ".join(reasons) or "0"
    yield from map(str, (counted.expired, counted.stopped, counted.skipped, counted.to_come))


def _print_differences(console: Console, found: Sequence[Difference]) -> None:
    changed = [one for one in found if one.change != "same" or one.segments[0] != one.segments[1]]
    if not changed:
        console.print(Text("The rules in force say the same in as many messages and segments."))
        return
    table = Table(box=None, pad_edge=False, title="Compared with the rules in force", title_justify="left")
    for column in ("flow", "", "messages", "segments", "people"):
        table.add_column(column, no_wrap=True)
    for one in changed:
        table.add_row(one.flow, CHANGES[one.change], *map(_change, (one.messages, one.segments, one.people)))
    console.print(table)


def _change(pair: tuple[int, int]) -> str:
    old, new = pair
    return f"{old} → {new} ({new - old:+d})" if old != new else str(new)


def _print_examples(console: Console, tally: Tally) -> None:
    for (flow, step), examples in sorted(tally.examples.items()):
        for one in examples:
            to = f"{one.to} {' or '.join(one.numbers)}".strip()
            head = f"{flow}, {step}: {one.at} by {one.channel} to {to} ({one.language}, {one.segments} segments)"
            console.print(Text(head, "bold"))
            console.print(Text(one.text))


def _account(one: AccountRehearsed) -> dict[str, Any]:
    flows = []
    for flow, counted in sorted(one.then.flows.items()):
        steps = [
            {"step": name, **each.json()} for (owner, name), each in sorted(one.then.lines.items()) if owner == flow
        ]
        flows.append({"flow": flow, **counted.json(), "steps": steps})
    compared = None
    if one.now is not None:
        compared = [
            {
                "flow": each.flow, "change": each.change, "messages": list(each.messages), "segments": list(each.segments),
                "people": list(each.people),
            }
            for each in differences(one.now, one.then)
        ]  # fmt: skip
    examples = [dataclasses.asdict(each) for _, shown in sorted(one.then.examples.items()) for each in shown]
    return {
        "account": one.account_id, "facts": one.facts, "flows": flows, "compared": compared, "problems": problems([one]),
        "notes": one.notes, "examples": examples,
    }  # fmt: skip
