"""Making, listing and changing groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import group_items, group_records, groups, versions
from .chats import action
from .clock import timestamp
from .commands import ChatRef, command
from .connections import incognito_profile
from .contacts import connection_stats, security_code
from .failure import error
from .group_features import changed_features, feature_item, rank
from .group_links import publish
from .links import binary_id
from .names import check_name, free_name, take_name

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

PROFILE_UPDATED = "group profile updated"
PROFILE_KEYS = ("displayName", "fullName", "shortDescr", "description", "image", "groupPreferences", "memberAdmission")


def plain_group_profile(profile: Json) -> Json:
    """Return the keys of a group's profile that the CLI knows."""
    return {key: profile[key] for key in PROFILE_KEYS if profile.get(key) is not None}


def create_group(sim: Simulator, user: Json, profile: Json, *, incognito: bool = False, **more: Any) -> Json:
    """Store a group that the user owns, with the user as its only member, and return its document."""
    name = take_name(sim, user["userId"], profile["displayName"])
    group = groups.add_group(sim, user, profile, name, **more)
    facts: Json = {"memberRole": "owner", "memberCategory": "user", "memberStatus": "creator"}
    if incognito:
        facts.update(incognito_facts(sim, user))
    own = groups.add_member(sim, group, invitedBy={"type": "user"}, **facts)
    return sim.store.update("groups", group["groupId"], membershipId=own["groupMemberId"])


def incognito_facts(sim: Simulator, user: Json) -> Json:
    """Return the keys of the own member document of a user who is incognito in a group."""
    profile_id, profile = incognito_profile(sim, user["userId"])
    return {
        "incognitoProfile": True,
        "memberProfile": profile,
        "memberContactProfileId": profile_id,
        "localDisplayName": profile["displayName"],
    }


@command("/_group {user_id:int}[ incognito={incognito:onoff}] {profile:json:GroupProfile}")
def new_group(sim: Simulator, user_id: int, profile: Json, incognito: bool = False) -> Json:
    user = sim.expect_user(user_id)
    check_name(profile["displayName"])
    group = create_group(sim, user, plain_group_profile(profile), incognito=incognito)
    banner = group_items.new_item(
        sim, group, None, {"type": "chatBanner"}, "chat banner", "sndNew", item_ts="1970-01-01T00:00:00Z"
    )
    sim.emit(group_items.new_items_event(sim, [banner]))
    features = group_items.tell_features(sim, group, None)
    sim.emit_later(group_items.new_items_event(sim, features))
    group = sim.store.get("groups", group["groupId"]) or group
    return {"type": "groupCreated", "user": sim.user_record(user), "groupInfo": group_records.group_record(sim, group)}


def group_summary(sim: Simulator, group: Json) -> Json:
    """Return the `GroupSummary`: how many members there are, the user included."""
    own = groups.membership(sim, group)
    everybody = [own, *groups.members(sim, group)]
    return {"currentMembers": sum(member["memberStatus"] in groups.CURRENT for member in everybody)}


@versions.filler("GroupInfo", "groupSummary")
def _summary_of(sim: Simulator, record: Json) -> Json:
    group = sim.store.get("groups", record["groupId"])
    return {"currentMembers": 0} if group is None else group_summary(sim, group)


@command("/_groups {user_id:int}[ @{contact_id:int}][ {search:text}]", only="7")
@command("/_groups{user_id:int}[ @{contact_id:int}][ {search:text}]", only="6")
def list_groups(sim: Simulator, user_id: int, search: str | None = None, **_contact: int) -> Json:
    """List the groups; as in the CLI, naming a contact leaves none out."""
    user = sim.expect_user(user_id)
    found = []
    for group in sim.store.find("groups", userId=user_id):
        profile = group["groupProfile"]
        names = (profile.get(key, "") for key in ("displayName", "fullName", "description"))
        if search is None or any(search.lower() in name.lower() for name in (group["localDisplayName"], *names)):
            record = group_records.group_record(sim, group)
            found.append({"groupInfo": record, "groupSummary": group_summary(sim, group)})
    return {"type": "groupsList", "user": sim.user_record(user), "groups": found}


@command("/_members #{group_id:int}")
def list_members(sim: Simulator, group_id: int) -> Json:
    group = groups.get_group(sim, group_id)
    found = [group_records.member_record(sim, member) for member in groups.members(sim, group)]
    about = {"groupInfo": group_records.group_record(sim, group), "members": found}
    return {"type": "groupMembers", "user": sim.user_record(sim.active_user()), "group": about}


@action("info", "#")
def _group_info(sim: Simulator, user: Json, chat: ChatRef, member_id: int | None) -> Json:
    group = groups.get_group(sim, chat.id)
    if member_id is not None:
        return _member_info(sim, user, group, member_id)
    return {
        "type": "groupInfo",
        "user": sim.user_record(user),
        "groupInfo": group_records.group_record(sim, group),
        "groupSummary": group_summary(sim, group),
    }


