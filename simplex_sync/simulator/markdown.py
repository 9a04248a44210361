"""The markdown of messages: which parts of a text get a format.

`*bold*` `_italic_` `~struck~` `#secret#` `!1 red!` and code between backticks start where a word starts, and run to the
next such character, whatever is between; other words may be links, e-mail addresses, phone numbers, mentions or
commands.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .links import CONTACT, GROUP, INVITATION, parse_link

Json = dict[str, Any]
Part = tuple["Json | None", str]

_SIGNS = {"*": "bold", "_": "italic", "~": "strikeThrough", "`": "snippet"}
_COLORS = {
    "1": "red",
    "r": "red",
    "red": "red",
    "2": "green",
    "g": "green",
    "green": "green",
    "3": "blue",
    "b": "blue",
    "blue": "blue",
    "4": "yellow",
    "y": "yellow",
    "yellow": "yellow",
    "5": "cyan",
    "c": "cyan",
    "cyan": "cyan",
    "6": "magenta",
    "m": "magenta",
    "magenta": "magenta",
}
_COLORED = re.compile(rf"!({'|'.join(sorted(_COLORS, key=len, reverse=True))}) ([^ !][^!]*)!")
_SECRET = re.compile(r"#(#*)([^#]*)(#*)")
_PHONE = re.compile(r"(?:\+\d+)?(?:[ .\-]?\(\d+\))?(?:[ .\-]?\d+)*")
_MENTION = re.compile(r"@('[^']+'|[^\s']+)")
_COMMAND = re.compile(r"/('[^']+'|[^\s'/]+)")
# A word like a domain counts as a link: letters only, with a top-level domain of two to eight.
_DOMAIN = re.compile(r"(?:[a-zA-Z]{3,8}\.)?[a-zA-Z]{1,24}\.[a-zA-Z]{2,8}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_LINK_TYPES = {CONTACT: "contact", INVITATION: "invitation", GROUP: "group", "c": "channel", "": "contact"}


def formatted_text(text: str) -> list[Json] | None:
    """Return the `formattedText` of a text, or None where nothing in it has a format."""
    parts: list[Part] = []
    position = 0
    while position < len(text):
        format, length = _fragment(text, position)
        shown = text[position : position + length]
        position += length
        if isinstance(format, tuple):
            format, shown = format
        if format is None and parts and parts[-1][0] is None:
            parts[-1] = (None, parts[-1][1] + shown)
        else:
            parts.append((format, shown))
    if all(format is None for format, _ in parts):
        return None
    return [{"text": shown} if format is None else {"format": format, "text": shown} for format, shown in parts]


def _fragment(text: str, start: int) -> tuple[Any, int]:
    """Return the format of the part at a position (with its text, where marks are left out), and its length."""
    sign = text[start]
    if sign == " ":
        return None, len(text[start:]) - len(text[start:].lstrip(" "))
    if sign in _SIGNS:
        end = text.find(sign, start + 1)
        if end < 0:
            return None, len(text) - start
        inner = text[start + 1 : end]
        marked = inner and inner[0] != " " and inner[-1] != " "
        return (({"type": _SIGNS[sign]}, inner) if marked else None), end + 1 - start
    if sign == "#":
        return _secret(text, start)
    if sign == "!" and (match := _COLORED.match(text, start)) and not match[2].endswith(" "):
        return ({"type": "colored", "color": _COLORS[match[1]]}, match[2]), len(match[0])
    if sign == "@" and (match := _MENTION.match(text, start)):
        name, tail = _without_punctuation(match[1])
        if name:
            return {"type": "mention", "memberName": name.strip("'")}, len(match[0]) - len(tail)
    if sign == "/" and (match := _COMMAND.match(text, start)):
        name, tail = _without_punctuation(match[1])
        if name:
            return {"type": "command", "commandStr": name.strip("'")}, len(match[0]) - len(tail)
    if (sign == "+" or sign.isdecimal()) and (match := _PHONE.match(text, start)) and 7 <= len(match[0]) <= 22:
        return {"type": "phone"}, len(match[0])
    return _word(text, start)


def _secret(text: str, start: int) -> tuple[Any, int]:
    match = _SECRET.match(text, start)
    if match is None:
        return None, 1
    before, inner, after = match.groups()
    if not after or not inner or inner[0] == " " or inner[-1] == " ":
        return None, len(match[0])
    return ({"type": "secret"}, before + inner + after[:-1]), len(match[0])


def _without_punctuation(word: str) -> tuple[str, str]:
    """Return a word without the punctuation at its end, and that punctuation."""
    end = len(word)
    while end and word[end - 1] not in "/)_'" and unicodedata.category(word[end - 1]).startswith("P"):
        end -= 1
    return word[:end], word[end:]


def _word(text: str, start: int) -> tuple[Json | None, int]:
    end = text.find(" ", start)
    word = text[start:] if end < 0 else text[start:end]
    core, _ = _without_punctuation(word)
    if len(core) >= 10 and core.startswith(("http://", "https://", "simplex:/")):
        return _uri(core), len(core)
    if _EMAIL.fullmatch(core):
        return {"type": "email"}, len(core)
    if _DOMAIN.fullmatch(core):
        return {"type": "uri"}, len(core)
    return None, len(word)


def _uri(word: str) -> Json:
    link = parse_link(word)
    if link is None:
        return {"type": "uri"}
    host = link.server.rpartition("@")[2].partition(":")[0]
    return {"type": "simplexLink", "linkType": _LINK_TYPES[link.kind], "simplexUri": word, "smpHosts": [host]}
