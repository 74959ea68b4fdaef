"""``python -m docs.flowpage`` writes docs/flows.md; with ``--check`` it says how the page differs and fails where it does."""

import difflib
import sys
from pathlib import Path
from typing import Final

from docs.flowpage.page import page

PAGE: Final = Path(__file__).parents[1] / "flows.md"


def main(arguments: list[str]) -> int:
    """Writes or compares; 1 where the page is out of date or cannot be made."""
    try:
        fresh = page()
    except (ValueError, LookupError) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments != ["--check"]:
        PAGE.write_text(fresh)
        return 0
    there = PAGE.read_text() if PAGE.exists() else ""
    sys.stdout.writelines(
        difflib.unified_diff(
            there.splitlines(keepends=True), fresh.splitlines(keepends=True), "docs/flows.md", "as it should be", n=1
        )
    )
    if there != fresh:
        print("docs/flows.md is out of date: run `make docs`", file=sys.stderr)
    return int(there != fresh)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
