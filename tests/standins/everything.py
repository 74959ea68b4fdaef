"""`make run` with stand-ins for the three programs: `python -m tests.standins.everything ENV_FILE [STATE]`."""

import os
import sys
from pathlib import Path

from paybell_sandbox.supervisor.env_file import read
from paybell_sandbox.supervisor.run import Options, Programs, run
from paybell_sandbox.supervisor.screen import Screen
from paybell_sandbox.supervisor.stopping import Stopping

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, str(Path(__file__).with_name("program.py")))


def main(env_file: Path, state: Path) -> int:
    options = Options(
        root=ROOT,
        settings=read(env_file),
        env_file=env_file,
        shell=os.environ,
        webhooks="STANDIN_POLL" not in os.environ,
        state=state,
    )
    programs = Programs((*PROGRAM, "ingest-service"), (*PROGRAM, "notify-service"), (*PROGRAM, "sandbox"))
    with Stopping(with_parent="STANDIN_WITH_PARENT" in os.environ) as stopping:
        return run(options, programs, Screen(), stopping)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
