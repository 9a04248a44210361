"""All subjects of the simulator: importing this registers their commands, tables and message handlers."""

from __future__ import annotations

from . import (
    addresses,
    business,
    connectivity,
    contacts,
    editing,
    group_commands,
    group_departures,
    group_editing,
    group_introductions,
    group_joining,
    group_links,
    group_members,
    group_messages,
    history,
    joining,
    messages,
    settings,
    timed,
    users,
)

__all__ = [
    "addresses",
    "business",
    "connectivity",
    "contacts",
    "editing",
    "group_commands",
    "group_departures",
    "group_editing",
    "group_introductions",
    "group_joining",
    "group_links",
    "group_members",
    "group_messages",
    "history",
    "joining",
    "messages",
    "settings",
    "timed",
    "users",
]
