"""One request to the API, as the handlers see it, and what they give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paybell_sandbox.stripe import rendering
from paybell_sandbox.stripe.api.errors import missing
from paybell_sandbox.stripe.deliveries import Deliveries
from paybell_sandbox.stripe.world import Obj, World


@dataclass(frozen=True)
class Call:
    world: World
    version: str
    params: Mapping[str, Any]
    path: Mapping[str, str]
    """What stood in the path: `id`, or `id` and `item`."""
    deliveries: Deliveries

    def subject(self, kind: str) -> Obj:
        """The object that the path names. ApiError 404 where there is none of this kind."""
        return self.named(kind, self.path["id"], param="id", status=404)

    def named(self, kind: str, identity: str, *, param: str, status: int = 400) -> Obj:
        found = self.world.find(identity)
        if found is None or found["object"] != kind:
            raise missing(kind, identity, param, status)
        return found

    def rendered(self, obj: Obj) -> Obj:
        if obj.get("deleted"):
            return {"id": obj["id"], "object": obj["object"], "deleted": True}
        return rendering.rendered(obj, self.version, self.world)


Handler = Callable[[Call], Obj]
"""Does what the call asks and gives the object to answer, in the newest shape unless it is a list."""
