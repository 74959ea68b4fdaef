"""Every text of a template, variant and language as the service renders it, with its price in parts. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from docs.flowpage import examples
from docs.flowpage.examples import LANGUAGES
from notify_service.words.segments import count
from notify_service.words.template import DEFAULT, Template, render
from notify_service.words.values import Value

MISSING: Final = "**not translated yet**"


def said(template: Template, variant: str, language: str, values: Mapping[str, Value]) -> str:
    """A text for an account with a brand of usual length."""
    return render(
        template,
        variant=variant,
        languages=[language],
        last_resort=language,
        values=values,
        brand=examples.BRAND,
        reference=examples.REFERENCE,
        zone=examples.ZONE,
        longest_text=examples.LONGEST_TEXT,
        code=examples.CODE,
    ).text


def variants(template: Template) -> list[str]:
    """A template's variants, the default first."""
    return sorted({variant for variant, _ in template.words}, key=lambda variant: (variant != DEFAULT, variant))


def tables(template: Template) -> Iterator[str]:
    """A template as markdown: a heading and a table for each variant, and what it says without its optional values."""
    optional = [name for name in template.declaration.values if name in template.declaration.optional]
    for variant in variants(template):
        yield f"**`{template.name}`, {variant}**" if variant != DEFAULT else f"**`{template.name}`**"
        yield _table(template, variant, without=())
        if optional:
            names = ", ".join(f"<code>{name}</code>" for name in optional)
            yield f"<details><summary>without {names}</summary>\n\n{_table(template, variant, without=optional)}\n\n</details>"


def _table(template: Template, variant: str, without: tuple[str, ...] | list[str]) -> str:
    lines = ["| | text | parts | at most |", "|---|---|---|---|"]
    for language, own_name in LANGUAGES.items():
        if (variant, language) not in template.words:
            lines.append(f"| {own_name} | {MISSING} | | |")
            continue
        usual, longest = (
            said(
                template,
                variant,
                language,
                {
                    name: value
                    for name, value in examples.values(template.declaration, language, longest=long).items()
                    if name not in without
                },
            )
            for long in (False, True)
        )
        cost = count(usual)
        encoding = (
            f"UCS-2 ({cost.culprit})" if cost.unicode and language != "ja" else "UCS-2" if cost.unicode else "GSM-7"
        )
        lines.append(
            f"| {own_name} | {usual.replace('|', chr(92) + '|')} | {cost.segments} {encoding} | {count(longest).segments} |"
        )
    return "\n".join(lines)
