"""Display names: which are valid, and which are taken."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from .failure import error
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

MAXIMUM = 50

define_table("displayNames", "displayNameId", {"userId": "INTEGER", "name": "TEXT"})


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def valid_name(name: str) -> str:
    """Return what the CLI would make of a display name; it is valid if that is the name itself."""
    kept = ""
    marks = 0  # punctuation since the last letter
    for character in name:
        category = unicodedata.category(character)
        letter = category[0] in "LNS"
        space = character.isspace()
        punctuation = category.startswith("P")
        previous = kept[-1:]
        if character == "'":
            fits = False
        elif not previous:
            fits = letter
        elif previous == " ":
            fits = letter or (punctuation and marks == 0)
        elif _is_punctuation(previous):
            fits = letter or space or (punctuation and marks < 3)
        else:
            fits = letter or space or punctuation or category.startswith("M")
        if fits:
            kept += " " if space else character
            marks = marks + 1 if punctuation else marks if space else 0
    return kept[:MAXIMUM].rstrip()


def check_name(name: str) -> None:
    """Make sure that a display name is valid.

    Raises:
        ChatError: `invalidDisplayName`.
    """
    valid = valid_name(name)
    if name != valid or not name:
        raise error("invalidDisplayName", displayName=name, validName=valid)


def take_name(sim: Simulator, user_id: int, name: str) -> str:
    """Reserve a local display name for a contact, group or member, with a number if it is taken, and return it.

    Args:
        sim: The simulator.
        user_id: The user among whose names it is.
        name: What it should be.
    """
    taken = {document["name"] for document in _like(sim, user_id, name)}
    chosen, number = name, 0
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    sim.store.insert("displayNames", {"userId": user_id, "name": chosen})
    return chosen


def free_name(sim: Simulator, user_id: int, name: str) -> None:
    """Give a local display name back."""
    sim.store.delete_where("displayNames", userId=user_id, name=name)


def _like(sim: Simulator, user_id: int, name: str) -> list[dict[str, Any]]:
    return sim.store.select(
        "displayNames",
        "userId = ? AND (name = ? OR substr(name, 1, ?) = ?)",
        (user_id, name, len(name) + 1, name + "_"),
    )
