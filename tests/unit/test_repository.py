"""What holds for the repository as a whole."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([ROOT / "requirements.lock", *ROOT.glob("*/requirements.lock")])
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_names_every_hash_and_no_place(lock: Path) -> None:
    """It installs the same bytes from whatever index pip is told of."""
    text = lock.read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|--trusted-host", text)
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(requirements) > 10
    assert not [
        line for line in requirements if not re.match(r"[a-z0-9.-]+==\S+", line) or "--hash=sha256:" not in line
    ]


def test_the_services_run_on_the_versions_that_are_tested() -> None:
    tested = set(re.findall(r"^([a-z0-9.-]+==\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {"stripe==16.1.0", "twilio==9.13.0"} <= tested
    for lock in LOCKS:
        assert set(re.findall(r"^([a-z0-9.-]+==\S+)", lock.read_text(), re.MULTILINE)) <= tested, lock


def test_every_target_says_what_it_does_and_every_target_that_is_spoken_of_exists() -> None:
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", MAKEFILE, re.MULTILINE))
    assert phony == TARGETS
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        spoken = set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)$", page.read_text(), re.MULTILINE))
        assert {name for pair in spoken for name in pair if name} <= TARGETS, page


def test_make_alone_shows_every_target() -> None:
    said = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    assert not [target for target in TARGETS if target not in said]
