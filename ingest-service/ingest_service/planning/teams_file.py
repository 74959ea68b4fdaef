"""The teams of a rules file: who works for the business and may be written to. Pure."""

import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ingest_service.planning.document import Reader
from ingest_service.planning.rules import Member, Team

WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What flows, templates, variants and teams may be called."""

_SLUG: Final = re.compile(r"[^a-z0-9]+")


def read_teams(reader: Reader, node: yaml.Node) -> dict[str, Team]:
    """The teams by name; problems are noted with the reader."""
    return {name: _team(reader, name, each) for name, each in reader.mapping(node, "teams", ()).items()}


def texts(reader: Reader, node: yaml.Node, what: str) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(text for item in reader.sequence(node, what) if (text := reader.text(item, what)) is not None)


def _team(reader: Reader, name: str, node: yaml.Node) -> Team:
    if not WORD.fullmatch(name):
        reader.note(node, f'a team cannot be called "{name}"', "Use small letters, digits and _ , such as finance")
    parts = reader.mapping(node, f'team "{name}"', ("members",), needed=("members",))
    members: list[Member] = []
    for item in reader.sequence(parts["members"], f'the members of team "{name}"') if "members" in parts else []:
        member = _member(reader, item)
        if member is not None and any(member.slug == other.slug for other in members):
            reader.note(item, f'team "{name}" has two members called alike', "Give each a name of their own")
        elif member is not None:
            members.append(member)
    return Team(name, tuple(members))


def _member(reader: Reader, node: yaml.Node) -> Member | None:
    parts = reader.mapping(node, "a member", ("name", "number", "languages", "zone"), needed=("name", "number"))
    if "name" not in parts or "number" not in parts:
        return None
    if isinstance(parts["number"], yaml.ScalarNode) and parts["number"].value == "":
        return None  # it was to come from the environment, and is not set there
    name, number = reader.text(parts["name"], '"name"'), reader.text(parts["number"], '"number"')
    if number is not None and not re.fullmatch(r"\+[1-9]\d{6,14}", re.sub(r"[ ()-]", "", number)):
        reader.note(
            parts["number"],
            "a member's number is not in international form",
            'Write "+" and the country code, in quotes',
        )
    zone = reader.text(parts["zone"], '"zone"') if "zone" in parts else None
    if zone is not None and not _zone_exists(zone):
        reader.note(parts["zone"], f'there is no time zone "{zone}"', "Use an IANA name such as Europe/Vienna")
    languages = texts(reader, parts["languages"], '"languages"') if "languages" in parts else ()
    if name is None or number is None:
        return None
    return Member(
        name, _SLUG.sub("-", name.lower()).strip("-") or "member", re.sub(r"[ ()-]", "", number), languages, zone
    )


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
