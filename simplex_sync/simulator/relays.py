"""Public groups and their relays (7.x): understood, but not simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .commands import command
from .failure import command_error

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]


@command(
    "/_public group {_user_id:int}[ incognito={_incognito:onoff}] {_relay_ids:ints} {_profile:json:GroupProfile}",
    only="7",
)
@command("/_get relays #{_group_id:int}", only="7")
@command("/_add relays #{_group_id:int} {_relay_ids:ints}", only="7")
@command("/_relay allow #{_group_id:int}", only="7")
def not_simulated(_sim: Simulator, **_arguments: Any) -> Json:
    raise command_error("the simulator has no relays")
