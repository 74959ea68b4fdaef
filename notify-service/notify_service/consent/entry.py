"""One entry of the consent ledger, before it is written. Pure."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something an address's holder, or somebody about them, has said.

    Attributes:
        content: what is kept as evidence, sealed: wording, its version and language, reference, raw reply.
        actor: who made the entry: ``recipient``, ``provider``, a caller's or an operator's name.
    """

    address_id: UUID
    person: str
    channel: str
    category: str
    scope: str
    granted: bool
    source: str
    actor: str
    occurred_at: datetime.datetime
    content: Mapping[str, Any] = field(default_factory=dict)
