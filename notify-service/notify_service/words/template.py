"""Templates: which words a message has in which variant and language. Pure.

A template is a folder: ``template.yaml`` declares its values and the order of languages to fall back to, and
``<variant>.<language>.txt`` holds the words. Rendering is strict: what is not declared, missing or of another type is an error
that names it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jinja2
import jinja2.meta
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notify_service.words import segments
from notify_service.words.cleaning import cheapen
from notify_service.words.values import Link, Text, Value, kind_of, spell

KINDS = ("money", "instant", "day", "link", "text", "texts", "count")
DEFAULT = "default"
LONGEST_TEXT = 1_600
ALWAYS = frozenset({"brand", "reference"})
"""What every template may use besides its values."""

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)


class TemplateError(ValueError):
    """A template that cannot be used; the message says where and what to do."""


class ValueProblemError(ValueError):
    """A request's values do not fit the template.

    Attributes:
        field: as ``values.amount``.
        remedy: what to do.
    """

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        """``reason`` says what is wrong."""
        super().__init__(reason)
        self.field, self.reason, self.remedy = field, reason, remedy


@dataclass(frozen=True)
class Declaration:
    """What a template asks for.

    Attributes:
        values: name to kind.
        optional: the names that may be missing.
        fallback: languages in the order to fall back to.
    """

    values: Mapping[str, str]
    optional: frozenset[str]
    fallback: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """The words of one variant in one language."""

    variant: str
    language: str
    version: int
    compiled: jinja2.Template


@dataclass(frozen=True)
class Template:
    """A template with the versions in force."""

    name: str
    declaration: Declaration
    words: Mapping[tuple[str, str], Words]

    def choose(self, variant: str, languages: Sequence[str], last_resort: str) -> Words:
        """The words for a variant and wanted languages: the wanted variant in any wanted language, its language
        without region, the template's fallback order, then the default variant likewise.
        """
        wanted = [*_widened(languages), last_resort, *self.declaration.fallback]
        for one in dict.fromkeys((variant or DEFAULT, DEFAULT)):
            for language in wanted:
                if found := self.words.get((one, language)):
                    return found
        raise TemplateError(f"template {self.name} has no words for {variant or DEFAULT} in any of {', '.join(wanted)}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What will be sent."""

    text: str
    variant: str
    language: str
    version: int
    segments: int


def _widened(languages: Iterable[str]) -> list[str]:
    wider: list[str] = []
    for tag in languages:
        wider += [tag, tag.partition("-")[0]]
    return list(dict.fromkeys(wider))


def parse_declaration(name: str, text: str) -> Declaration:
    """A template's declaration.

    Raises:
        TemplateError: naming what is wrong.
    """
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TemplateError(f"{name}/template.yaml is not YAML: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("values"), dict) or not raw.get("fallback"):
        raise TemplateError(f"{name}/template.yaml needs `values:` and `fallback:`")
    kinds, optional = {}, set()
    for value, kind in raw["values"].items():
        word = str(kind)
        if word.endswith("?"):
            optional.add(value)
            word = word[:-1]
        if word not in KINDS:
            raise TemplateError(f"{name}/template.yaml: {value} is of no kind `{word}`; use one of {', '.join(KINDS)}")
        kinds[value] = word
    return Declaration(kinds, frozenset(optional), tuple(raw["fallback"]))


def compile_words(name: str, variant: str, language: str, version: int, body: str, declaration: Declaration) -> Words:
    """Words that are ready to render.

    Raises:
        TemplateError: for a syntax error, or a value that is not declared.
    """
    where = f"{name}/{variant}.{language}.txt"
    try:
        used = jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(body))
        compiled = _ENVIRONMENT.from_string(" ".join(body.split("\n")).strip())
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{where}, line {error.lineno}: {error.message}") from None
    if unknown := sorted(used - set(declaration.values) - ALWAYS):
        raise TemplateError(f"{where} uses {unknown[0]}, which template.yaml does not declare")
    return Words(variant, language, version, compiled)


def check_values(template: Template, values: Mapping[str, Value], link_domains: Sequence[str]) -> None:
    """Refuses values that do not fit.

    Raises:
        ValueProblemError: for the first that does not.
    """
    declared = template.declaration
    for name, kind in declared.values.items():
        if name not in values:
            if name not in declared.optional:
                raise ValueProblemError(f"values.{name}", f"template {template.name} needs it", f"give a {kind}")
        elif kind_of(values[name]) != kind:
            raise ValueProblemError(
                f"values.{name}", f"it is a {kind_of(values[name])}", f"template {template.name} needs a {kind}"
            )
    if unknown := sorted(set(values) - set(declared.values)):
        remedy = f"it has {', '.join(declared.values)}"
        raise ValueProblemError(f"values.{unknown[0]}", f"template {template.name} has no such value", remedy)
    for name, value in values.items():
        if isinstance(value, Link):
            _check_link(f"values.{name}", value.url, link_domains)


def _check_link(field: str, url: str, domains: Sequence[str]) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    loopback = host in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not loopback:
        raise ValueProblemError(field, "a link must begin with https://", "use the page's secure address")
    if "@" in parts.netloc or not (
        loopback or any(host == domain or host.endswith(f".{domain}") for domain in domains)
    ):
        raise ValueProblemError(
            field, f"links to {host[:60]} are not allowed", "add the domain to links.domains in the policy"
        )


def render(
    template: Template,
    *,
    variant: str,
    languages: Sequence[str],
    last_resort: str,
    values: Mapping[str, Value],
    brand: str,
    reference: str,
    zone: str,
    longest_text: int,
) -> Rendered:
    """The text in the best language, with its reference.

    Raises:
        TemplateError: where there are no words, or they come to nothing or too much.
    """
    words = template.choose(variant, languages, last_resort)
    # formats follow the person's own region where the words are in their language: en-GB writes dates as in Britain
    locale = next(
        (tag for tag in languages if tag.partition("-")[0] == words.language.partition("-")[0]), words.language
    )
    spelled: dict[str, Any] = dict.fromkeys(template.declaration.values)
    spelled |= {name: spell(value, locale, zone, longest_text) for name, value in values.items()}
    try:
        text = words.compiled.render(spelled | {"brand": brand, "reference": reference})
    except jinja2.UndefinedError as error:
        raise TemplateError(f"template {template.name} ({words.variant}, {words.language}): {error.message}") from None
    text = cheapen(" ".join(text.split()))
    if reference not in text:
        text = f"{text} Ref {reference}"
    if len(text) > LONGEST_TEXT:
        raise TemplateError(f"template {template.name} comes to {len(text)} characters; {LONGEST_TEXT} is the most")
    return Rendered(text, words.variant, words.language, words.version, segments.count(text).segments)


__all__ = ["Declaration", "Rendered", "Template", "TemplateError", "Text", "ValueProblemError", "Words"]
