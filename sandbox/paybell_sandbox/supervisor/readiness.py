"""When a program is ready: its `/readyz` answers 200."""

import http.client
from urllib.parse import urlsplit


def is_ready(base_url: str) -> bool:
    """Asks once, and takes no more than a second."""
    where = urlsplit(base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
