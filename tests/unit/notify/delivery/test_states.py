"""The table of moves and the diagrams in docs/states.md say the same."""

import re
from pathlib import Path
from typing import get_args

import pytest

from notify_service.delivery import states

DOC = Path(__file__).resolve().parents[4] / "docs" / "states.md"
ARROW = re.compile(r"^ {4}(\S+) --> (\S+): (.+)$", re.MULTILINE)


def diagrams() -> list[dict[tuple[str, str], str]]:
    blocks = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", DOC.read_text(), re.DOTALL)
    return [{(old, new): who for old, new, who in ARROW.findall(block)} for block in blocks]


def test_the_diagrams_are_the_tables() -> None:
    """Every arrow of the documentation is a move of the table, with the same actor, and the other way round."""
    assert diagrams() == [states.NOTIFICATION, states.ATTEMPT, states.QUESTION]


def test_every_state_is_reached_and_every_open_one_is_left() -> None:
    """No state stands alone, and only ends may have no way out."""
    for table, names in (
        (states.NOTIFICATION, set(get_args(states.NotificationState))),
        (states.ATTEMPT, set(get_args(states.AttemptState))),
    ):
        assert {new for _, new in table} == names
    left = {old for old, _ in states.NOTIFICATION}
    assert set(get_args(states.NotificationState)) - left <= states.ENDS


def test_a_move_outside_the_table_is_a_defect() -> None:
    """Nothing comes back from delivered to queued."""
    with pytest.raises(states.ImpossibleMoveError, match="delivered to queued"):
        states.check_notification("delivered", "queued")
    with pytest.raises(states.ImpossibleMoveError, match="accepted to unknown"):
        states.check_attempt("accepted", "unknown")
    states.check_notification("queued", "sending")
    states.check_attempt("unknown", "unknown")
