"""The hand-written part of the page: one small file a flow, ``docs/flows/<flow>.md``.

It has a title and two sections, and may have more::

    # Failed payment

    ## What triggers it
    ...
    ## What stops it
    ...
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "flows"
TRIGGERS: Final = "What triggers it"
STOPS: Final = "What stops it"


class FragmentError(ValueError):
    """A fragment is missing or is not as it should be; the message says what to write where."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a person wrote about a flow.

    Attributes:
        further: sections of other names, in their order: (heading, text).
    """

    title: str
    triggers: str
    stops: str
    further: tuple[tuple[str, str], ...]


def read(flow: str, folder: Path = FOLDER) -> Fragment:
    """The fragment of a flow.

    Raises:
        FragmentError: where it is missing or lacks a part.
    """
    file = folder / f"{flow}.md"
    if not file.exists():
        raise FragmentError(f'docs/flows/{flow}.md is missing: write a title, "## {TRIGGERS}" and "## {STOPS}"')
    head, *parts = f"\n{file.read_text().strip()}\n".split("\n## ")
    title = head.strip().removeprefix("# ").strip()
    sections = {name.strip(): text.strip() for name, _, text in (part.partition("\n") for part in parts)}
    for wanted in (TRIGGERS, STOPS):
        if not sections.get(wanted):
            raise FragmentError(f'docs/flows/{flow}.md says nothing under "## {wanted}"')
    if not title or "\n" in title or not head.strip().startswith("# "):
        raise FragmentError(f'docs/flows/{flow}.md must begin with a title, as "# Failed payment"')
    further = tuple((name, text) for name, text in sections.items() if name not in (TRIGGERS, STOPS))
    return Fragment(title, sections[TRIGGERS], sections[STOPS], further)


def unused(flows: set[str], folder: Path = FOLDER) -> list[str]:
    """Fragments of flows that the rules file does not have."""
    return sorted(file.name for file in folder.glob("*.md") if file.stem not in flows)
