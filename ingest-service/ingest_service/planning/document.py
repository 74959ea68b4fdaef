"""A YAML file as nodes that know their lines, read so that every problem is found at once.

PyYAML's own constructors are not used: they read the key `on` as a boolean, drop doubled keys without a word and forget lines.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

import yaml


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file: where (line, counted from 1), what, and what to do about it."""

    line: int
    what: str
    remedy: str

    def sentence(self, file: str) -> str:
        """Says it in one line that begins the way editors jump to: file:line."""
        return f"{file}:{self.line}: {self.what}. {self.remedy}{'' if self.remedy.endswith('?') else '.'}"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The remedy for a word that is not one of those known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'Did you mean "{close[0]}"?' if close else f"Use one of: {', '.join(known)}"


@dataclass(slots=True)
class Reader:
    """Reads nodes and collects what is wrong with them; every method returns None (or nothing) where it noted a problem."""

    problems: list[Problem] = field(default_factory=list)

    def note(self, node: yaml.Node | int, what: str, remedy: str) -> None:
        """Notes a problem at a node or line."""
        line = node if isinstance(node, int) else node.start_mark.line + 1
        self.problems.append(Problem(line, what, remedy.rstrip(".")))

    def root(self, text: str) -> yaml.Node | None:
        """Parses the text; None where it is empty or no YAML."""
        try:
            node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.note(
                mark.line + 1 if mark else 1,
                f"this is not YAML: {error.problem}",
                "Check indentation, quotes and colons",
            )
            return None
        except yaml.YAMLError as error:
            self.note(1, f"this is not YAML: {error}", "Check that the file is UTF-8 text")
            return None
        if node is None:
            self.note(1, "the file is empty", 'Write at least "flows: []"')
        return node

    def mapping(
        self, node: yaml.Node, what: str, known: Sequence[str], needed: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """The values of a mapping by key; unknown, doubled and missing keys are problems. `known` empty: any key will do."""
        if not isinstance(node, yaml.MappingNode):
            self.note(
                node,
                f"{what} must be a mapping of keys to values",
                f"Write keys such as {', '.join(known[:3]) or 'name'}: …",
            )
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.note(key, f"a key of {what} must be a word", "Write one word before the colon")
            elif known and key.value not in known:
                self.note(key, f'{what} knows no "{key.value}"', did_you_mean(key.value, known))
            elif key.value in found:
                self.note(key, f'"{key.value}" stands twice in {what}', "Keep one of them")
            else:
                found[key.value] = value
        for key in needed:
            if key not in found:
                self.note(node, f'{what} lacks "{key}"', f'Add "{key}: …"')
        return found

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The items of a list."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.note(node, f"{what} must be a list", 'Begin each item with "- ", or write [one, two]')
        return []

    def text(self, node: yaml.Node, what: str) -> str | None:
        """A piece of text that is not empty, exactly as written."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return str(node.value)
        self.note(
            node,
            f"{what} must be text and not empty",
            "Write it behind the colon, in quotes where it holds a colon or #",
        )
        return None

    def choice(self, node: yaml.Node, what: str, known: Sequence[str]) -> str | None:
        """One of the known words."""
        word = self.text(node, what)
        if word is None or word in known:
            return word
        self.note(node, f'{what} cannot be "{word}"', did_you_mean(word, known))
        return None
