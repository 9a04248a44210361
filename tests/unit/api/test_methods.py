"""The methods of the client: one a command, with its parameters, defaults, description and outcome."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest

from simplex_sync.api import commands, responses, types
from simplex_sync.api.methods import Methods
from tests.contract.record_walk import schema_files

ACTIVE_USER = 17
KINDS = [getattr(commands, name) for name in commands.__all__ if name != "Command"]


class Recorder(Methods):
    """Keeps what the methods hand over."""

    def __init__(self) -> None:
        self.sent: list[tuple[commands.Command, float | None]] = []
        self.answer = responses.ChatRunning()

    def execute(self, command: commands.Command, timeout: float | None = None) -> responses.Response:
        self.sent.append((command, timeout))
        return self.answer

    def _user_id(self, user_id: int | None) -> int:
        return ACTIVE_USER if user_id is None else user_id


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_each_command_has_a_method_that_hands_it_over(kind: type[commands.Command]) -> None:
    recorder = Recorder()
    method = getattr(recorder, kind.method_name)
    parameters = inspect.signature(method).parameters
    assert set(parameters) == {*kind._fields, "timeout"}
    given: dict[str, Any] = {name: object() for name in kind._fields}
    assert method(**given, timeout=2.5) is recorder.answer
    command, timeout = recorder.sent[0]
    assert type(command) is kind
    assert timeout == 2.5
    for name in kind._fields:
        assert getattr(command, name) is given[name]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_defaults_are_those_of_the_command(kind: type[commands.Command]) -> None:
    parameters = inspect.signature(getattr(Methods, kind.method_name)).parameters
    own = inspect.signature(kind).parameters
    for name, parameter in own.items():
        if name == "user_id" and parameters[name].default is None:
            continue
        assert parameters[name].default == parameter.default, name
    assert parameters["timeout"].default is None
    assert parameters["timeout"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_docstrings_say_name_network_parameters_and_outcome(kind: type[commands.Command]) -> None:
    for described in (kind, getattr(Methods, kind.method_name)):
        text = inspect.getdoc(described) or ""
        assert text.split("\n")[0].endswith((".", ":")) or "\n\n" in text
        assert f"`{kind.documented_name}`" in text
        assert "Network:" in text
        assert all(f"{name}: " in text for name in kind._fields)
    text = inspect.getdoc(getattr(Methods, kind.method_name)) or ""
    assert "timeout: " in text
    assert "seconds" in text
    assert all(f"`{tag}`" in text for tag in kind.responses if tag != "chatCmdError")
    assert all(error in text for error in kind.errors)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_annotated_outcome_is_that_of_the_command(kind: type[commands.Command]) -> None:
    method = getattr(Methods, kind.method_name)
    names = {"responses": responses, "types": types, "commands": commands, "Sequence": typing.Sequence, "Any": Any}
    outcome = typing.get_type_hints(method, globalns=names)["return"]
    classes = typing.get_args(outcome) or (outcome,)
    assert {one.tag for one in classes} == set(kind.responses) - {"chatCmdError"}


def test_the_active_user_is_the_default() -> None:
    recorder = Recorder()
    recorder.api_list_contacts()
    recorder.api_list_contacts(3)
    recorder.api_get_chats(types.PaginationByTimeLast(count=1))
    recorder.api_update_profile(types.Profile(display_name="a"), user_id=4)
    users = [getattr(command, "user_id", None) for command, _ in recorder.sent]
    assert users == [ACTIVE_USER, 3, ACTIVE_USER, 4]


@pytest.mark.parametrize("name", ["api_set_active_user", "api_delete_user", "api_hide_user", "api_unhide_user"])
def test_commands_on_users_themselves_need_one(name: str) -> None:
    parameter = inspect.signature(getattr(Methods, name)).parameters["user_id"]
    assert parameter.default is inspect.Parameter.empty


def test_natural_arguments_may_be_positional() -> None:
    recorder = Recorder()
    recorder.connect("https://localhost/i#a")
    recorder.receive_file(3)
    recorder.api_join_group(1)
    recorder.api_add_member(1, 4, member_role=types.GroupMemberRole.MEMBER)
    strings = [command.command_string() for command, _ in recorder.sent]
    assert strings == ["/connect https://localhost/i#a", "/freceive 3", "/_join #1", "/_add #1 4 member"]


def test_the_mixin_alone_does_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Methods().show_active_user()
    with pytest.raises(NotImplementedError):
        Methods().api_list_contacts()
    with pytest.raises(NotImplementedError):
        commands.Command().command_string()


def test_every_documented_command_has_a_method_named_after_it() -> None:
    documented, _ = schema_files()
    named = {
        "APISendMessages": "api_send_messages",
        "Connect": "connect",
        "ReceiveFile": "receive_file",
        "ShowActiveUser": "show_active_user",
        "APIStopChat": "api_stop_chat",
    }
    for command in documented["commands"]:
        name = getattr(commands, command["name"]).method_name
        assert name == named.get(command["name"], name)
        assert callable(getattr(Methods, name))
        assert name.replace("_", "") == command["name"].lower()
