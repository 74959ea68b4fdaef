"""Addresses as Twilio writes them: a number, or one with its channel before it."""


def plain_number(address: str) -> str:
    """An address without its channel: ``whatsapp:+1…`` is ``+1…``."""
    return address.rpartition(":")[2]
