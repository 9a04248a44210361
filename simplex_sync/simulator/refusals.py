"""Commands that failed in a rehearsal, kept for its report: what they were and why, without their arguments."""

from __future__ import annotations

from typing import Any

from .store import Store, define_table

Json = dict[str, Any]

# Marks a database that was filled for a rehearsal.
REHEARSAL = "rehearsal"
# The command of a text that the CLI cannot parse.
UNKNOWN = "not a command"

# Keys of an error that hold another one: `errorType`, `storeError`, `agentError`, `brokerErr` …
_ERRORS = ("Err", "Error", "errorType")

define_table("refusals", "refusalId", autoincrement=True)


def keep(store: Store, command: str, chat_error: Json) -> None:
    """Note that a command failed, where the database is one for a rehearsal.

    Args:
        store: The database.
        command: What the command was, without its arguments.
        chat_error: The ChatError.
    """
    if store.fact(REHEARSAL) is not None:
        with store.transaction():
            store.insert("refusals", {"command": command.replace("_", " "), "error": path_of(chat_error)})


def path_of(chat_error: Json) -> str:
    """Return the tags of an error, without what else it holds: `errorStore.contactNotFound`.

    Args:
        chat_error: The ChatError.
    """
    inner = (value for key, value in chat_error.items() if key.endswith(_ERRORS) and isinstance(value, dict))
    return ".".join([str(chat_error.get("type")), *(path_of(error) for error in inner)])
