"""Templates: which words a message has in which variant and language. Pure.

A template is a folder: ``template.yaml`` declares its values and the order of languages to fall back to, and
``<variant>.<language>.txt`` holds the words. Rendering is strict: what is not declared, missing or of another type is an error
that names it.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
VALUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
ALWAYS = frozenset({"brand", "reference", "code"})
"""What every template may use besides its values; `code`, the reply code, only where the message asks something."""

REFERENCE_WORD: Mapping[str, str] = {"fr": "Réf", "ja": "照会番号"}
"""How the reference is called where "Ref" is not the word for it."""

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
    has_code: bool = False
    """Whether they name the reply code."""


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
    spelled: Mapping[str, str] = field(default_factory=dict)
    """Each value as it reads, with brand, reference and code: for words that the provider holds."""
    has_code: bool = False


def _widened(languages: Iterable[str]) -> list[str]:
    wider: list[str] = []
    for tag in languages:
        wider += [tag, tag.partition("-")[0]]
    return list(dict.fromkeys(wider))


def parse_declaration(name: str, text: str) -> Declaration:
    """A template's declaration.

    Raises:
        TemplateError: with a line for each thing that is wrong.
    """
    where = f"{name}/template.yaml"
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TemplateError(
            f"{where}, line {line}: this is not YAML ({error.problem}); check the indentation"
        ) from None
    parts = {key.value: node for key, node in root.value} if isinstance(root, yaml.MappingNode) else {}
    declared, fallback = parts.get("values"), parts.get("fallback")
    problems = [
        f"{where}, line 1: `{key}` is unknown; it has values and fallback"
        for key in sorted({*parts} - {"values", "fallback"})
    ]
    kinds: dict[str, str] = {}
    optional: set[str] = set()
    if not isinstance(declared, yaml.MappingNode):
        problems.append(f"{where}, line 1: `values:` is missing; list each value with its kind, as `amount: money`")
    else:
        for key, node in declared.value:
            kind = str(node.value)
            line = key.start_mark.line + 1
            if kind.removesuffix("?") not in KINDS:
                problems.append(
                    f"{where}, line {line}: {key.value} is of no kind `{kind}`; use one of {', '.join(KINDS)}, with ? if optional"
                )
            if not VALUE_NAME.fullmatch(key.value) or key.value in ALWAYS:
                problems.append(
                    f"{where}, line {line}: `{key.value}` cannot name a value; use a-z, 0-9 and _, and not {' or '.join(sorted(ALWAYS))}"
                )
            if kind.endswith("?"):
                optional.add(key.value)
            kinds[key.value] = kind.removesuffix("?")
    if not isinstance(fallback, yaml.SequenceNode) or not fallback.value:
        problems.append(f"{where}, line 1: `fallback:` is missing; list the languages to fall back to, as [en]")
    if problems:
        raise TemplateError("\n".join(problems))
    assert isinstance(fallback, yaml.SequenceNode)
    return Declaration(kinds, frozenset(optional), tuple(str(node.value) for node in fallback.value))


def compile_words(name: str, variant: str, language: str, version: int, body: str, declaration: Declaration) -> Words:
    """Words that are ready to render.

    Raises:
        TemplateError: with a line for each thing that is wrong.
    """
    where = f"{name}/{variant}.{language}.txt"
    try:
        used = jinja2.meta.find_undeclared_variables(_ENVIRONMENT.parse(body))
        compiled = _ENVIRONMENT.from_string(" ".join(body.split("\n")).strip())
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{where}, line {error.lineno}: {error.message}; correct the syntax") from None
    known = {*declaration.values, *ALWAYS}
    problems = []
    for unknown in sorted(used - known):
        near = difflib.get_close_matches(unknown, known, 1)
        remedy = f"did you mean `{near[0]}`?" if near else "declare it there, or take it out"
        problems.append(
            f"{where}, line {_line_of(unknown, body)}: template.yaml does not declare `{unknown}`; {remedy}"
        )
    if problems:
        raise TemplateError("\n".join(problems))
    return Words(variant, language, version, compiled, has_code="code" in used)


def _line_of(word: str, body: str) -> int:
    lines = body.splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.search(rf"\b{re.escape(word)}\b", line)), 1)


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


_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253}|\[::1\])(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?"
)
"""What goes into a text as a link: plain ASCII, no user name before the host, no backslash, which browsers read as a slash."""


def _check_link(field: str, url: str, domains: Sequence[str]) -> None:
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueProblemError(
            field, "is no plain web address", "give https://host/path, percent-encoded where needed"
        )
    host = parts["host"].lower()
    loopback = host in ("localhost", "127.0.0.1", "[::1]")
    if parts["scheme"] != "https" and not loopback:
        raise ValueProblemError(field, "a link must begin with https://", "use the page's secure address")
    if not (loopback or any(host == domain or host.endswith(f".{domain}") for domain in domains)):
        raise ValueProblemError(
            field,
            "links to this domain are not allowed",
            "add the link's host to links.domains in the policy (NOTIFY_POLICY_FILE); subdomains are included",
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
    code: str | None = None,
) -> Rendered:
    """The text in the best language, with its reference.

    Raises:
        TemplateError: where there are no words, or they come to nothing or too much.
        ValueProblemError: where they hold a reply code and there is none.
    """
    words = template.choose(variant, languages, last_resort)
    if words.has_code and code is None:
        where = f"template {template.name} ({words.variant}, {words.language}) asks for an answer"
        raise ValueProblemError("challenge", where, "set the challenge that it asks, or name another template")
    # formats follow the person's own region where the words are in their language: en-GB writes dates as in Britain
    locale = next(
        (tag for tag in languages if tag.partition("-")[0] == words.language.partition("-")[0]), words.language
    )
    spelled: dict[str, Any] = dict.fromkeys(template.declaration.values)
    spelled |= {name: spell(value, locale, zone, longest_text) for name, value in values.items()}
    try:
        always = {"brand": brand, "reference": reference} | ({} if code is None else {"code": code})
        text = words.compiled.render(spelled | always)
    except jinja2.UndefinedError as error:
        raise TemplateError(f"template {template.name} ({words.variant}, {words.language}): {error.message}") from None
    except Exception as error:  # noqa: BLE001 - whatever an operator's words do wrong with a value, which must not come out of here
        where = f"template {template.name} ({words.variant}, {words.language})"
        raise TemplateError(f"{where} cannot be rendered with these values ({type(error).__name__})") from None
    text = cheapen(" ".join(text.split()))
    if reference not in text:
        text = f"{text} {REFERENCE_WORD.get(words.language.partition('-')[0], 'Ref')} {reference}"
    if len(text) > LONGEST_TEXT:
        raise TemplateError(f"template {template.name} comes to {len(text)} characters; {LONGEST_TEXT} is the most")
    plain = {name: cheapen(" ".join(said.split())) for name, said in (spelled | always).items() if said is not None}
    size = segments.count(text).segments
    return Rendered(text, words.variant, words.language, words.version, size, plain, words.has_code)


__all__ = ["Declaration", "Rendered", "Template", "TemplateError", "Text", "ValueProblemError", "Words"]
