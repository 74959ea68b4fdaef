"""Which of our senders a reply answers: only one that asked can be answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from notify_service.accounts import Sender


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply, as far as questions go. `text`: a button's payload, where one was tapped; `service`: the Messaging Service written to.

    `shared`: it may be for another account as well, so its words alone decide nothing.
    """

    sid: str
    channel: str
    to: str
    service: str
    text: str
    shared: bool = False

    def __repr__(self) -> str:
        return f"Heard({self.sid})"


def asked_by(senders: Mapping[str, Sender], heard: Heard) -> set[str]:
    """The names of the senders that this reply may answer.

    A number is answered by writing to it, a Messaging Service by writing to it or to a number that is no other sender's: which numbers
    it has is known to the provider alone, and where replies are read from a list, no service is named.
    """
    known = {sender.number for sender in senders.values() if sender.number}
    found = set()
    for name, sender in senders.items():
        if sender.channel != heard.channel:
            continue
        by_number = bool(sender.number) and sender.number == heard.to
        by_service = bool(sender.messaging_service_sid) and (
            heard.service == sender.messaging_service_sid or (not heard.service and heard.to not in known)
        )
        if by_number or by_service:
            found.add(name)
    return found
