"""Form parameters with brackets, `a[b][]=1` or `a[b][0]=1`, into nested values (docs.stripe.com/api, request bodies)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from paybell_sandbox.stripe.api.errors import ApiError

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART: Final = re.compile(r"\[([^\[\]]*)\]")


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Hashes become dicts, arrays lists; every leaf is a string."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        fit = _NAME.fullmatch(name)
        if fit is None:
            raise ApiError(400, f"Invalid parameter name: {name}", param=name)
        _put(result, [fit.group(1), *_PART.findall(fit.group(2))], value, name)
    converted: dict[str, Any] = {key: _lists(value) for key, value in result.items()}
    return converted


def _put(node: dict[str, Any], parts: list[str], value: str, name: str) -> None:
    for n, part in enumerate(parts[:-1]):
        key = part or _open(node, parts[n + 1])
        following = node.setdefault(key, {})
        if not isinstance(following, dict):
            raise ApiError(400, f"Invalid parameter: {name} is given twice", param=name)
        node = following
    last = parts[-1] or str(len(node))
    if last in node:
        raise ApiError(400, f"Invalid parameter: {name} is given twice", param=name)
    node[last] = value


def _open(node: dict[str, Any], following: str) -> str:
    """`items[][price]=…&items[][quantity]=…`: a new element begins where the last one has the key already."""
    if not node:
        return "0"
    newest = str(len(node) - 1)
    element = node.get(newest)
    return newest if isinstance(element, dict) and following not in element else str(len(node))


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}
