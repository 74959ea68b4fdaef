"""What a call takes of the parameters that Stripe has, where that is the same for many calls."""

from __future__ import annotations

from paybell_sandbox.stripe import metadata as limits
from paybell_sandbox.stripe.api.call import Call
from paybell_sandbox.stripe.api.errors import ApiError, not_modelled
from paybell_sandbox.stripe.world import Obj


def only(call: Call, *names: str) -> None:
    """Refuse parameters that Stripe has and the sandbox would have to ignore."""
    for name in call.params:
        if name not in (*names, "expand"):
            raise not_modelled(f"the parameter {name} of this call")


def metadata(call: Call, obj: Obj | None = None) -> dict[str, str]:
    """The metadata of an object after the call. ApiError where it would be more than Stripe keeps."""
    after = limits.merged(obj["metadata"] if obj else {}, call.params.get("metadata", {}))
    problem = limits.problem(after)
    if problem is not None:
        raise ApiError(400, problem, param="metadata")
    return after
