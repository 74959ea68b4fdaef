"""The sandbox's page: a phone, the stories, and what became of each event."""

from aiohttp import web

from paybell_sandbox.sandbox import Sandbox


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds the page."""
