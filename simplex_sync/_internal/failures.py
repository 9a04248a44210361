"""Which error a `chatCmdError` becomes, and how one error is told to several callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simplex_sync.errors import (
    ChatNotStarted,
    CommandError,
    FileCancel,
    GroupMemberNotActive,
    GroupMemberNotFound,
    InvalidChatItemUpdate,
    InvalidDisplayName,
    NetworkError,
    SimplexError,
    UserExists,
)

__all__ = ["command_error", "error_path", "retold"]

_BY_TAG: dict[str, type[CommandError]] = {
    "userExists": UserExists,
    "chatNotStarted": ChatNotStarted,
    "invalidChatItemUpdate": InvalidChatItemUpdate,
    "fileCancel": FileCancel,
    "groupMemberNotActive": GroupMemberNotActive,
    "groupMemberNotFound": GroupMemberNotFound,
}

# Errors of servers and of the way to them that pass by themselves; all others of the agent do not.
_PASSING = ("errorAgent.BROKER.NETWORK", "errorAgent.BROKER.TIMEOUT", "errorAgent.BROKER.HOST", "errorAgent.CRITICAL")


def error_path(chat_error: Mapping[str, Any]) -> str:
    """Return the path of tags of a ChatError on the wire, such as `"errorStore.groupNotFound"`.

    Args:
        chat_error: The JSON object of the ChatError.

    Returns:
        The tags from the outermost to the innermost error, joined by dots.
    """
    tags: list[str] = []
    error: Any = chat_error
    while isinstance(error, Mapping):
        tag = error.get("type")
        if not isinstance(tag, str):
            break
        tags.append(tag)
        inner = [
            value
            for key, value in error.items()
            if key.lower().endswith(("err", "error", "errortype")) and isinstance(value, Mapping) and "type" in value
        ]
        error = inner[0] if inner else None
    return ".".join(tags)


def _is_passing(path: str, chat_error: Mapping[str, Any]) -> bool:
    if path.startswith("errorAgent.CRITICAL"):
        agent_error = chat_error.get("agentError")
        return isinstance(agent_error, Mapping) and agent_error.get("offerRestart") is True
    return path.startswith(_PASSING)


def command_error(
    method: str, command: str, wire: Mapping[str, Any], chat_error: Any = None, hint: str = ""
) -> CommandError:
    """Return the error for a `chatCmdError` that answered a command.

    Args:
        method: The name of the method that was called.
        command: The documented name of the command.
        wire: The JSON object of the ChatError.
        chat_error: The record made of it.
        hint: What else can be said about it.

    Returns:
        A CommandError, or the subclass for the error's tag.
    """
    path = error_path(wire)
    tag = path.rpartition(".")[2]
    message = f"{method}: the CLI answered {path or 'an error without a tag'}"
    if tag == "commandError":
        message += ": it could not parse or carry out the command as it was given"
    if hint:
        message += f"; {hint}"
    if tag == "invalidDisplayName":
        error_type = wire.get("errorType")
        details: Mapping[str, Any] = error_type if isinstance(error_type, Mapping) else {}
        suggestion = str(details.get("validName", ""))
        if suggestion:
            message += f"; it would take {suggestion!r} instead"
        return InvalidDisplayName(
            message,
            display_name=str(details.get("displayName", "")),
            suggestion=suggestion,
            command=command,
            chat_error=chat_error,
            error=path,
        )
    kind = NetworkError if _is_passing(path, wire) else _BY_TAG.get(tag, CommandError)
    if kind is NetworkError:
        message += "; servers could not be reached, which may pass"
    return kind(message, command=command, chat_error=chat_error, error=path)


def retold(method: str, error: SimplexError) -> SimplexError:
    """Return an error of the same kind and with the same facts that names another method.

    Who waits is told of a shared error, such as the end of the CLI, by one of its own: tracebacks would pile up on a
    single one.

    Args:
        method: The name of the method that was called.
        error: The error that says what happened.
    """
    fresh = type(error)(f"{method}: {error}")
    fresh.__dict__.update(error.__dict__)
    fresh.__cause__ = error.__cause__
    return fresh
