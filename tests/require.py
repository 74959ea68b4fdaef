"""Tools that some tests need and not every machine has.

A test that misses its tool is skipped and says so, unless PAYBELL_REQUIRE names the tool (`PAYBELL_REQUIRE=chromium,node`):
then it fails, so that a run that must be whole cannot lose tests in silence.
"""

import os
import shutil
import subprocess

import pytest

TOOLS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "node": ("node",),
    "docker": ("docker",),
}


def need(tool: str, *programs: str) -> str:
    """The path of the first of the tool's programs there is; without one the test is skipped, or fails if required."""
    path = next((found for name in programs or TOOLS[tool] if (found := shutil.which(name))), None)
    if path is not None and (tool != "docker" or docker_runs(path)):
        return path
    missing = f"needs {tool}, which this machine does not have"
    if tool in required():
        pytest.fail(f"{missing}, and PAYBELL_REQUIRE names it")
    pytest.skip(missing)


def required() -> set[str]:
    """The tools named in PAYBELL_REQUIRE."""
    names = {name.strip() for name in os.environ.get("PAYBELL_REQUIRE", "").split(",")} - {""}
    if unknown := names - TOOLS.keys():
        pytest.fail(f"PAYBELL_REQUIRE names {', '.join(sorted(unknown))}; known are {', '.join(TOOLS)}")
    return names


def docker_runs(path: str) -> bool:
    """Whether an engine answers; the client alone is no use."""
    try:
        return subprocess.run([path, "version"], capture_output=True, check=False, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False
