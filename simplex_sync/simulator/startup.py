"""Which profile a simulator starts with: the active one, one that is chosen, or one that is made now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .failure import ChatError
from .terminal import ask, end, print_line
from .users import activate, create_user, first_user

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]

_NO_PROFILE = """\
No user profiles found, it will be created now.
Please choose your display name.
It will be sent to your contacts when you connect.
It is only stored on your device and you can change it later."""


def choose_user(sim: Simulator) -> Json:
    """Return the active user's document, after asking or making what is missing.

    Raises:
        SystemExit: Nothing can be asked.
    """
    user = first_user(sim)
    if user is not None:
        return user
    users = sim.store.find("users")
    if users:
        return _select(sim, users)
    options = sim.options
    if options.bot_name is not None:
        profile: Json = {"displayName": options.bot_name, "fullName": "", "peerType": "bot"}
        if not options.bot_files:
            profile["preferences"] = {"files": {"allow": "no"}}
        return _make_or_end(sim, profile)
    if options.user_name is not None:
        return _make_or_end(sim, {"displayName": options.user_name, "fullName": ""})
    if options.headless:
        raise end("simplex-chat: there is no user profile, and --user-display-name was not given")
    return _ask_for_name(sim)


def _make_or_end(sim: Simulator, profile: Json) -> Json:
    try:
        return sim.transact(lambda: create_user(sim, profile))
    except ChatError as failure:
        raise end(_complaint(failure)) from None


def _complaint(failure: ChatError) -> str:
    facts = failure.chat_error["errorType"]
    if facts.get("displayName") == "":
        return "display name can't be empty"
    if not facts.get("validName"):
        return f"invalid display name: {facts.get('displayName', facts.get('contactName'))}"
    return f"invalid display name: {facts['displayName']}\nyou could use this one: {facts['validName']}"


def _ask_for_name(sim: Simulator) -> Json:
    print_line(_NO_PROFILE)
    while True:
        name = ask("display name " if sim.options.seven else "display name: ")
        profile = {"displayName": name, "fullName": ""}
        try:
            return sim.transact(partial(create_user, sim, profile))
        except ChatError as failure:
            print_line(_complaint(failure))


def _select(sim: Simulator, users: list[Json]) -> Json:
    print_line("Select user profile:")
    for number, user in enumerate(users, 1):
        full_name = user["profile"].get("fullName")
        print_line(f"{number}: {user['localDisplayName']}" + (f" ({full_name})" if full_name else ""))
    while True:
        answer = ask(f"user number (1 .. {len(users)}): ").strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(users):
            chosen = users[int(answer) - 1]
            return sim.transact(partial(activate, sim, chosen))
        print_line("invalid user number" if answer.isdecimal() else "not a number")
