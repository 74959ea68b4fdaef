"""Takes one guard after the other out of a copy of the tree; fails unless the test named for it goes red.

``python tests/mutants/run.py [NAME…]``. Bounded: each test has two minutes. Nothing of the tree itself is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PACKAGES = ("protos/gen", "ingest-service", "notify-service", "sandbox")
SECONDS = 120
RED = 1
"""pytest's exit code where a test failed; another code means that it could not even run."""


def copy(to: Path) -> Path:
    """The tree as it is, files that git ignores left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return to


def known() -> dict[str, dict[str, str]]:
    """Every mutant by its name: the test that must go red, and what it does in a sentence."""
    mutants: dict[str, dict[str, str]] = tomllib.loads((HERE / "mutants.toml").read_text())
    return mutants


def run(tree: Path, test: str) -> int:
    """pytest's exit code for one test of a tree."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(tree / package) for package in PACKAGES)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        f"--timeout={SECONDS}",
        test,
    ]
    finished = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode not in (0, RED):
        sys.stdout.write(finished.stdout[-3_000:] + finished.stderr[-1_000:])
    return finished.returncode


def main(wanted: list[str]) -> int:
    """How many mutants were not caught."""
    mutants = known()
    if unknown := sorted(set(wanted) - mutants.keys()):
        sys.stderr.write(f"No mutant is called {', '.join(unknown)}; there are {', '.join(mutants)}\n")
        return 2
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="paybell-mutants-") as folder:
        Path(folder).chmod(0o755)
        plain = copy(Path(folder) / "plain")
        for name, mutant in mutants.items():
            if wanted and name not in wanted:
                continue
            mutated = copy(Path(folder) / name)
            patch = HERE / f"{name}.patch"
            subprocess.run(
                ["git", "apply", "--unsafe-paths", f"--directory={mutated}", str(patch)], cwd=folder, check=True
            )
            before, after = run(plain, mutant["test"]), run(mutated, mutant["test"])
            caught = before == 0 and after == RED
            survivors += not caught
            said = "caught" if caught else f"NOT CAUGHT (untouched {before}, mutated {after}; wanted 0 and {RED})"
            sys.stdout.write(f"{name:28} {said}\n{'':28} {mutant['sentence']}\n")
            sys.stdout.flush()
            shutil.rmtree(mutated)
    return survivors


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
