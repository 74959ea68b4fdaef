"""Versions of templates and which of them is in force. SQL.

The shipped files are seeded as versions of origin ``shipped``; the pointer moves only where it stood on a shipped version, so an
operator's own words stay in force.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notify_service.words.template import Template, TemplateError, Words, compile_words, parse_declaration

DECLARATION = ("", "")
"""Variant and language under which a template's declaration is kept."""

SEED_LOCK = 7_230_922

OWN = "accounts file"
"""Who moved a pointer to words of an account's own folder."""

Bodies = Mapping[tuple[str, str, str], str]
"""(template, variant, language) to text."""


def read_shipped(folder: Path) -> dict[tuple[str, str, str], str]:
    """The files of a folder of templates: (template, variant, language) to text.

    Raises:
        TemplateError: listing everything that is wrong with them.
    """
    files: dict[tuple[str, str, str], str] = {}
    problems = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        declaration = home / "template.yaml"
        if not declaration.exists():
            problems.append(f"{home.name}/template.yaml is missing")
            continue
        files[home.name, *DECLARATION] = declaration.read_text()
        for words in sorted(home.glob("*.txt")):
            variant, dot, language = words.stem.rpartition(".")
            if not dot:
                problems.append(f"{home.name}/{words.name} is not named <variant>.<language>.txt")
                continue
            files[home.name, variant, language] = words.read_text()
    try:
        compile_all({key: (0, body) for key, body in files.items()})
    except TemplateError as error:
        problems += str(error).splitlines()
    if problems:
        raise TemplateError("\n".join(problems))
    return files


def read_own(folder: Path, shipped: Bodies) -> dict[tuple[str, str, str], str]:
    """An account's own words, laid over the shipped ones: a template of its own has a template.yaml, a shipped one may do without.

    Raises:
        TemplateError: listing everything that is wrong with them.
    """
    files: dict[tuple[str, str, str], str] = {}
    problems = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        declaration = home / "template.yaml"
        if declaration.exists():
            files[home.name, *DECLARATION] = declaration.read_text(encoding="utf-8")
        elif (home.name, *DECLARATION) not in shipped:
            problems.append(
                f"{home.name} is no shipped template and has no template.yaml: correct its name, or declare it"
            )
        for words in sorted(home.glob("*.txt")):
            variant, dot, language = words.stem.rpartition(".")
            if not dot:
                problems.append(f"{home.name}/{words.name} is not named <variant>.<language>.txt")
                continue
            files[home.name, variant, language] = words.read_text(encoding="utf-8")
    if not problems:
        compile_all({key: (0, body) for key, body in {**shipped, **files}.items()})
    if problems:
        raise TemplateError("\n".join(problems))
    return files


def compile_all(rows: Mapping[tuple[str, str, str], tuple[int, str]]) -> dict[str, Template]:
    """Templates from rows of (template, variant, language) to (version, body).

    Raises:
        TemplateError: listing everything that is wrong.
    """
    problems: list[str] = []
    templates: dict[str, Template] = {}
    for (name, variant, language), (_, body) in rows.items():
        if (variant, language) == DECLARATION:
            try:
                templates[name] = Template(name, parse_declaration(name, body), {})
            except TemplateError as error:
                problems.append(str(error))
    for name, template in templates.items():
        words: dict[tuple[str, str], Words] = {}
        for (owner, variant, language), (version, body) in rows.items():
            if owner == name and (variant, language) != DECLARATION:
                try:
                    words[variant, language] = compile_words(
                        name, variant, language, version, body, template.declaration
                    )
                except TemplateError as error:
                    problems.append(str(error))
        templates[name] = Template(name, template.declaration, words)
    if problems:
        raise TemplateError("\n".join(problems))
    return templates


