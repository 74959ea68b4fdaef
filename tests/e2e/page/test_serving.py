"""How the page is served, and what it may ask of ingest-service through the sandbox."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from paybell_sandbox import page
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings

FILES = sorted(page.STATIC.iterdir())


@asynccontextmanager
async def sandbox(console: str = "") -> AsyncIterator[RunningSandbox]:
    async with running(Settings(listen="127.0.0.1:0", ingest_console_url=console)) as box:
        yield box


@asynccontextmanager
async def console(answer: Callable[[], web.Response], asked: list[str]) -> AsyncIterator[str]:
    async def take(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return answer()

    app = web.Application()
    app.router.add_get("/api/{what}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_page_may_load_and_ask_only_what_is_its_own() -> None:
    async with sandbox() as box, aiohttp.ClientSession() as session, session.get(box.url + "/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy.pop("default-src") == "'none'"
        assert set(policy.values()) <= {"'self'", "'none'"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_file_is_served_with_its_type_and_asked_for_anew_only_when_it_changed() -> None:
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    async with sandbox() as box, aiohttp.ClientSession() as session:
        for file in FILES:
            async with session.get(f"{box.url}/page/static/{file.name}") as answer:
                assert (answer.status, answer.content_type) == (200, kinds[file.suffix])
                tag = answer.headers["ETag"]
            async with session.get(f"{box.url}/page/static/{file.name}", headers={"If-None-Match": tag}) as again:
                assert again.status == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "%2e%2e%2fconsole.py", ".", "main.js%00"])
async def test_no_path_leads_out_of_the_folder(name: str) -> None:
    async with (
        sandbox() as box,
        aiohttp.ClientSession() as session,
        session.get(f"{box.url}/page/static/{name}", allow_redirects=False) as answer,
    ):
        assert answer.status == 404


def test_nothing_is_loaded_from_elsewhere_and_no_markup_is_made_of_data() -> None:
    for file in FILES:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text.replace("https?:\\/\\/", ""), file.name
        assert "@import" not in text, file.name
        for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style="):
            assert unsafe not in text, (file.name, unsafe)


async def test_only_known_questions_are_passed_on_and_answers_come_back_as_they_are() -> None:
    asked: list[str] = []
    async with (
        console(lambda: web.json_response({"error": "Nothing is known."}, status=404), asked) as url,
        sandbox(url) as box,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{box.url}/page/story?event=evt_1&account=main&evil=1") as answer:
            assert (answer.status, await answer.json()) == (404, {"error": "Nothing is known."})
            assert answer.headers["Cache-Control"] == "no-store"
        async with session.get(f"{box.url}/page/events?limit=5&event=evt_1") as answer:
            assert answer.status == 404
    assert asked == ["/api/story?event=evt_1&account=main", "/api/events?limit=5"]


async def test_without_ingest_the_page_is_told_what_is_missing() -> None:
    async with sandbox() as box, aiohttp.ClientSession() as session, session.get(f"{box.url}/page/events") as answer:
        assert answer.status == 503
        assert "make run" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(
            lambda: web.Response(status=302, headers={"Location": "/api/elsewhere"}), "strange", id="redirect"
        ),
        pytest.param(lambda: web.Response(text="<h1>proxy</h1>", content_type="text/html"), "strange", id="no JSON"),
        pytest.param(
            lambda: web.Response(body=b"[" + b" " * 5_000_000 + b"]", content_type="application/json"),
            "strange",
            id="too long",
        ),
    ],
)
async def test_strange_answers_of_the_console_are_named_and_not_passed_on(
    said: Callable[[], web.Response], why: str
) -> None:
    asked: list[str] = []
    async with (
        console(said, asked) as url,
        sandbox(url) as box,
        aiohttp.ClientSession() as session,
        session.get(f"{box.url}/page/events") as answer,
    ):
        assert (answer.status, (await answer.json())["why"]) == (502, why)
    assert asked == ["/api/events"]


async def test_a_console_that_is_not_there_is_named() -> None:
    async with (
        sandbox("http://127.0.0.1:9") as box,
        aiohttp.ClientSession() as session,
        session.get(f"{box.url}/page/story?event=evt_1") as answer,
    ):
        assert answer.status == 502
        assert await answer.json() == {"error": "ingest-service does not answer yet.", "why": "silent"}


def test_the_page_is_part_of_the_package() -> None:
    """What setuptools takes along: files right below `static`."""
    declared = (Path(page.__file__).parents[2] / "pyproject.toml").read_text()
    assert '"static/*"' in declared
    assert all(file.is_file() for file in FILES)
