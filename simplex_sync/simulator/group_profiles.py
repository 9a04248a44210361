"""Changed profiles of members: told with the next message to a group, as the CLI does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import group_items, group_records, groups
from .clock import timestamp
from .names import free_name, take_name
from .records import plain_profile, present

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

TOLD = ("displayName", "fullName", "shortDescr", "image")


def tell_profile(sim: Simulator, user: Json, group: Json, targets: list[tuple[Json, Json]]) -> None:
    """Tell members of the user's profile, if it changed since they were told."""
    changed = user.get("userMemberProfileUpdatedAt")
    incognito = groups.membership(sim, group).get("incognitoProfile")
    if changed is None or incognito or changed <= group.get("userMemberProfileSentAt", ""):
        return
    shown = present({key: plain_profile(user["profile"]).get(key) for key in TOLD})
    groups.send_to(sim, targets, "x.info", {"profile": shown})
    sim.store.update("groups", group["groupId"], userMemberProfileSentAt=timestamp())


@groups.member_event("x.info")
def _profile_changed(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    profile = message["params"]["profile"]
    if member.get("memberContactId") or member["memberProfile"] == profile:
        return False
    before = group_records.member_record(sim, member)
    old = member["memberProfile"]
    changes: Json = {"memberProfile": profile}
    if profile["displayName"] != old["displayName"]:
        free_name(sim, member["userId"], member["localDisplayName"])
        changes["localDisplayName"] = take_name(sim, member["userId"], profile["displayName"])
    member = groups.set_member(sim, member, **changes)
    about = {"type": "memberProfileUpdated", "fromProfile": old, "toProfile": profile}
    group_items.tell_event(sim, group, member, about, "updated profile", item_ts=message["sentAt"])
    sim.emit(
        {
            "type": "groupMemberUpdated",
            "user": sim.user_record(sim.user(member["userId"])),
            "groupInfo": group_records.group_record(sim, groups.group_of(sim, member)),
            "fromMember": before,
            "toMember": group_records.member_record(sim, member),
        }
    )
    return False
