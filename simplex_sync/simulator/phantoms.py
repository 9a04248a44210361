"""Contacts and members that exist on one side only: those that a database was filled with for a rehearsal.

Their peer is a node that is nobody's. What is sent to it goes nowhere and counts as received; nothing ever comes from
it, so who is invited into a group stays invited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import delivery, groups
from .group_messages import SMALL_GROUP

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

# No node has this name: real ones are longer.
NODE = "phantom"


@delivery.answers_for(NODE)
def sends_receipt(sim: Simulator, connection: Json) -> bool:
    """Return whether a receipt comes for a message to a phantom: as from others, in large groups none.

    Args:
        sim: The simulator.
        connection: The own connection.
    """
    if connection["entityType"] != "member":
        return True
    member = groups.member_of(sim, connection)
    return member is not None and len(groups.members(sim, groups.group_of(sim, member))) < SMALL_GROUP
