"""The hand-written part of the page: one small file a flow, ``docs/flows/<flow>.md``.

It has a title and two sections, and may have more::

    # Failed payment

    ## What triggers it
    ...
    ## What stops it
    ...

A flow that does not stand in the shipped rules, because it is for those who want it, has besides a section "How to configure it"
with the lines that turn it on, in a block of YAML; the page takes its sentences and texts from there.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "flows"
TRIGGERS: Final = "What triggers it"
STOPS: Final = "What stops it"
CONFIGURE: Final = "How to configure it"
_YAML: Final = re.compile(r"```yaml\n(.*?)\n```", re.DOTALL)


class FragmentError(ValueError):
    """A fragment is missing or is not as it should be; the message says what to write where."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a person wrote about a flow.

    Attributes:
        further: sections of other names, in their order: (heading, text).
        configure: what stands under "How to configure it", empty where nothing does.
    """

    title: str
    triggers: str
    stops: str
    further: tuple[tuple[str, str], ...]
    configure: str

    @property
    def rules(self) -> str:
        """The lines that turn the flow on, as a rules file."""
        found = _YAML.search(self.configure)
        text = found[1] if found else ""
        return text if re.search(r"^flows:", text, re.MULTILINE) else f"{text}\nflows: []\n"


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
    further = tuple((name, text) for name, text in sections.items() if name not in (TRIGGERS, STOPS, CONFIGURE))
    return Fragment(title, sections[TRIGGERS], sections[STOPS], further, sections.get(CONFIGURE, ""))


def written(folder: Path = FOLDER) -> list[str]:
    """The flows that have a fragment."""
    return sorted(file.stem for file in folder.glob("*.md"))