def _member_info(sim: Simulator, user: Json, group: Json, member_id: int) -> Json:
    member = groups.get_member(sim, group["groupId"], member_id)
    response: Json = {
        "type": "groupMemberInfo",
        "user": sim.user_record(user),
        "groupInfo": group_records.group_record(sim, group),
        "member": group_records.member_record(sim, member),
    }
    connection = groups.member_connection(sim, member)
    if connection is not None:
        response["connectionStats_"] = connection_stats(connection)
    return response


@action("code", "#")
def _member_code(sim: Simulator, user: Json, chat: ChatRef, member_id: int | None) -> Json:
    group = groups.get_group(sim, chat.id)
    member = groups.get_member(sim, chat.id, member_id or 0)
    connection = groups.member_connection(sim, member)
    if connection is None:
        raise error("groupMemberNotActive")
    return {
        "type": "groupMemberCode",
        "user": sim.user_record(user),
        "groupInfo": group_records.group_record(sim, group),
        "member": group_records.member_record(sim, member),
        "connectionCode": security_code(connection),
    }


@action("alias", "#")
def _group_alias(sim: Simulator, user: Json, chat: ChatRef, alias: str) -> Json:
    groups.get_group(sim, chat.id)
    changed = sim.store.update("groups", chat.id, localAlias=alias)
    record = group_records.group_record(sim, changed)
    return {"type": "groupAliasUpdated", "user": sim.user_record(user), "toGroup": record}


# The group's profile.


@command("/_group_profile #{group_id:int} {profile:json:GroupProfile}")
def update_group_profile(sim: Simulator, group_id: int, profile: Json) -> Json:
    group = groups.get_group(sim, group_id)
    group_records.require_role(sim, group, "owner")
    check_name(profile["displayName"])
    new = plain_group_profile(profile)
    shared_id = binary_id()
    groups.send_to(sim, groups.recipients(sim, group), "x.grp.info", {"groupProfile": new}, msg_id=shared_id)
    before = group_records.group_record(sim, group)
    changed = change_profile(sim, group, new)
    link = sim.store.first("userContactLinks", groupId=group_id)
    if link is not None:
        publish(sim, changed, link)
    made = []
    if visible(new) != visible(group["groupProfile"]):
        about = {"type": "groupUpdated", "groupProfile": new}
        made.append(group_items.event_item(sim, changed, None, about, PROFILE_UPDATED, shared_msg_id=shared_id))
    for name in changed_features(group["groupProfile"], new):
        content, text = feature_item("snd", name, new)
        made.append(group_items.new_item(sim, changed, None, content, text, "sndNew"))
    for item in made:
        sim.emit_later(group_items.new_items_event(sim, [item]))
    return {
        "type": "groupUpdated",
        "user": sim.user_record(sim.active_user()),
        "fromGroup": before,
        "toGroup": group_records.group_record(sim, changed),
    }


def visible(profile: Json) -> Json:
    """Return what of a group's profile is told by one item; the preferences have items of their own."""
    return {key: value for key, value in profile.items() if key != "groupPreferences"}


def change_profile(sim: Simulator, group: Json, profile: Json) -> Json:
    """Give a group a new profile, and its local name if that changed; return the new document."""
    changes: Json = {"groupProfile": profile, "updatedAt": timestamp()}
    if profile["displayName"] != group["groupProfile"]["displayName"]:
        free_name(sim, group["userId"], group["localDisplayName"])
        changes["localDisplayName"] = take_name(sim, group["userId"], profile["displayName"])
    return sim.store.update("groups", group["groupId"], **changes)


@groups.member_event("x.grp.info")
def _profile_changed(sim: Simulator, group: Json, member: Json, message: Json) -> bool:
    if rank(member["memberRole"]) < rank("owner"):
        return False
    new = message["params"]["groupProfile"]
    if new == group["groupProfile"] and "businessChat" not in group:
        return False
    before = group_records.group_record(sim, group)
    changed = change_profile(sim, group, new)
    user = sim.user(group["userId"])
    sim.emit(
        {
            "type": "groupUpdated",
            "user": sim.user_record(user),
            "fromGroup": before,
            "toGroup": group_records.group_record(sim, changed),
            "member_": group_records.member_record(sim, member),
        }
    )
    if "businessChat" in group:
        return False
    if visible(new) != visible(group["groupProfile"]):
        about = {"type": "groupUpdated", "groupProfile": new}
        group_items.tell_event(sim, changed, member, about, PROFILE_UPDATED, **group_items.received(message))
    for name in changed_features(group["groupProfile"], new):
        content, text = feature_item("rcv", name, new)
        item = group_items.new_item(sim, changed, member, content, text, "rcvRead")
        sim.emit(group_items.new_items_event(sim, [item]))
    return False
