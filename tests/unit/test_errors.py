"""The errors: their tree, their facts, their messages, and that they can be pickled."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from simplex_sync import errors
from simplex_sync._internal.failures import command_error, error_path, retold
from simplex_sync.errors import CommandError, InvalidDisplayName, NetworkError, SimplexError

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SimplexError)]

#: A value for every fact that an error can carry.
FACTS: dict[str, Any] = {
    "output": "last line",
    "exit_status": -9,
    "database": "/folder/chat",
    "pid": 4711,
    "command": "APISendMessages",
    "chat_error": {"type": "error"},
    "error": "errorStore.groupNotFound",
    "display_name": "@bad",
    "suggestion": "bad",
    "argument": "timeout",
    "seconds": 1.5,
    "tags": ("newChatItems",),
    "count": 7,
    "version": "6.4.5",
    "asset": "simplex-chat-ubuntu",
    "reason": "cancelled",
    "file_id": 3,
    "item_id": 4,
    "sent": ["first"],
    "unknown": [1],
    "not_sent": [2, 3],
}


def facts_of(kind: type[SimplexError]) -> dict[str, Any]:
    names = [name for name in inspect.signature(kind).parameters if name != "message"]
    return {name: FACTS[name] for name in names}


@pytest.mark.parametrize("kind", CLASSES)
def test_each_error_carries_its_facts_and_can_be_pickled(kind: type[SimplexError]) -> None:
    facts = facts_of(kind)
    error = kind("call: what happened", **facts)
    for copy in (error, *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, 6))):
        assert type(copy) is kind
        assert str(copy) == "call: what happened"
        assert {name: getattr(copy, name) for name in facts} == facts
    with pytest.raises(SimplexError):
        raise error


@pytest.mark.parametrize("kind", CLASSES)
def test_each_error_can_do_without_its_facts(kind: type[SimplexError]) -> None:
    error = pickle.loads(pickle.dumps(kind()))
    assert str(error) == ""
    for name in facts_of(kind):
        assert getattr(error, name) in ("", None, (), [], 0)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_error_is_public_drawn_in_the_tree_and_described(kind: type[SimplexError]) -> None:
    assert kind.__name__ in errors.__all__
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__
    assert kind.__doc__.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (errors.InvalidArgument, (ValueError,)),
        (errors.Timeout, (TimeoutError,)),
        (errors.InvalidDisplayName, (errors.StartError, errors.CommandError)),
        (errors.OutcomeUnknown, (errors.ConnectionLost,)),
        (errors.ClientClosed, (errors.ConnectionLost,)),
        (errors.NetworkError, (errors.CommandError,)),
        (errors.EventTimeout, (errors.Timeout,)),
        (errors.DatabaseInUse, (errors.StartError,)),
    ],
)
def test_what_can_be_caught_by_which_class(kind: type[SimplexError], bases: tuple[type, ...]) -> None:
    assert issubclass(kind, (SimplexError,))
    assert all(issubclass(kind, base) for base in bases)


def agent_error(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "errorAgent", "agentError": {"type": kind, **fields}}


@pytest.mark.parametrize(
    ("wire", "path"),
    [
        (
            {"type": "errorStore", "storeError": {"type": "userContactLinkNotFound"}},
            "errorStore.userContactLinkNotFound",
        ),
        ({"type": "error", "errorType": {"type": "commandError", "message": "x"}}, "error.commandError"),
        (agent_error("BROKER", brokerErr={"type": "NETWORK"}), "errorAgent.BROKER.NETWORK"),
        (agent_error("CRITICAL", criticalErr="text", offerRestart=True), "errorAgent.CRITICAL"),
        ({"type": "error", "errorType": {"message": "no type"}}, "error"),
        ({"type": 3}, ""),
        ({}, ""),
    ],
)
def test_the_path_of_tags(wire: dict[str, Any], path: str) -> None:
    assert error_path(wire) == path


@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        (agent_error("BROKER", brokerErr={"type": "NETWORK"}), NetworkError),
        (agent_error("BROKER", brokerErr={"type": "TIMEOUT"}), NetworkError),
        (agent_error("BROKER", brokerErr={"type": "HOST"}), NetworkError),
        (agent_error("BROKER", brokerErr={"type": "UNEXPECTED"}), CommandError),
        (agent_error("CRITICAL", offerRestart=True), NetworkError),
        (agent_error("CRITICAL", offerRestart=False), CommandError),
        ({"type": "errorAgent.CRITICAL"}, CommandError),
        ({"type": "error", "errorType": {"type": "userExists", "contactName": "bob"}}, errors.UserExists),
        ({"type": "error", "errorType": {"type": "chatNotStarted"}}, errors.ChatNotStarted),
        ({"type": "error", "errorType": {"type": "fileCancel", "fileId": 1}}, errors.FileCancel),
        ({}, CommandError),
    ],
)
def test_the_class_follows_from_the_tags(wire: dict[str, Any], kind: type[CommandError]) -> None:
    record = object()
    error = command_error("call", "Command", wire, record)
    assert type(error) is kind
    assert (error.command, error.chat_error, error.error) == ("Command", record, error_path(wire))
    assert error.tag == error.error.rpartition(".")[2]
    assert str(error).startswith("call: the CLI answered ")
    assert ("may pass" in str(error)) == (kind is NetworkError)


def test_a_command_that_could_not_be_parsed_and_a_hint_are_told() -> None:
    wire = {"type": "error", "errorType": {"type": "commandError", "message": "Failed reading: empty"}}
    message = str(command_error("connect", "Connect", wire, hint="is the link whole?"))
    assert "could not parse" in message
    assert message.endswith("; is the link whole?")
    assert "an error without a tag" in str(command_error("connect", "Connect", {}))


@pytest.mark.parametrize("suggestion", ["bad", ""])
def test_a_refused_display_name_comes_with_the_suggestion(suggestion: str) -> None:
    details = {"type": "invalidDisplayName", "displayName": "@bad", "validName": suggestion}
    error = command_error("create_active_user", "CreateActiveUser", {"type": "error", "errorType": details})
    assert isinstance(error, InvalidDisplayName)
    assert (error.display_name, error.suggestion, error.command) == ("@bad", suggestion, "CreateActiveUser")
    assert ("instead" in str(error)) == bool(suggestion)
    assert type(pickle.loads(pickle.dumps(error))) is InvalidDisplayName


def test_an_error_type_that_is_no_object_is_no_crash() -> None:
    wire = {"type": "x", "errorType": ["?"], "fooError": {"type": "invalidDisplayName"}}
    assert isinstance(command_error("call", "Command", wire), InvalidDisplayName)


def test_texts_in_an_error_of_the_cli_do_not_get_into_the_message() -> None:
    wire = {"type": "error", "errorType": {"type": "commandError", "message": "SECRET"}, "note": "SECRET"}
    error = command_error("api_send_messages", "APISendMessages", wire)
    assert "SECRET" not in str(error) + repr(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_retold_with_its_facts_and_cause_under_another_method(kind: type[SimplexError]) -> None:
    shared = kind("what happened", **facts_of(kind))
    shared.__cause__ = cause = OSError("gone")
    fresh = retold("api_send_messages", shared)
    assert type(fresh) is kind
    assert fresh is not shared
    assert fresh.__cause__ is cause
    assert str(fresh) == "api_send_messages: what happened"
    assert {name: getattr(fresh, name) for name in facts_of(kind)} == facts_of(kind)
