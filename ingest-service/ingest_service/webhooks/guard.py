"""Which addresses a webhook may have: nothing of ours is reached through a rules file. Pure.

A name is judged by what it resolves to, at the moment of the connection and of nothing else (see calling.py), so a name that resolves
to something else later leads nowhere.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_DISGUISED: Final = re.compile(r"(^|[.])(\d+|0x[0-9a-f]*)[.]?$|:", re.IGNORECASE)
"""Hosts that end in a number and are no plain address: the system reads 0177.0.0.1, 127.1 and 0x7f000001 as this machine."""
LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class Guard:
    """What is allowed beside the public internet.

    Attributes:
        hosts: names and addresses that may be private, as the operator says.
        played: a sandbox plays Stripe: this machine may be called, without TLS.
    """

    hosts: Collection[str] = ()
    played: bool = False

    def refuses_url(self, url: str) -> str | None:
        """Why an address is not called, None where it may be; of a name that is said when it is resolved."""
        wrong = wrong_with(url)
        if wrong is not None:
            return f"its address {wrong}"
        parts = urlsplit(url)
        host = parts.hostname or ""
        literal = _literal(host)
        if parts.scheme == "http" and not (self.played and literal is not None and literal.is_loopback):
            return "its address is not https, which only a played Stripe allows, on this machine"
        return self.refuses(host, host) if literal is not None else None

    def refuses(self, host: str, resolved: str) -> str | None:
        """Why what a host resolves to is not called, None where it may be."""
        address = _literal(resolved)
        if address is None:
            return "its address cannot be read"
        if host.lower() in self.hosts or (self.played and address.is_loopback):
            return None
        if any(not one.is_global or one.is_multicast for one in _meant(address)):
            return "its address is not on the public internet; INGEST_WEBHOOK_HOSTS names hosts that may be private"
        return None


def wrong_with(url: str) -> str | None:
    """What is wrong with the form of an address: None where it is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "cannot be read"
    if len(url) > LONGEST_URL or any(character.isspace() or not character.isprintable() for character in url):
        return "is too long, or holds spaces"
    if parts.username is not None or parts.password is not None:
        return "holds a name or password"
    if not parts.hostname or port == 0:
        return "has no host"
    literal = _literal(parts.hostname)
    if literal is None and _DISGUISED.search(parts.hostname):
        return "is a number in disguise"
    if parts.scheme != "https" and not (parts.scheme == "http" and literal is not None and literal.is_loopback):
        return "is not https"
    return None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _meant(address: Address) -> tuple[Address, ...]:
    """The address and those that are hidden in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        hidden.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return (address, *(one for one in hidden if one is not None)) if not address.ipv4_mapped else (address.ipv4_mapped,)
