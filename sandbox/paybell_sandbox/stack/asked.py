"""Which settings docker-compose.yml asks for. The file itself is the list: what it does not ask for reaches no container."""

import re
from pathlib import Path

PORTS = ("INGEST_PORT", "NOTIFY_PORT", "CONSOLE_PORT", "SANDBOX_PORT")
"""Where the stack is published on this machine: the only settings that the shell may say too."""


def names(compose_file: Path) -> frozenset[str]:
    """Every name in ``${NAME:-…}``."""
    return frozenset(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", compose_file.read_text()))
