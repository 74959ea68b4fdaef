"""From what this account may send: its numbers, names and Messaging Services. Everything else is somebody else's, and refused."""

import re
from typing import Final

from paybell_sandbox.settings import TwilioAccount
from paybell_sandbox.twilio import numbers
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.errors import TwilioError

SHORT_CODE: Final = re.compile(r"\d{3,6}")
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")


def check_message(account: TwilioAccount, to: str, sender: str | None, service: str | None) -> None:
    """Whether the account may send this from there.

    Raises:
        TwilioError: as Twilio would answer.
    """
    if service is not None and service not in account.services:
        raise TwilioError(21701, service)
    if sender is None and service is None:
        raise TwilioError(21603)
    if sender is not None:
        _check_sender(account, to, sender)
    if service is not None:
        pool = account.services[service]
        if not pool:
            raise TwilioError(21703)
        if sender is not None and plain_number(sender) not in pool:
            raise TwilioError(21712, sender)


def _check_sender(account: TwilioAccount, to: str, sender: str) -> None:
    if to == sender:
        raise TwilioError(21266, to)
    plain = plain_number(sender)
    if code := numbers.TEST_SENDERS.get(plain):
        raise TwilioError(code, sender)
    if not (numbers.is_dialable(plain) or SHORT_CODE.fullmatch(sender) or _NAME.fullmatch(sender)):
        raise TwilioError(21212, sender)
    if to.startswith("whatsapp:") != sender.startswith("whatsapp:"):
        raise TwilioError(21612, f"'To' {to}, 'From' {sender}")
    if sender.startswith("whatsapp:"):
        if plain not in account.whatsapp_senders:
            raise TwilioError(63007, sender)
    elif sender not in account.senders:
        raise TwilioError(21606, sender)


def check_call(account: TwilioAccount, sender: str) -> None:
    """Whether the account may call from this number.

    Raises:
        TwilioError: 21212 where it is no number, 21210 where it is not the account's.
    """
    if not numbers.is_dialable(sender) or numbers.TEST_SENDERS.get(sender) == 21212:
        raise TwilioError(21212, sender)
    if sender not in account.senders:
        raise TwilioError(21210, sender)


def receives(account: TwilioAccount, to: str) -> bool:
    """Whether a text to this number comes to the account. A name cannot be answered."""
    known = account.whatsapp_senders if to.startswith("whatsapp:") else account.senders
    return plain_number(to) in known and not _NAME.fullmatch(to)


def chosen(account: TwilioAccount, to: str, service: str) -> str:
    """Whom a Messaging Service lets a message come from: the first of its pool."""
    number = account.services[service][0]
    return f"whatsapp:{number}" if to.startswith("whatsapp:") else number
