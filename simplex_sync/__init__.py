"""Drive SimpleX Chat from plain Python: blocking, typed, no async code.

::

    from simplex_sync import SimplexChat, events

    with SimplexChat("notes", display_name="Notes") as chat:
        print(chat.user.profile.display_name, chat.cli_version)

`SimplexChat` starts the `simplex-chat` program as a child process and ends it. `commands`, `responses`, `events` and
`types` hold the records of its API, `errors` everything that is raised.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from simplex_sync._version import __version__

if TYPE_CHECKING:
    from simplex_sync import errors, executable
    from simplex_sync.api import commands, events, responses, types
    from simplex_sync.client import SimplexChat
    from simplex_sync.conversation import (
        Address,
        ContactRequest,
        FileTransfer,
        GroupInvitation,
        GroupLink,
        Invitation,
        Message,
        SentMessage,
    )
    from simplex_sync.waiting import EventStream, Expectation

__all__ = [
    "Address",
    "ContactRequest",
    "EventStream",
    "Expectation",
    "FileTransfer",
    "GroupInvitation",
    "GroupLink",
    "Invitation",
    "Message",
    "SentMessage",
    "SimplexChat",
    "__version__",
    "commands",
    "errors",
    "events",
    "executable",
    "responses",
    "types",
]

# Loaded when they are first used: the simulator, the command and a program's start need only a part of them.
_MODULES = {
    "commands": "simplex_sync.api.commands",
    "errors": "simplex_sync.errors",
    "events": "simplex_sync.api.events",
    "executable": "simplex_sync.executable",
    "responses": "simplex_sync.api.responses",
    "types": "simplex_sync.api.types",
}
_NAMES = {
    "Address": "simplex_sync.conversation",
    "ContactRequest": "simplex_sync.conversation",
    "EventStream": "simplex_sync.waiting",
    "Expectation": "simplex_sync.waiting",
    "FileTransfer": "simplex_sync.conversation",
    "GroupInvitation": "simplex_sync.conversation",
    "GroupLink": "simplex_sync.conversation",
    "Invitation": "simplex_sync.conversation",
    "Message": "simplex_sync.conversation",
    "SentMessage": "simplex_sync.conversation",
    "SimplexChat": "simplex_sync.client",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'simplex_sync' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
