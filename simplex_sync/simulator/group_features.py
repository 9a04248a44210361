"""What a group allows its members: preferences, and the chat items that tell about them."""

from __future__ import annotations

from typing import Any

from .preferences import ttl_text

Json = dict[str, Any]

DEFAULTS: dict[str, Json] = {
    "timedMessages": {"enable": "off", "ttl": 86400},
    "directMessages": {"enable": "off"},
    "fullDelete": {"enable": "off"},
    "reactions": {"enable": "on"},
    "voice": {"enable": "on"},
    "files": {"enable": "on"},
    "simplexLinks": {"enable": "on"},
    "reports": {"enable": "on"},
    "history": {"enable": "off"},
    "sessions": {"enable": "off"},
}

# The features that chat items tell about, in their order, with their names.
FEATURES = {
    "timedMessages": "Disappearing messages",
    "directMessages": "Direct messages",
    "fullDelete": "Full deletion",
    "reactions": "Message reactions",
    "voice": "Voice messages",
    "files": "Files and media",
    "simplexLinks": "SimpleX links",
    "reports": "Member reports",
    "history": "Recent history",
}

# What the group of a business contact allows where the profile of the business does not say otherwise.
_BUSINESS: dict[str, Json] = {
    "timedMessages": {"enable": "off"},
    "directMessages": {"enable": "off"},
    "fullDelete": {"enable": "on", "role": "moderator"},
    "reactions": {"enable": "on"},
    "voice": {"enable": "off"},
    "files": {"enable": "on"},
    "simplexLinks": {"enable": "on"},
    "reports": {"enable": "off"},
    "history": {"enable": "on"},
    "sessions": {"enable": "on"},
}

ROLES = ["observer", "author", "member", "moderator", "admin", "owner"]


def rank(role: str) -> int:
    """Return how high a member's role stands."""
    return ROLES.index(role) if role in ROLES else 0


def full_preferences(profile: Json) -> Json:
    """Return all preferences of a group.

    Args:
        profile: The group's profile; what its preferences leave open is the default.
    """
    given = profile.get("groupPreferences") or {}
    full: Json = {name: given.get(name) or default for name, default in DEFAULTS.items()}
    full["commands"] = given.get("commands") or []
    return full


def allows(profile: Json, feature: str, role: str) -> bool:
    """Return whether a group's preferences allow something to members of a role."""
    preference = full_preferences(profile)[feature]
    return preference["enable"] == "on" and rank(role) >= rank(preference.get("role", "observer"))


def time_to_live(profile: Json) -> int | None:
    """Return after how many seconds messages disappear in a group, or None."""
    timed = full_preferences(profile)["timedMessages"]
    ttl: int | None = timed.get("ttl")
    return ttl if timed["enable"] == "on" else None


def feature_item(direction: str, name: str, profile: Json) -> tuple[Json, str]:
    """Return the content and the text of the chat item that tells what a group allows.

    Args:
        direction: `rcv` or `snd`.
        name: The feature.
        profile: The group's profile.
    """
    preference = full_preferences(profile)[name]
    role, ttl = preference.get("role"), preference.get("ttl")
    on = preference["enable"] == "on"
    content: Json = {
        "type": f"{direction}GroupFeature",
        "groupFeature": name,
        "preference": {"enable": preference["enable"]},
    }
    state = preference["enable"]
    if on and name == "timedMessages" and ttl:
        content["param"] = ttl
        state = f"on ({ttl_text(ttl)})"
    if on and role:
        content["memberRole_"] = role
        state += f" for {role}s"
    return content, f"{FEATURES[name]}: {state}"


def changed_features(old: Json, new: Json) -> list[str]:
    """Return the features that two group profiles set differently."""
    return [name for name in FEATURES if feature_item("snd", name, old) != feature_item("snd", name, new)]


def business_preferences(profile: Json) -> Json:
    """Return the preferences of a group that is made for a business contact.

    Args:
        profile: The profile of the business; what it allows its contacts, it allows in the group.
    """
    chosen = dict(_BUSINESS)
    for name, preference in (profile.get("preferences") or {}).items():
        if name in chosen and isinstance(preference, dict):
            chosen[name] = {"enable": "off" if preference.get("allow") == "no" else "on"}
    return chosen
