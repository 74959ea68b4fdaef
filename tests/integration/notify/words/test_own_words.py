"""An account's own words are laid over the shipped ones for it alone, and go back to those when its folder no longer has them."""

from pathlib import Path

import asyncpg
import pytest

from notify_service import database
from notify_service.words import template_store
from notify_service.words.template import TemplateError

SHIPPED = template_store.read_shipped(database.shipped("texts"))
RECOVERED = ("payment_recovered", "default", "en")


def own(folder: Path, **words: str) -> template_store.Bodies:
    """A folder of words, as template__variant_language: body."""
    for name, body in words.items():
        template, _, stem = name.partition("__")
        variant, _, language = stem.rpartition("_")
        home = folder / template
        home.mkdir(exist_ok=True)
        (home / ("template.yaml" if stem == "declared" else f"{variant}.{language}.txt")).write_text(body)
    return template_store.read_own(folder, SHIPPED)


async def body(conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", account_id: str) -> tuple[int, str]:
    """The version and text in force."""
    row = await conn.fetchrow(
        """SELECT v.version, v.body FROM template_pointer p JOIN template_version v USING (account_id, template, variant, language, version)
           WHERE account_id = $1 AND template = $2 AND variant = $3 AND language = $4""",
        account_id, *RECOVERED,
    )  # fmt: skip
    assert row is not None
    return row["version"], row["body"]


async def test_own_words_are_in_force_for_their_account_alone_as_often_as_it_starts(
    notify_pool: asyncpg.Pool, tmp_path: Path
) -> None:
    words = own(tmp_path, payment_recovered__default_en="{{ brand }}: all is well again.")
    async with notify_pool.acquire() as conn:
        for _ in range(2):
            for account_id, files in (("one", words), ("two", {})):
                await template_store.seed(conn, account_id, SHIPPED)
                await template_store.adopt(conn, account_id, files)
        assert await body(conn, "one") == (2, "{{ brand }}: all is well again.")
        assert await body(conn, "two") == (1, SHIPPED[RECOVERED])
        assert "payment_recovered" in await template_store.in_force(conn, "one")


async def test_words_that_no_file_says_any_more_go_back_to_the_shipped_ones(
    notify_pool: asyncpg.Pool, tmp_path: Path
) -> None:
    words = own(
        tmp_path,
        payment_recovered__default_en="{{ brand }}: all is well again.",
        ours_alone__declared=(database.shipped("texts") / "payment_recovered" / "template.yaml").read_text(),
        ours_alone__default_en="{{ brand }}: ours.",
    )
    async with notify_pool.acquire() as conn:
        await template_store.seed(conn, "one", SHIPPED)
        await template_store.adopt(conn, "one", words)
        assert "ours_alone" in await template_store.in_force(conn, "one")
        await template_store.adopt(conn, "one", {})
        assert await body(conn, "one") == (1, SHIPPED[RECOVERED])
        assert "ours_alone" not in await template_store.in_force(conn, "one")
        await template_store.adopt(conn, "one", words)
        assert await body(conn, "one") == (2, "{{ brand }}: all is well again.")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"payment_recoverd__default_en": "x"}, "payment_recoverd is no shipped template and has no template.yaml"),
        ({"payment_recovered__default_en": "{{ nobody_gives_it }}"}, "nobody_gives_it"),
    ],
)
def test_own_words_that_cannot_be_used_are_refused_with_their_name(
    tmp_path: Path, words: dict[str, str], problem: str
) -> None:
    with pytest.raises(TemplateError, match=problem):
        own(tmp_path, **words)
