"""No test talks to the outside: a connection to anywhere but this machine fails the test that tried it.

The hook sees every socket of Python's own, asyncio's included. gRPC and uvloop open theirs in C, unseen.
"""

import ipaddress
import sys

tried: list[str] = []
"""What the running test tried. Kept beside the raised error, which the code under test may have swallowed."""


class OutsideError(RuntimeError):
    """A test tried to reach another machine."""


def is_here(host: object) -> bool:
    """Whether a host, as sockets name it, is this machine."""
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path or None: a UNIX socket, or connected already
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_here(host):
        tried.append(str(host))
        raise OutsideError(f"a test may not reach {host!r}: only this machine")


def forbid_the_outside() -> None:
    """Watches from now on; Python knows no way to take an audit hook away again."""
    sys.addaudithook(_watch)
