"""What chats of each type do: one registry by action and chat type, so that each type lives in its own module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .clock import moment
from .commands import ChatRef
from .failure import command_error, store_error

if TYPE_CHECKING:
    from .engine import Simulator

Json = dict[str, Any]
Action = TypeVar("Action", bound=Callable[..., Any])

_ACTIONS: dict[tuple[str, str], Callable[..., Any]] = {}
_LISTERS: list[Callable[[Simulator, Json], list[tuple[str, str, int]]]] = []


def action(name: str, kind: str) -> Callable[[Action], Action]:
    """Register what an action does in chats of a type.

    Args:
        name: `send`, `update`, `delete items`, `react`, `delete`, `info`, `code`, `prefs`, `alias` …
        kind: The chat type's character.
    """

    def register(function: Action) -> Action:
        _ACTIONS[name, kind] = function
        return function

    return register


def act(name: str, sim: Simulator, user: Json, chat: ChatRef, *arguments: Any) -> Any:
    """Do an action in a chat: `(sim, user, chat, …)`.

    Raises:
        ChatError: `commandError`, where chats of this type don't do that.
    """
    function = _ACTIONS.get((name, chat.kind))
    if function is None:
        raise command_error("not supported")
    return function(sim, user, chat, *arguments)


def lister(function: Callable[[Simulator, Json], list[tuple[str, str, int]]]) -> Callable[..., Any]:
    """Register what lists a user's chats of some type: `(sim, user) -> [(chatTs, type character, id), …]`."""
    _LISTERS.append(function)
    return function


def all_chats(sim: Simulator, user: Json) -> list[tuple[str, str, int]]:
    """Return a user's chats as `(chatTs, type character, id)`, the newest first."""
    entries = [entry for function in _LISTERS for entry in function(sim, user)]
    return sorted(entries, key=lambda entry: (moment(entry[0]), *entry[1:]), reverse=True)


def contact_of(sim: Simulator, user: Json, contact_id: int) -> Json:
    """Return a contact's document.

    Raises:
        ChatError: `contactNotFound`.
    """
    contact = sim.store.get("contacts", contact_id)
    if contact is None or contact.get("userId") != user["userId"]:
        raise store_error("contactNotFound", contactId=contact_id)
    return contact
