"""Names: what is called what in Python."""

from __future__ import annotations

import keyword
import re


def snake(name: str) -> str:
    """Return a name in snake_case: `chatItemTTL` → `chat_item_ttl`, `user_` stays as it is."""
    name = name.replace("IDs", "Ids")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name).lower()
    return name + "_" if keyword.iskeyword(name) else name


def upper_first(name: str) -> str:
    """Return a name with its first letter in upper case."""
    return name[:1].upper() + name[1:]


def member(value: str) -> str:
    """Return the name of an enum's member: `internalMark` → `INTERNAL_MARK`, `intro-inv` → `INTRO_INV`."""
    if value.isupper():
        return value
    return snake(value.replace("-", "_")).upper()
