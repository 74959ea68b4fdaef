"""Stands in for ingest-service, notify-service or the sandbox: `python program.py NAME migrate|serve`.

It listens wherever its environment says a program of that name does, answers `/readyz` with 200 and everything else
with 404, and writes its environment into the folder STANDIN_TOLD. `STANDIN_DIES=NAME:serve` lets that one fail.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        if self.path == "/die":
            print(json.dumps({"event": "dying", "secret": "none"}), flush=True)
            os._exit(3)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main(name: str, command: str) -> None:
    (Path(os.environ["STANDIN_TOLD"]) / f"{name}-{command}.json").write_text(json.dumps(dict(os.environ)))
    if os.environ.get("STANDIN_DIES") == f"{name}:{command}":
        sys.exit(f"{name} cannot {command}: the moon is full")
    if command == "migrate":
        return
    prefix = {"ingest-service": "INGEST_", "notify-service": "NOTIFY_", "sandbox": "SANDBOX_"}[name]
    for variable, listen in os.environ.items():
        if variable.startswith(prefix) and variable.endswith("_LISTEN"):
            host, _, port = listen.rpartition(":")
            server = ThreadingHTTPServer((host, int(port)), Answer)
            threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
