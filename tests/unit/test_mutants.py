"""The mutants fit the tree: each patch applies, and each has a test that exists. What they prove, `make mutants` says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mutants import run

ROOT = Path(__file__).parents[2]
PATCHES = sorted(run.HERE.glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_each_patch_applies_to_the_tree(patch: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("needs git, which this machine does not have")
    checked = subprocess.run(
        [git, "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_each_patch_is_named_in_the_list_and_the_other_way_round() -> None:
    assert run.known().keys() == {patch.stem for patch in PATCHES}


@pytest.mark.parametrize("name", run.known())
def test_the_test_that_must_go_red_exists(name: str) -> None:
    file, test = run.known()[name]["test"].partition("[")[0].split("::")
    assert f"def {test}(" in (ROOT / file).read_text()


def test_a_name_that_no_mutant_has_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["typo"]) != 0
    assert "send_then_mark" in capsys.readouterr().err
