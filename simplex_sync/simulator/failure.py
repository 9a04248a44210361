"""The errors that commands are answered with, as JSON in the form of the CLI's ChatError."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class ChatError(Exception):
    """A command failed: nothing of it is kept, and its answer is `chatCmdError` with this ChatError."""

    def __init__(self, chat_error: Json) -> None:
        super().__init__(chat_error.get("type"))
        self.chat_error = chat_error


class CommandStops(BaseException):
    """The command ends the process (`/_stop`)."""


def error(tag: str, **facts: Any) -> ChatError:
    """Return an error of the chat controller, e.g. `error("userUnknown")`."""
    return ChatError({"type": "error", "errorType": {"type": tag, **facts}})


def command_error(message: str) -> ChatError:
    """Return the error of a command that makes no sense."""
    return error("commandError", message=message)


def store_error(tag: str, **facts: Any) -> ChatError:
    """Return an error of the store, e.g. `store_error("contactNotFound", contactId=4)`."""
    return ChatError({"type": "errorStore", "storeError": {"type": tag, **facts}})


def agent_error(agent_error: Json) -> ChatError:
    """Return an error of the agent, e.g. a server that cannot be reached."""
    return ChatError({"type": "errorAgent", "agentError": agent_error})


def link_gone(server: str) -> ChatError:
    """Return the error for a link that the server does not know."""
    return agent_error({"type": "SMP", "serverAddress": server, "smpErr": {"type": "AUTH"}})


def unreachable(server: str) -> Json:
    """Return the agent's error for a server that refuses connections."""
    return {
        "type": "BROKER",
        "brokerAddress": server,
        "brokerErr": {
            "type": "NETWORK",
            "networkError": {
                "type": "connectError",
                "connectError": "Network.Socket.connect: <socket: 17>: does not exist (Connection refused)",
            },
        },
    }


PARSE_FAILED: Json = {"type": "error", "errorType": {"type": "commandError", "message": "Failed reading: empty"}}
INVALID_REQUEST: Json = {"type": "error", "errorType": {"type": "commandError", "message": "invalid request"}}
