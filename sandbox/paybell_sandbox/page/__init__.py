"""The sandbox's page: a phone, the stories, and what became of each event. Served as it is: no build step, nothing from elsewhere."""

from importlib import resources
from pathlib import Path

from aiohttp import web

from paybell_sandbox.page import console
from paybell_sandbox.sandbox import Sandbox

STATIC = Path(str(resources.files(__package__))) / "static"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # asked for anew each time, answered 304 while unchanged: after an update nobody sees half an old page
    "Cache-Control": "no-cache",
}

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds the page at ``/``, its files below ``/page/static`` and what it asks of ingest-service."""
    app.router.add_get("/", _index)
    app.router.add_get("/page/static/{name}", _file)
    console.setup(app, sandbox.settings.ingest_console_url)


async def _index(_request: web.Request) -> web.StreamResponse:
    return _served(STATIC / "index.html")


async def _file(request: web.Request) -> web.StreamResponse:
    # names are compared with what is there, so that no path leads out of the folder
    name = request.match_info["name"]
    found = next((file for file in STATIC.iterdir() if file.name == name and file.suffix in _TYPES), None)
    if found is None:
        return web.Response(status=404, text="The page has no such file.\n", headers=HEADERS)
    return _served(found)


def _served(file: Path) -> web.FileResponse:
    kind = _TYPES[file.suffix]
    return web.FileResponse(file, headers=HEADERS | {"Content-Type": f"{kind}; charset=utf-8"})
