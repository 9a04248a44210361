"""What all commands share: facts, fields that are hidden, and what depends on the version of the CLI."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from simplex_sync.api import commands as c
from simplex_sync.api import types as t
from simplex_sync.errors import InvalidArgument

ALICE = t.ChatRef(chat_type=t.ChatType.DIRECT, chat_id=4)
TEAM = t.ChatRef(chat_type=t.ChatType.GROUP, chat_id=1)
NOTES = t.ChatRef(chat_type=t.ChatType.LOCAL, chat_id=1)
HELLO = t.ComposedMessage(msg_content=t.MsgContentText(text="hi"))
HELLO_JSON = '{"msgContent":{"type":"text","text":"hi"},"mentions":{}}'


def test_commands_are_dataclasses_that_hide_their_texts() -> None:
    command = c.APISendMessages(send_ref=ALICE, composed_messages=[HELLO])
    assert dataclasses.fields(command)[0].name == "send_ref"
    assert dataclasses.replace(command, ttl=5).command_string().startswith("/_send @4 ttl=5 ")
    assert pickle.loads(pickle.dumps(command)) == command
    assert command != c.APISendMessages(send_ref=TEAM, composed_messages=[HELLO])
    assert repr(command) == "APISendMessages(live_message=False, sign_messages=False, composed_messages=[1])"
    assert "pw" not in repr(c.APIHideUser(user_id=2, view_pwd="pw"))


def test_what_only_7_has_is_refused_for_6() -> None:
    signed = c.APISendMessages(send_ref=ALICE, sign_messages=True, composed_messages=[HELLO])
    assert signed.command_string("7.0.2") == f"/_send @4 sign=on json [{HELLO_JSON}]"
    with pytest.raises(InvalidArgument, match=r"^api_send_messages: sign_messages needs CLI 7.x, and this is 6.4.5.1"):
        signed.command_string("6.4.5.1")
    with pytest.raises(InvalidArgument, match=r"^api_get_group_relays: the command needs CLI 7.x"):
        c.APIGetGroupRelays(group_id=1).command_string("6.4.5.1")
    with pytest.raises(InvalidArgument, match="send_ref must be a contact or a group"):
        c.APISendMessages(send_ref=NOTES, composed_messages=[HELLO]).command_string("6.4.5.1")


@pytest.mark.parametrize("version", ["", "seven", 7])
def test_versions_that_are_none_are_refused(version: Any) -> None:
    with pytest.raises(InvalidArgument, match="cli_version"):
        c.APIListGroups(user_id=1).command_string(version)