async def seed(conn: Any, account_id: str, files: Mapping[tuple[str, str, str], str]) -> None:
    """Adds shipped words that are new as versions, and puts them in force where shipped words were."""
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", SEED_LOCK, account_id)
        rows = await conn.fetch(
            """SELECT DISTINCT ON (v.template, v.variant, v.language) v.template, v.variant, v.language, v.version,
                      (SELECT w.sha256 FROM template_version w WHERE w.account_id = $1 AND w.template = v.template AND w.variant = v.variant
                         AND w.language = v.language AND w.origin = 'shipped' ORDER BY w.version DESC LIMIT 1) AS shipped
               FROM template_version v WHERE v.account_id = $1
               ORDER BY v.template, v.variant, v.language, v.version DESC""",
            account_id,
        )
        newest = {(row["template"], row["variant"], row["language"]): (row["version"], row["shipped"]) for row in rows}
        for key, body in files.items():
            digest = hashlib.sha256(body.encode()).digest()
            version, shipped = newest.get(key, (0, None))
            if shipped == digest:
                continue
            await conn.execute(
                """INSERT INTO template_version (account_id, template, variant, language, version, origin, body, sha256, created_by)
                   VALUES ($1, $2, $3, $4, $5, 'shipped', $6, $7, 'notify-service')""",
                account_id, *key, version + 1, body, digest,
            )  # fmt: skip
            await conn.execute(
                """INSERT INTO template_pointer (account_id, template, variant, language, version, moved_by)
                   VALUES ($1, $2, $3, $4, $5, 'notify-service')
                   ON CONFLICT (account_id, template, variant, language) DO UPDATE
                   SET version = EXCLUDED.version, moved_at = now(), moved_by = EXCLUDED.moved_by
                   WHERE (SELECT v.origin FROM template_version v
                          WHERE v.account_id = $1 AND v.template = $2 AND v.variant = $3 AND v.language = $4
                            AND v.version = template_pointer.version) = 'shipped'""",
                account_id, *key, version + 1,
            )  # fmt: skip


async def adopt(conn: Any, account_id: str, files: Bodies) -> None:
    """Puts an account's own words in force, as versions of the operator; what no file says any more goes back to the shipped words."""
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", SEED_LOCK, account_id)
        for key, body in files.items():
            version = await conn.fetchval(
                _KEEP_OWN, account_id, *key, body, hashlib.sha256(body.encode()).digest(), OWN
            )
            await conn.execute(_POINT, account_id, *key, version, OWN)
        kept = list(zip(*files, strict=True)) if files else [(), (), ()]
        await conn.execute(_GO_BACK, account_id, OWN, *map(list, kept))
        await conn.execute(_FORGET, account_id, OWN, *map(list, kept))


async def in_force(conn: Any, account_id: str) -> dict[str, Template]:
    """The templates of an account as they stand.

    Raises:
        TemplateError: where stored words cannot be used.
    """
    rows = await conn.fetch(
        """SELECT p.template, p.variant, p.language, p.version, v.body
           FROM template_pointer p JOIN template_version v ON v.account_id = $1 AND v.template = p.template
                AND v.variant = p.variant AND v.language = p.language AND v.version = p.version
           WHERE p.account_id = $1""",
        account_id,
    )
    return compile_all(
        {(row["template"], row["variant"], row["language"]): (row["version"], row["body"]) for row in rows}
    )


_KEEP_OWN = """
WITH same AS (
    SELECT max(version) AS version FROM template_version
    WHERE account_id = $1 AND template = $2 AND variant = $3 AND language = $4 AND sha256 = $6 AND origin = 'operator' AND created_by = $7
), added AS (
    INSERT INTO template_version (account_id, template, variant, language, version, origin, body, sha256, created_by)
    SELECT $1, $2, $3, $4, 1 + COALESCE((SELECT max(version) FROM template_version
        WHERE account_id = $1 AND template = $2 AND variant = $3 AND language = $4), 0), 'operator', $5, $6, $7
    FROM same WHERE same.version IS NULL
    RETURNING version
)
SELECT COALESCE((SELECT version FROM added), (SELECT version FROM same))
"""

_POINT = """
INSERT INTO template_pointer AS p (account_id, template, variant, language, version, moved_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, template, variant, language) DO UPDATE SET version = EXCLUDED.version, moved_at = now(), moved_by = EXCLUDED.moved_by
WHERE p.version <> EXCLUDED.version OR p.moved_by <> EXCLUDED.moved_by
"""

_GONE = """
p.moved_by = $2 AND NOT EXISTS (
    SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS f (template, variant, language)
    WHERE f.template = p.template AND f.variant = p.variant AND f.language = p.language)
"""

_GO_BACK = f"""
UPDATE template_pointer AS p SET version = s.version, moved_at = now(), moved_by = 'notify-service'
FROM (SELECT template, variant, language, max(version) AS version FROM template_version
      WHERE account_id = $1 AND origin = 'shipped' GROUP BY template, variant, language) AS s
WHERE p.account_id = $1 AND s.template = p.template AND s.variant = p.variant AND s.language = p.language AND {_GONE}
"""

_FORGET = f"DELETE FROM template_pointer AS p WHERE p.account_id = $1 AND {_GONE}"
"""Words of a template that was never shipped."""
