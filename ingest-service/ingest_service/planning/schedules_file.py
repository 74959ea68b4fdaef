"""The schedules of a rules file, one line each. Pure."""

import re
from datetime import time
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ingest_service.planning.document import Reader, did_you_mean
from ingest_service.planning.rules import Team
from ingest_service.planning.schedules import MOST_DAYS, DigestTime, Reminders, Renewals, Schedules, Who

NAMES: Final = ("renewal_reminders", "trial_reminders", "card_reminders", "digest")
_AT: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_TEN: Final = time(10, 0)


class SchedulesReader:
    """Reads ``schedules:``; problems are noted with the reader."""

    def __init__(self, reader: Reader, teams: dict[str, Team]) -> None:
        """``teams`` are those of the file."""
        self._reader, self._teams = reader, teams

    def read(self, node: yaml.Node) -> Schedules:
        """The schedules, as far as they are good."""
        parts = self._reader.mapping(node, '"schedules"', NAMES)
        return Schedules(
            renewal_reminders=self._reminders(parts.get(NAMES[0]), NAMES[0], (7, 3, 1)),
            trial_reminders=self._reminders(parts.get(NAMES[1]), NAMES[1], (7, 3, 1)),
            card_reminders=self._reminders(parts.get(NAMES[2]), NAMES[2], (30, 7)),
            digest=self._digest(parts.get("digest")),
        )

    def _reminders(self, node: yaml.Node | None, name: str, days: tuple[int, ...]) -> Reminders | None:
        if node is None:
            return None
        known = ("days", "at", "who") if name == NAMES[0] else ("days", "at")
        parts = self._reader.mapping(node, f'"{name}"', known)
        return Reminders(
            days=self._days(parts["days"]) if "days" in parts else days,
            at=self._at(parts.get("at"), _TEN),
            line=node.start_mark.line + 1,
            who=self._who(parts["who"]) if "who" in parts else Who(),
        )

    def _digest(self, node: yaml.Node | None) -> DigestTime | None:
        if node is None:
            return None
        parts = self._reader.mapping(node, '"digest"', ("to", "at", "zone", "empty"), needed=("to",))
        teams = tuple(f"team:{name}" for name in self._teams)
        to = self._reader.text(parts["to"], '"to"') if "to" in parts else None
        if to is not None and to not in teams:
            remedy = did_you_mean(to, teams) if teams else 'Add the team below "teams:"'
            self._reader.note(parts["to"], f'the digest cannot go to "{to}"', remedy)
        empty = self._reader.choice(parts["empty"], '"empty"', ("skip", "say")) if "empty" in parts else "skip"
        said: Literal["skip", "say"] = "say" if empty == "say" else "skip"
        zone = self._zone(parts.get("zone"))
        return DigestTime(to or "", self._at(parts.get("at"), time(18, 0)), zone, said, node.start_mark.line + 1)

    def _days(self, node: yaml.Node) -> tuple[int, ...]:
        found: list[int] = []
        for item in self._reader.sequence(node, '"days"'):
            text = self._reader.text(item, "a day") or "0"
            if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
                self._reader.note(
                    item, f'a reminder cannot go "{text}" days before', f"Use whole days, 1 to {MOST_DAYS}"
                )
            elif int(text) in found:
                self._reader.note(item, f"{text} stands twice", "Keep one of them")
            else:
                found.append(int(text))
        if not found and isinstance(node, yaml.SequenceNode) and not node.value:
            self._reader.note(node, "a reminder needs a day", 'Write "days: [7, 3, 1]" or take the line out')
        return tuple(sorted(found, reverse=True))

    def _at(self, node: yaml.Node | None, otherwise: time) -> time:
        text = self._reader.text(node, '"at"') if node is not None else None
        if node is None or text is None:
            return otherwise
        fits = _AT.fullmatch(text)
        if fits is None:
            self._reader.note(node, f'"at" cannot be "{text}"', 'Write hours and minutes in quotes, such as "10:00"')
            return otherwise
        return time(int(fits[1]), int(fits[2]))

    def _zone(self, node: yaml.Node | None) -> ZoneInfo | None:
        text = self._reader.text(node, '"zone"') if node is not None else None
        if node is None or text is None:
            return None
        try:
            return ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._reader.note(node, f'there is no time zone "{text}"', "Use an IANA name such as Europe/Vienna")
            return None

    def _who(self, node: yaml.Node) -> Who:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        kinds: set[Renewals] = set()
        above: dict[str, int] = {}
        for item in items:
            if isinstance(item, yaml.MappingNode):
                above |= self._above(item)
            elif (word := self._reader.choice(item, '"who"', (*Renewals, "above"))) == "above":
                self._reader.note(item, '"above" needs amounts', 'Write "who: {above: {usd: 10000}}"')
            elif word is not None:
                kinds.add(Renewals(word))
        if not items:
            self._reader.note(node, '"who" is empty, so nobody would be reminded', "Write all, or take the line out")
        return Who(frozenset(kinds), above)

    def _above(self, node: yaml.Node) -> dict[str, int]:
        parts = self._reader.mapping(node, '"who"', ("above",), needed=("above",))
        amounts = self._reader.mapping(parts["above"], '"above"', ()) if "above" in parts else {}
        found: dict[str, int] = {}
        for currency, value in amounts.items():
            text = self._reader.text(value, f'the amount in "{currency}"') or "0"
            if not re.fullmatch(r"[a-z]{3}", currency):
                self._reader.note(value, f'"{currency}" is no currency', "Use three small letters, such as usd")
            elif not text.isdecimal():
                self._reader.note(value, f'"{text}" is no amount', "Write minor units: 10000 is 100.00 dollars")
            else:
                found[currency] = int(text)
        if "above" in parts and not amounts and isinstance(parts["above"], yaml.MappingNode):
            self._reader.note(parts["above"], '"above" names no currency', 'Write "above: {usd: 10000}"')
        return found
