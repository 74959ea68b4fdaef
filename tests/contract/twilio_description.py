"""Twilio's own OpenAPI description, and whether a request or an answer keeps to it.

The description lies beside the clone, in shared/contract/twilio. It is read strictly: what it does not name is wrong.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker

FOLDER: Final = Path(__file__).resolve().parents[3] / "shared" / "contract" / "twilio"
FILES: Final = ("twilio_api_v2010.json", "twilio_lookups_v2.json")
FORM: Final = "application/x-www-form-urlencoded"

_CHECKER: Final = FormatChecker(formats=())
_ADDRESS: Final = re.compile(r"(whatsapp:|rcs:)?\+[1-9]\d{6,14}|\d{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")


@_CHECKER.checks("date-time-rfc-2822", raises=(ValueError, TypeError))
def _is_mail_date(value: object) -> bool:
    return not isinstance(value, str) or (parsedate_to_datetime(value).tzinfo is not None and value.endswith("+0000"))


@_CHECKER.checks("phone-number")
@_CHECKER.checks("endpoint")
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or _ADDRESS.fullmatch(value) is not None


@_CHECKER.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    """Twilio calls the paths of its pages URIs too."""
    return (
        not isinstance(value, str) or value.startswith("/") or bool(urlsplit(value).scheme and urlsplit(value).netloc)
    )


@_CHECKER.checks("currency")
def _is_currency(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[A-Z]{3}", value) is not None


@dataclass(frozen=True)
class Operation:
    """One method of one path, with the document in which its references lead somewhere."""

    document: Mapping[str, Any]
    said: Mapping[str, Any]
    names: Mapping[str, str]
    """What stood in the path, by the name that the description gives it."""


@cache
def _documents() -> tuple[dict[str, Any], ...]:
    documents = [json.loads((FOLDER / name).read_text()) for name in FILES]
    for name, schema in documents[1]["components"]["schemas"].items():
        # the description of Lookup does not say what may be null; its examples do
        if name == "LookupResponse" or name.endswith("Info"):
            schema["properties"] = {
                one: {"nullable": True, "allOf": [said]} for one, said in schema["properties"].items()
            }
    return tuple(_strict(document) for document in documents)


def _strict(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: what may be null says so, and objects have what they name and nothing more."""
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: _strict(value) for name, value in node.items() if name != "nullable"}
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    if node.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def operation(method: str, path: str) -> Operation | None:
    """What Twilio says of a method of a path; None where it has none."""
    for document in _documents():
        for template, item in document["paths"].items():
            names = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.replace(".", r"\.")), path)
            if names is not None and method.lower() in item:
                return Operation(document, item[method.lower()], names.groupdict())
    return None


def _wrong(document: Mapping[str, Any], schema: Any, value: Any, where: str) -> Iterator[str]:
    whole = (
        {**schema, "components": document["components"]}
        if "$ref" not in schema
        else {
            "allOf": [schema],
            "components": document["components"],
        }
    )
    for error in Draft202012Validator(whole, format_checker=_CHECKER).iter_errors(value):
        yield f"{where}{error.json_path[1:]}: {error.message}"


def request_problems(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with a request that the sandbox recorded."""
    found = operation(entry["method"], entry["path"])
    if found is None:
        return [f"Twilio has no {entry['method']} {entry['path']}"]
    problems = list(_parameter_problems(found, entry["query"]))
    body = found.said.get("requestBody")
    if body is None:
        return problems + ([f"{entry['method']} takes no form"] if entry["form"] else [])
    if entry["content_type"] != FORM:
        problems.append(f"the form is of type {entry['content_type']}")
    schema = body["content"][FORM]["schema"]
    form, odd = _typed(found.document, schema["properties"], entry["form"])
    return problems + odd + list(_wrong(found.document, schema, form, "form"))


def _parameter_problems(found: Operation, query: Sequence[tuple[str, str]]) -> Iterator[str]:
    said = {(one["in"], one["name"]): one["schema"] for one in found.said.get("parameters", [])}
    for place, given in (("path", list(found.names.items())), ("query", query)):
        for name, text in given:
            schema = said.get((place, name))
            if schema is None:
                yield f"the {place} has no {name}"
            else:
                yield from _wrong(found.document, schema, _value(found.document, schema, text), name)


def _typed(
    document: Mapping[str, Any], properties: Mapping[str, Any], form: Sequence[tuple[str, str]]
) -> tuple[dict[str, Any], list[str]]:
    made: dict[str, Any] = {}
    odd = []
    for name, text in form:
        schema = properties.get(name, {})
        if schema.get("type") == "array":
            made.setdefault(name, []).append(_value(document, schema["items"], text))
        elif name in made:
            odd.append(f"form.{name} stands there twice")
        else:
            made[name] = _value(document, schema, text)
    return made, odd


def _value(document: Mapping[str, Any], schema: Mapping[str, Any], text: str) -> Any:
    """The value that a text of a form stands for; the text itself where it stands for none."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def answer_problems(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer of the sandbox that is no refusal; also where it leaves a field of a resource out."""
    found = operation(method, path)
    if found is None:
        return [f"Twilio has no {method} {path}"]
    said = found.said["responses"].get(str(status))
    if said is None:
        return [f"Twilio does not answer {status} to {method} {path}"]
    if "content" not in said:
        return [] if body is None else ["an answer without content has some"]
    schema = said["content"]["application/json"]["schema"]
    return [*_wrong(found.document, schema, body, "answer"), *_missing(found.document, schema, body, "answer")]


def _missing(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for one in value:
            yield from _missing(document, schema.get("items", {}), one, f"{where}[]")
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in value:
                yield f"{where} has no {name}"
            else:
                yield from _missing(document, inner, value[name], f"{where}.{name}")
