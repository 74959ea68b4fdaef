"""Which parameters a call takes and of which type, as Stripe's own Python library describes them.

The library's typed parameters (`stripe.params`) are made from Stripe's API description. What is not in them Stripe
refuses, and so does the sandbox.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import stripe
from stripe._request_options import RequestOptions

from paybell_sandbox.stripe.api.errors import ApiError

_OPTIONS: Final = frozenset(RequestOptions.__annotations__)
_TRUE_FALSE: Final = {"true": True, "false": False}


@dataclass
class Shape:
    """What one value may be; several may hold at once."""

    integer: bool = False
    number: bool = False
    boolean: bool = False
    text: bool = False
    words: frozenset[str] = frozenset()
    elements: Shape | None = None
    free_map: bool = False
    fields: dict[str, Shape] | None = None
    required: frozenset[str] = field(default_factory=frozenset)


@functools.cache
def shape_of(name: str) -> Shape:
    """The parameters of a call, such as "RefundCreateParams" or "checkout.SessionCreateParams"."""
    within, _, cls = f"params.{name}".rpartition(".")
    shape = Shape()
    _add_hash(shape, getattr(importlib.import_module(f"stripe.{within}"), cls))
    return shape


def _add_hash(shape: Shape, cls: Any) -> None:
    own = {key: value for key, value in cls.__annotations__.items() if key not in _OPTIONS}
    stand_in = type("Parameters", (), {"__annotations__": own})
    hints = typing.get_type_hints(stand_in, globalns=vars(sys.modules[cls.__module__]))
    shape.fields = {**(shape.fields or {}), **{key: _shape(hint) for key, hint in hints.items()}}
    shape.required = shape.required | (cls.__required_keys__ - _OPTIONS)


def _shape(hint: Any) -> Shape:
    shape = Shape()
    _add(shape, hint)
    return shape


def _add(shape: Shape, hint: Any) -> None:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for one in typing.get_args(hint):
            _add(shape, one)
    elif origin is Literal:
        shape.words |= frozenset(typing.get_args(hint))
    elif origin is list:
        shape.elements = _shape(typing.get_args(hint)[0])
    elif origin is dict or (isinstance(hint, type) and issubclass(hint, stripe.StripeObject)) or origin is not None:
        shape.free_map = True
    elif hint is bool:
        shape.boolean = True
    elif hint is int:
        shape.integer = True
    elif hint is str:
        shape.text = True
    elif hasattr(hint, "__required_keys__"):
        _add_hash(shape, hint)
    else:
        shape.number = True


def checked(shape: Shape, given: dict[str, Any], within: str = "") -> dict[str, Any]:
    """The values with their types. ApiError names the first parameter that is unknown, missing or wrong."""
    fields = shape.fields or {}
    for name in given:
        if name not in fields:
            path = f"{within}[{name}]" if within else name
            raise ApiError(400, f"Received unknown parameter: {path}", code="parameter_unknown", param=path)
    for name in sorted(shape.required):
        if name not in given:
            path = f"{within}[{name}]" if within else name
            raise ApiError(400, f"Missing required param: {path}.", code="parameter_missing", param=path)
    return {name: _value(fields[name], value, f"{within}[{name}]" if within else name) for name, value in given.items()}


def _value(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return _hash(shape, value, path)
    if isinstance(value, list):
        if shape.elements is None:
            raise ApiError(400, f"Invalid array: {path}", param=path)
        return [_value(shape.elements, one, f"{path}[{n}]") for n, one in enumerate(value)]
    return _scalar(shape, value, path)


def _hash(shape: Shape, value: dict[str, Any], path: str) -> Any:
    if shape.free_map:
        if any(not isinstance(item, str) for item in value.values()):
            raise ApiError(400, f"Invalid hash: {path} takes text values only", param=path)
        return value
    if shape.fields is None:
        raise ApiError(400, f"Invalid hash: {path}", param=path)
    return checked(shape, value, path)


def _scalar(shape: Shape, value: str, path: str) -> Any:
    words = shape.words - {""}
    if value == "" and "" in shape.words:
        return ""
    if words:
        if value not in words:
            choices = ", ".join(sorted(words))
            raise ApiError(400, f"Invalid {path}: must be one of {choices}", param=path)
        return value
    if shape.boolean and value in _TRUE_FALSE:
        return _TRUE_FALSE[value]
    if shape.integer:
        try:
            return int(value)
        except ValueError:
            raise ApiError(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=path) from None
    if shape.boolean:
        raise ApiError(400, f"Invalid boolean: {value}", param=path)
    if shape.text or shape.number:
        return value
    wanted = "array" if shape.elements is not None else "object"
    raise ApiError(400, f"Invalid {wanted}", param=path)
