"""Refusals in Stripe's words and form (docs.stripe.com/api/errors, /error-codes)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ApiError(Exception):
    """An answer other than 2xx."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        error["message"] = self.message
        if self.param is not None:
            error["param"] = self.param
        error.update(self.more)
        error["request_log_url"] = f"https://dashboard.stripe.com/logs/{request_id}"
        error["type"] = self.kind
        return {"error": error}


def missing(kind: str, identity: str, param: str = "id", status: int = 404) -> ApiError:
    """No object of this kind has this id."""
    word = kind.rpartition(".")[2]
    return ApiError(status, f"No such {word}: '{identity}'", code="resource_missing", param=param)


def not_modelled(what: str) -> ApiError:
    """Stripe would take it; the sandbox does not have it, and says so instead of guessing."""
    return ApiError(400, f"The sandbox does not have {what}.", code="sandbox_not_modelled")


def at_fault(status: int) -> ApiError:
    """What Stripe answers when it is at fault, or wants to be asked less often."""
    if status == 429:
        return ApiError(
            429,
            "Request rate limit exceeded. Learn more about rate limits at https://stripe.com/docs/rate-limits.",
            code="rate_limit",
        )
    return ApiError(
        status, "Sorry, something went wrong. We've already been notified of the problem.", kind="api_error"
    )
