"""User profiles: made, chosen, changed, hidden and deleted."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import delivery, publishing
from .clock import server_timestamp, timestamp
from .commands import command
from .failure import ChatError, error, store_error
from .names import check_name, free_name, take_name
from .preferences import full_preferences, merged_preferences
from .records import contact_connection, contact_record, local_profile, plain_profile
from .store import define_table

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

define_table("users", "userId", {"activeUser": "INTEGER", "localDisplayName": "TEXT"})
define_table("profiles", "profileId", {"userId": "INTEGER"})
define_table("contacts", "contactId", {"userId": "INTEGER", "localDisplayName": "TEXT"})
define_table("noteFolders", "noteFolderId", {"userId": "INTEGER"})

# The contacts that every new profile starts with; nobody answers there, here as in a network without servers.
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
_PRESETS: tuple[Json, ...] = (
    {
        "displayName": "SimpleX Status",
        "fullName": "",
        "shortDescr": "Automatic server status and app release updates",
        "image": _PICTURE,
        "contactLink": "simplex:/contact#/?v=2&smp=smp%3A%2F%2Fstatus%40smp.simulator.invalid%2Fstatus",
        "peerType": "bot",
    },
    {
        "displayName": "Ask SimpleX Team",
        "fullName": "",
        "shortDescr": "Send questions about SimpleX Chat app and your suggestions",
        "image": _PICTURE,
        "contactLink": "simplex:/contact#/?v=2&smp=smp%3A%2F%2Fteam%40smp.simulator.invalid%2Fteam",
    },
)


def new_profile_id(sim: Simulator, user_id: int | None) -> int:
    """Return the id of a new profile."""
    profile: int = sim.store.insert("profiles", {"userId": user_id})["profileId"]
    return profile


def new_contact(sim: Simulator, user_id: int, profile: Json, **more: Any) -> Json:
    """Make a contact and return its document.

    Args:
        sim: The simulator.
        user_id: The user whose contact it is.
        profile: Its `Profile`.
        **more: Further keys of the document.
    """
    now = timestamp()
    return sim.store.insert(
        "contacts",
        {
            "userId": user_id,
            "localDisplayName": take_name(sim, user_id, profile["displayName"]),
            "profile": local_profile(profile, new_profile_id(sim, user_id)),
            "createdAt": now,
            "updatedAt": now,
            **more,
        },
    )


def create_user(sim: Simulator, profile: Json) -> Json:
    """Make a user profile, make it the active one and return its document.

    Raises:
        ChatError: `invalidDisplayName`, `userExists`.
    """
    name = profile["displayName"]
    check_name(name)
    if sim.store.first("users", localDisplayName=name) is not None:
        raise error("userExists", contactName=name)
    agent_user_id = int(sim.store.fact("agentUserId") or 0) + 1
    sim.store.set_fact("agentUserId", str(agent_user_id))
    _deactivate(sim)
    profile_id = new_profile_id(sim, None)
    own_contact = sim.store.insert("contacts", {"createdAt": timestamp()})
    user = sim.store.insert(
        "users",
        {
            "agentUserId": agent_user_id,
            "userContactId": own_contact["contactId"],
            "localDisplayName": name,
            "profile": local_profile(profile, profile_id),
            "activeUser": True,
            "activeOrder": _next_order(sim),
            "showNtfs": True,
            "sendRcptsContacts": True,
            "sendRcptsSmallGroups": True,
            "autoAcceptMemberContacts": False,
        },
    )
    user_id = user["userId"]
    take_name(sim, user_id, name)
    sim.store.update("profiles", profile_id, userId=user_id)
    for preset in _PRESETS:
        new_contact(sim, user_id, preset)
    now = server_timestamp()
    folder = {"userId": user_id, "createdAt": now, "updatedAt": now, "chatTs": now, "favorite": False, "unread": False}
    sim.store.insert("noteFolders", folder)
    return user


def _deactivate(sim: Simulator) -> None:
    for user in sim.store.find("users", activeUser=True):
        sim.store.update("users", user["userId"], activeUser=False)


def _next_order(sim: Simulator) -> int:
    return 1 + max((user["activeOrder"] for user in sim.store.find("users")), default=0)


def activate(sim: Simulator, user: Json) -> Json:
    """Make a user the active one and return the new document."""
    _deactivate(sim)
    return sim.store.update("users", user["userId"], activeUser=True, activeOrder=_next_order(sim))


def _password_hash(password: str, salt: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha512(password.encode("utf-8", "replace") + salt).digest()).decode()


def _check_password(user: Json, password: str | None) -> None:
    known = user.get("viewPwdHash")
    if known is not None:
        salt = base64.urlsafe_b64decode(known["salt"])
        if password is None or not secrets.compare_digest(known["hash"], _password_hash(password, salt)):
            raise error("userUnknown")


@command("/user")
def show_active_user(sim: Simulator) -> Json:
    return {"type": "activeUser", "user": sim.user_record(sim.active_user())}


@command("/_create user {new:json:NewUser}")
def create_active_user(sim: Simulator, new: Json) -> Json:
    profile = new.get("profile") or {"displayName": f"user{secrets.randbelow(10**6)}", "fullName": ""}
    return {"type": "activeUser", "user": sim.user_record(create_user(sim, profile))}


@command("/users")
def list_users(sim: Simulator) -> Json:
    users = sim.store.select("users", "1 ORDER BY id")
    return {
        "type": "usersList",
        "users": [{"user": sim.user_record(user), "unreadCount": _unread(sim, user["userId"])} for user in users],
    }


def _unread(sim: Simulator, user_id: int) -> int:
    return sim.store.number("items", "count(*)", "statusTag = 'rcvNew' AND userId = ?", (user_id,))


@command("/_user {user_id:int}[ {password:json:string}]")
def set_active_user(sim: Simulator, user_id: int, password: str | None = None) -> Json:
    user = sim.user(user_id)
    _check_password(user, password)
    return {"type": "activeUser", "user": sim.user_record(activate(sim, user))}


@command("/_delete user {user_id:int} del_smp={delete_queues:onoff}[ {password:json:string}]")
def delete_user(sim: Simulator, user_id: int, delete_queues: bool, password: str | None = None) -> Json:
    user = sim.user(user_id)
    _check_password(user, password)
    if user["activeUser"] and sim.store.number("users", "count(*)", "1") > 1:
        raise error("cantDeleteActiveUser", userId=user_id)
    publishing.delete_links_of(sim, user_id)
    sim.store.delete_user(user_id, "users", "contacts", user["userContactId"])
    if delete_queues:
        sim.emit({"type": "agentUserDeleted", "agentUserId": user["agentUserId"]})
    return {"type": "cmdOk"}


def _privacy(sim: Simulator, user: Json) -> Json:
    active = sim.active_user()
    return {"type": "userPrivacy", "user": sim.user_record(active), "updatedUser": sim.user_record(user)}


@command("/_hide user {user_id:int} {password:json:string}")
def hide_user(sim: Simulator, user_id: int, password: str) -> Json:
    user = sim.user(user_id)
    if not password.strip():
        raise error("emptyUserPassword", userId=user_id)
    if user.get("viewPwdHash"):
        raise error("userAlreadyHidden", userId=user_id)
    visible = [other for other in sim.store.find("users") if "viewPwdHash" not in other]
    if len(visible) == 1:
        raise error("cantHideLastUser", userId=user_id)
    salt = os.urandom(16)
    kept = {"hash": _password_hash(password, salt), "salt": base64.urlsafe_b64encode(salt).decode()}
    return _privacy(sim, sim.store.update("users", user_id, viewPwdHash=kept, showNtfs=False))


@command("/_unhide user {user_id:int} {password:json:string}")
def unhide_user(sim: Simulator, user_id: int, password: str) -> Json:
    user = sim.user(user_id)
    if "viewPwdHash" not in user:
        raise error("userNotHidden", userId=user_id)
    _check_password(user, password)
    return _privacy(sim, sim.store.update("users", user_id, viewPwdHash=None, showNtfs=True))


# The profile, and what contacts learn of it.

# What else happens when a user's profile changed: `(sim, user)`.
ProfileHook = Callable[["Simulator", Json], None]
_PROFILE_HOOKS: list[ProfileHook] = []


def profile_hook(function: ProfileHook) -> ProfileHook:
    """Register what else happens when a user's profile changed."""
    _PROFILE_HOOKS.append(function)
    return function


