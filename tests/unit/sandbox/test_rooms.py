"""Which parts of the sandbox may know which: what tells a test stories is no part of what runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import paybell_sandbox

ROOT = Path(paybell_sandbox.__file__).parent


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """Every module below a folder with each module that it imports."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                for name in node.names:
                    yield str(file.relative_to(ROOT)), f"{node.module}.{name.name}"


def test_stripes_api_does_not_know_the_stories() -> None:
    known = [(one, other) for one, other in imports(ROOT / "stripe" / "api") if ".stories" in other]
    assert known == []


def test_nothing_that_runs_needs_the_stories_without_a_server() -> None:
    telling = "paybell_sandbox.stripe.telling"
    assert [one for one, other in imports(ROOT) if other.startswith(telling)] == []


def test_the_vendors_sides_do_not_know_each_other() -> None:
    for side, other_side in (("stripe", "twilio"), ("twilio", "stripe")):
        known = [pair for pair in imports(ROOT / side) if pair[1].startswith(f"paybell_sandbox.{other_side}")]
        assert known == []
