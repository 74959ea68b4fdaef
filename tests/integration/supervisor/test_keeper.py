"""What was started ends, also where it does not want to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paybell_sandbox.supervisor.children import Child, Keeper
from tests.processes import family, wait_until

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
OWNER = f"""
import sys, time
from pathlib import Path
from paybell_sandbox.supervisor.children import Child, Keeper
keeper = Keeper()
child = Child("deaf", [sys.executable, "-c", {STUBBORN!r}], keeper=keeper, env={{}}, log=Path(sys.argv[1]),
              cwd=Path("/"), grace=0.2)
time.sleep(99)
"""


def child(keeper: Keeper, folder: Path, code: str, *, name: str = "child", stage: int = 1, grace: float = 10) -> Child:
    command = [sys.executable, "-c", code]
    return Child(name, command, keeper=keeper, env={}, log=folder / f"{name}.log", cwd=folder, stage=stage, grace=grace)


def test_who_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    with Keeper() as keeper:
        deaf = child(keeper, tmp_path, STUBBORN, grace=0.3)
        wait_until(lambda: deaf.last_lines() == ["deaf"], 10, "deaf")
        began = time.monotonic()
    assert deaf.exit_code() == -signal.SIGKILL
    assert time.monotonic() - began >= 0.3


def test_a_lower_stage_ends_only_when_the_higher_one_has(tmp_path: Path) -> None:
    """The database outlives the services that use it."""
    slow = "import signal, sys, time; signal.signal(15, lambda *_: (time.sleep(0.5), print(time.time()), sys.exit()))"
    with Keeper() as keeper:
        services = child(keeper, tmp_path, f"{slow}; print('up', flush=True); time.sleep(99)", name="service")
        told = "import signal, sys, time; signal.signal(15, lambda *_: (print(time.time()), sys.exit()))"
        server = child(keeper, tmp_path, f"{told}; print('up', flush=True); time.sleep(99)", name="database", stage=0)
        wait_until(lambda: services.last_lines() == server.last_lines() == ["up"], 10, "both up")
    assert float(server.last_lines()[1]) >= float(services.last_lines()[1])


def test_a_folder_goes_and_one_that_is_to_be_kept_stays(tmp_path: Path) -> None:
    goes, stays = tmp_path / "goes", tmp_path / "stays"
    with Keeper() as keeper:
        for folder in (goes, stays):
            (folder / "deep").mkdir(parents=True)
            keeper.folder(folder)
        keeper.keep(stays)
    assert not goes.exists()
    assert stays.exists()


@pytest.mark.parametrize("both", [False, True], ids=["the owner is killed", "the keeper too"])
def test_children_do_not_outlive_a_killed_owner(tmp_path: Path, both: bool) -> None:
    """The keeper sees to it; where even that is killed, the kernel tells those who listen."""
    code = OWNER if not both else OWNER.replace("signal.SIG_IGN", "signal.SIG_DFL")
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")])
    log = tmp_path / "log"
    wait_until(lambda: log.exists() and "deaf" in log.read_text(), 10, "child up")
    members = family(owner.pid)
    if both:
        keeper = next(process for process in members if "keeper.py" in process.command)
        os.kill(keeper.pid, signal.SIGKILL)
    owner.kill()
    owner.wait()
    wait_until(lambda: all(process.is_gone() for process in members), 10, "all gone")


def test_a_child_leads_no_life_after_a_parent_that_was_gone_before_it_began(tmp_path: Path) -> None:
    launcher = Path(sys.modules[Child.__module__].__file__ or "").with_name("launch.py")
    marker = tmp_path / "lived"
    command = [sys.executable, "-I", "-S", str(launcher), "1", "15", "-", "-", "touch", str(marker)]
    assert subprocess.run(command, check=False).returncode == 1
    assert not marker.exists()


def test_a_folder_goes_although_an_orphan_still_writes_into_it(tmp_path: Path) -> None:
    """Such as what initdb started, when both are killed."""
    goes = tmp_path / "goes"
    writing = "import itertools, pathlib\nfor number in itertools.count(): pathlib.Path(str(number)).touch()"
    with Keeper() as keeper:
        keeper.folder(goes)
        goes.mkdir()
        orphan = subprocess.Popen([sys.executable, "-c", writing], cwd=goes, stderr=subprocess.DEVNULL)
        wait_until((goes / "100").exists, 10, "writing")
    assert not goes.exists()
    assert orphan.wait(10) != 0, "there was nothing left to write into"
