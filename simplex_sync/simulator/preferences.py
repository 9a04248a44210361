"""What a user and a contact allow each other, and what follows from both."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DEFAULTS: dict[str, Json] = {
    "timedMessages": {"allow": "yes"},
    "fullDelete": {"allow": "no"},
    "reactions": {"allow": "yes"},
    "voice": {"allow": "yes"},
    "files": {"allow": "always"},
    "calls": {"allow": "yes"},
    "sessions": {"allow": "no"},
}

# The features that chat items tell about, with their names.
FEATURES = {
    "timedMessages": "Disappearing messages",
    "fullDelete": "Full deletion",
    "reactions": "Message reactions",
    "voice": "Voice messages",
    "calls": "Audio/video calls",
}


def full_preferences(preferences: Json | None, overrides: Json | None = None) -> Json:
    """Return all preferences of a user.

    Args:
        preferences: Those of the profile; what is missing is the default.
        overrides: Those for one contact, which win.
    """
    given = preferences or {}
    full: Json = {name: (overrides or {}).get(name) or given.get(name) or DEFAULTS[name] for name in DEFAULTS}
    full["commands"] = given.get("commands") or []
    return full


def _enabled(mine: str, theirs: str, one_sided: bool) -> Json:
    if mine == "always" and theirs == "no":
        return {"forUser": False, "forContact": one_sided}
    if mine == "no" and theirs == "always":
        return {"forUser": one_sided, "forContact": False}
    both = mine != "no" and theirs != "no"
    return {"forUser": both, "forContact": both}


def merged_preferences(user_preferences: Json | None, for_contact: Json, contact_preferences: Json | None) -> Json:
    """Return what holds between a user and a contact (`ContactUserPreferences`).

    Args:
        user_preferences: Those of the user's profile.
        for_contact: Those that the user set for this contact.
        contact_preferences: Those of the contact's profile.
    """
    mine, theirs = user_preferences or {}, contact_preferences or {}
    merged: Json = {}
    for name, default in DEFAULTS.items():
        own = for_contact.get(name)
        preference = own or mine.get(name) or default
        other = theirs.get(name) or default
        merged[name] = {
            "enabled": _enabled(preference["allow"], other["allow"], name != "timedMessages"),
            "userPreference": {"type": "contact" if own else "user", "preference": preference},
            "contactPreference": other,
        }
    if "commands" in theirs:
        merged["commands"] = theirs["commands"]
    return merged


def time_to_live(merged: Json) -> int | None:
    """Return after how many seconds messages disappear between a user and a contact, or None."""
    timed = merged["timedMessages"]
    if not timed["enabled"]["forUser"]:
        return None
    ttl: int | None = timed["userPreference"]["preference"].get("ttl")
    return ttl


def ttl_text(seconds: int) -> str:
    """Return a time to live in words.

    Args:
        seconds: The time.
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    months, days = divmod(days, 30)
    weeks = {7: "1 week", 14: "2 weeks"}
    words = [
        f"{months} month{'s' * (months > 1)}" if months else "",
        weeks.get(days, f"{days} day{'s' * (days > 1)}") if days else "",
        f"{hours} hour{'s' * (hours > 1)}" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{rest} sec" if rest else "",
    ]
    return " ".join(word for word in words if word) or "0 sec"


def feature_item(direction: str, name: str, merged: Json) -> tuple[Json, str]:
    """Return the content and the text of the chat item that tells what holds for a feature.

    Args:
        direction: `rcv` or `snd`.
        name: The feature.
        merged: What holds between user and contact.
    """
    enabled = merged[name]["enabled"]
    content: Json = {"type": f"{direction}ChatFeature", "feature": name, "enabled": enabled}
    ttl = merged[name]["userPreference"]["preference"].get("ttl") if name == "timedMessages" else None
    if enabled["forUser"] and enabled["forContact"]:
        state = "enabled"
        if name == "timedMessages":
            state = f"enabled ({ttl_text(ttl)})" if ttl else "allowed"
        if ttl:
            content["param"] = ttl
    elif enabled["forUser"]:
        state = "enabled for you"
    elif enabled["forContact"]:
        state = "enabled for contact"
    else:
        state = "off"
    return content, f"{FEATURES[name]}: {state}"
