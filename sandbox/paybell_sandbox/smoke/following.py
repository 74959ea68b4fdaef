"""Follows an event to its end by what `ingest-service why` tells of it."""

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from paybell_sandbox.smoke.stack import Asking, NotDrivenError

WAIT_SECONDS = 90.0
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (?P<mark>[✓✗…·]) (?P<where>\w+) +(?P<sentence>.+)")
"""A line of a story: when, a mark, whose it is, and a sentence."""


@dataclass(frozen=True, slots=True)
class End:
    """Where the message has come to for good, or for so long that nobody waits for it."""

    sent: bool
    sentences: tuple[str, ...]


def end_of(story: Sequence[str]) -> End | None:
    """The end that a story has come to; None while it goes on.

    A message is at its end when it was sent, was not, or was put off. Where there is to be none, the event or what it means
    was stopped before.
    """
    lines = [found for line in story if (found := LINE.fullmatch(line.rstrip()))]
    messages = [line for line in lines if line["where"] == "step"]
    if messages and all(line["mark"] != "·" for line in messages):
        return End(all(line["mark"] == "✓" for line in messages), _sentences(messages))
    before = [line for line in lines if line["where"] in ("event", "fact")]
    stopped = [line for line in before if line["mark"] == "✗"]
    if not messages and stopped and all(line["mark"] in "✓✗" for line in before):
        return End(sent=False, sentences=_sentences(stopped))
    return None


def _sentences(lines: Sequence[re.Match[str]]) -> tuple[str, ...]:
    return tuple(line["sentence"] for line in lines)


def follow(event: str, asking: Asking, seconds: float = WAIT_SECONDS) -> str:
    """Waits for the end of an event; the sentences of it where the message was sent.

    Raises:
        NotDrivenError: where it was not, or nothing is known of its end, with what is.
    """
    until = time.monotonic() + seconds
    while True:
        story = _ask(event, asking)
        end = end_of(story)
        if end is not None:
            if end.sent:
                return "\n".join(end.sentences)
            raise NotDrivenError("\n".join(["The event is in, but no text went out:", *end.sentences]))
        if time.monotonic() > until:
            known = story or ["nothing"]
            raise NotDrivenError(
                "\n".join(
                    [f"The event is in, but after {seconds:.0f} s it has no end. What is known:", *known,
                     f"Ask again: {asking.shown} {event}"]
                )
            )  # fmt: skip
        time.sleep(0.5)


def _ask(event: str, asking: Asking) -> list[str]:
    finished = subprocess.run(
        [*asking.command, event],
        env=dict(asking.environment),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if finished.returncode != 0:
        raise NotDrivenError(
            "\n".join([f"The event {event} is in, but what became of it cannot be asked:", finished.stderr.strip()])
        )
    return finished.stdout.splitlines()
