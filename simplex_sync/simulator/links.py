"""Connection links: made like the CLI's, and taken apart again.

A link has a full form (`simplex:/contact#/?v=…&smp=…`, with the id of a queue) and a short form (`https://HOST/a#KEY`;
`/i` for invitations, `/g` for groups, `/a` for addresses). Either finds the link in the network folder.
"""

from __future__ import annotations

import base64
import os
import re
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

# `.invalid` is reserved: a link of a simulator that leaks can never reach anybody.
DEFAULT_SMP_SERVER = "smp://c2ltdWxhdGVkIHNlcnZlciwgbm90IGEgcmVhbCBvbmU=@smp.simulator.invalid"
DEFAULT_XFTP_SERVER = "xftp://c2ltdWxhdGVkIHNlcnZlciwgbm90IGEgcmVhbCBvbmU=@xftp.simulator.invalid"

CONTACT, INVITATION, GROUP = "a", "i", "g"


class Link(NamedTuple):
    """A link that was made: its two forms and the names under which the network finds it."""

    full: str
    short: str
    queue: str
    names: list[str]


class ParsedLink(NamedTuple):
    """A link that somebody typed: what it is to be (`a`, `i`, `g`, or empty if it does not say) and what finds it."""

    kind: str
    name: str
    server: str


def random_id(size: int = 24) -> str:
    """Return a random id in the alphabet of URLs.

    Args:
        size: Bytes of randomness.
    """
    return base64.urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")


def agent_id() -> str:
    """Return an id like those of the agent: base64 of sixteen letters."""
    return base64.b64encode(random_id(12).encode()).decode()


def binary_id(size: int = 12) -> str:
    """Return a random id like those of messages and members: base64 of the letters of random bytes."""
    return base64.b64encode(base64.b64encode(os.urandom(size))).decode()


def _server_parts(server: str) -> tuple[str, str, str]:
    """Return the fingerprint, the host and the port (with its colon, or empty) of `smp://FINGERPRINT@HOST:PORT`."""
    parts = urlsplit(server)
    hosts, _, port = parts.netloc.rpartition("@")[2].partition(":")
    return unquote(parts.username or ""), hosts.split(",")[0], port and ":" + port


def make_link(kind: str, server: str) -> Link:
    """Make the two forms of a new link.

    Args:
        kind: `CONTACT`, `INVITATION` or `GROUP`.
        server: The SMP server, `smp://FINGERPRINT@HOST:PORT`.
    """
    fingerprint, host, port = _server_parts(server)
    queue, key = random_id(24), random_id(32)
    dh = quote("MCowBQYDK2VuAyEA" + random_id(32) + "=", safe="")
    tail = "q=m&k=s" if kind == INVITATION else "q=c"
    address = quote(f"smp://{fingerprint}@{host}{port}/{queue}#/?v=1-4&dh={dh}&{tail}", safe="")
    full = f"simplex:/{'invitation' if kind == INVITATION else 'contact'}#/?v=2-7&smp={address}"
    if kind == INVITATION:
        keys = ",".join("MEIwBQYDK2VvAzkA" + random_id(56) + "=" for _ in range(2))
        full += "&e2e=" + quote(f"v=2-3&x3dh={keys}", safe="")
        path = f"{random_id(24)}/{key}"
    else:
        path = key
    where = (f"p={port[1:]}&" if port else "") + f"c={fingerprint.rstrip('=')}"
    return Link(full, f"https://{host}/{kind}#{path}?{where}", queue, ["q:" + queue, "s:" + path])


_FULL = re.compile(r"(?:simplex:/|https://simplex\.chat/)(contact|invitation)/?#/?\?(\S+)")
_SHORT = re.compile(r"(?:https://([^/\s?#]+)|simplex:)/([aigc])#([^\s?]+)(?:\?(\S*))?")


def parse_link(text: str) -> ParsedLink | None:
    """Return what a link names, or None where it is no link."""
    match = _FULL.fullmatch(text)
    if match is not None:
        address = parse_qs(match[2]).get("smp", [""])[0]
        server, _, queue = address.partition("#")[0].rpartition("/")
        if not server.startswith("smp://") or not queue:
            return None
        return ParsedLink(INVITATION if match[1] == "invitation" else "", "q:" + queue, server)
    match = _SHORT.fullmatch(text)
    if match is None:
        return None
    host, kind, path, query = match.groups()
    facts = parse_qs(query or "")
    host = host or facts.get("h", [""])[0]
    port = facts.get("p", [""])[0]
    return ParsedLink(kind, "s:" + path, f"smp://{facts.get('c', [''])[0]}=@{host}{port and ':' + port}")