def profile_for(user: Json, contact: Json | None = None) -> Json:
    """Return the profile that a peer is told.

    Args:
        user: The user's document.
        contact: The contact's document, whose own preferences count.
    """
    profile = plain_profile(user["profile"])
    overrides = contact.get("userPreferences") if contact else None
    profile["preferences"] = full_preferences(user["profile"].get("preferences"), overrides)
    return profile


def update_profile(sim: Simulator, user: Json, profile: Json) -> Json:
    """Change a user's profile, tell the contacts, and return the response.

    Raises:
        ChatError: `invalidDisplayName`, `duplicateName`.
    """
    old, new = plain_profile(user["profile"]), plain_profile(profile)
    if old == new:
        return {"type": "userProfileNoChange", "user": sim.user_record(user)}
    name, user_id = new["displayName"], user["userId"]
    changes: Json = {"profile": local_profile(new, user["profile"]["profileId"])}
    visible = ("displayName", "fullName", "shortDescr", "image")
    if name != old["displayName"]:
        check_name(name)
        taken = sim.store.first("displayNames", userId=user_id, name=name) or sim.store.first(
            "users", localDisplayName=name
        )
        if taken is not None:
            raise store_error("duplicateName")
        free_name(sim, user_id, user["localDisplayName"])
        changes["localDisplayName"] = take_name(sim, user_id, name)
    if any(old.get(key) != new.get(key) for key in visible):
        changes["userMemberProfileUpdatedAt"] = timestamp()
    changed_user = sim.store.update("users", user_id, **changes)
    told, changed = 0, []
    for contact in sim.store.find("contacts", userId=user_id):
        connection = contact_connection(sim, contact["contactId"])
        if connection is None or connection["connStatus"] != "ready" or "customUserProfileId" in connection:
            continue
        told += 1
        delivery.send(sim, connection, [{"event": "x.info", "params": {"profile": profile_for(changed_user, contact)}}])
        if _merged(user, contact) != _merged(changed_user, contact):
            changed.append(contact_record(sim, contact))
    for hook in _PROFILE_HOOKS:
        hook(sim, changed_user)
    return {
        "type": "userProfileUpdated",
        "user": sim.user_record(changed_user),
        "fromProfile": old,
        "toProfile": new,
        "updateSummary": {"updateSuccesses": told, "updateFailures": 0, "changedContacts": changed},
    }


def _merged(user: Json, contact: Json) -> Json:
    return merged_preferences(
        user["profile"].get("preferences"), contact.get("userPreferences", {}), contact["profile"].get("preferences")
    )


@command("/_profile {user_id:int} {profile:json:Profile}")
def api_update_profile(sim: Simulator, user_id: int, profile: Json) -> Json:
    return update_profile(sim, sim.expect_user(user_id), profile)


def first_user(sim: Simulator) -> Json | None:
    """Return the active user's document, or None."""
    try:
        return sim.active_user()
    except ChatError:
        return None
