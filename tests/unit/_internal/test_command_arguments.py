"""Arguments that cannot be right are refused before anything is sent, and none can change the command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simplex_sync.api import commands as c
from simplex_sync.api import types as t
from simplex_sync.errors import InvalidArgument
from tests.contract import command_reading

ALICE = t.ChatRef(chat_type=t.ChatType.DIRECT, chat_id=4)
HELLO = t.ComposedMessage(msg_content=t.MsgContentText(text="hi"))
LAST = t.ChatPaginationLast(count=20)


def odd(value: Any) -> Any:
    """A value of a type that the annotations forbid."""
    return value


def text_message(text: Any) -> t.ComposedMessage:
    return t.ComposedMessage(msg_content=t.MsgContentText(text=text))


REFUSED: list[tuple[c.Command, str]] = [
    (c.APISendMessages(send_ref=ALICE, composed_messages=[]), "composed_messages"),
    (c.APISendMessages(send_ref=ALICE, composed_messages=odd("hidden")), "composed_messages"),
    (c.APISendMessages(send_ref=ALICE, composed_messages=odd([5])), "composed_messages[0]"),
    (
        c.APISendMessages(send_ref=ALICE, composed_messages=[HELLO, text_message("hidden" * 2700)]),
        "composed_messages[1]",
    ),
    (c.APISendMessages(send_ref=ALICE, composed_messages=[text_message("hidden\ud800")]), "composed_messages[0]"),
    (c.APISendMessages(send_ref=ALICE, composed_messages=[text_message(float("nan"))]), "composed_messages[0]"),
    (c.APISendMessages(send_ref=ALICE, ttl=0, composed_messages=[HELLO]), "ttl"),
    (c.APISendMessages(send_ref=ALICE, ttl=True, composed_messages=[HELLO]), "ttl"),
    (c.APISendMessages(send_ref=ALICE, live_message=odd(1), composed_messages=odd([HELLO])), "live_message"),
    (c.APISendMessages(send_ref=odd("@hidden"), composed_messages=odd([HELLO])), "send_ref"),
    (c.APIChatRead(chat_ref=t.ChatRef(chat_type=t.ChatType.DIRECT, chat_id=0)), "chat_ref.chat_id"),
    (c.APIChatRead(chat_ref=t.ChatRef(chat_type=t.ChatType("hidden"), chat_id=1)), "chat_ref.chat_type"),
    (
        c.APIChatRead(
            chat_ref=t.ChatRef(
                chat_type=t.ChatType.DIRECT, chat_id=1, chat_scope=t.GroupChatScopeMemberSupport(group_member_id_=1)
            )
        ),
        "chat_ref.chat_scope",
    ),
    (
        c.APIChatRead(
            chat_ref=t.ChatRef(
                chat_type=t.ChatType.GROUP, chat_id=1, chat_scope=t.GroupChatScopeMemberSupport(group_member_id_=-1)
            )
        ),
        "chat_ref.chat_scope.group_member_id_",
    ),
    (c.APIDeleteChatItem(chat_ref=ALICE, chat_item_ids=[], delete_mode=t.CIDeleteMode.INTERNAL), "chat_item_ids"),
    (c.APIDeleteChatItem(chat_ref=ALICE, chat_item_ids=[0], delete_mode=t.CIDeleteMode.INTERNAL), "chat_item_ids[0]"),
    (c.APIDeleteChatItem(chat_ref=ALICE, chat_item_ids=odd(5), delete_mode=t.CIDeleteMode.INTERNAL), "chat_item_ids"),
    (c.APIDeleteChatItem(chat_ref=ALICE, chat_item_ids=[5], delete_mode=t.CIDeleteMode("hidden")), "delete_mode"),
    (c.APIDeleteChatItem(chat_ref=ALICE, chat_item_ids=[5], delete_mode=odd(7)), "delete_mode"),
    (c.APIJoinGroup(group_id=-1), "group_id"),
    (c.APIJoinGroup(group_id=odd("hidden")), "group_id"),
    (c.APIJoinGroup(group_id=2**63), "group_id"),
    (c.APIJoinGroup(group_id=10**5000), "group_id"),
    (c.APIJoinGroup(group_id=-(10**5000)), "group_id"),
    (c.APIConnectPlan(user_id=1, connection_link=""), "connection_link"),
    (c.APIConnectPlan(user_id=1, connection_link="hidden\n/quit"), "connection_link"),
    (c.APIConnectPlan(user_id=1, connection_link="hidden hidden"), "connection_link"),
    (c.APIConnectPlan(user_id=1, connection_link=odd(5)), "connection_link"),
    (
        c.APIConnect(user_id=1, prepared_link_=t.CreatedConnLink(conn_full_link="incognito=on")),
        "prepared_link_.conn_full_link",
    ),
    (
        c.APIConnect(user_id=1, prepared_link_=t.CreatedConnLink(conn_full_link="a", conn_short_link="hidden\t")),
        "prepared_link_.conn_short_link",
    ),
    (c.Connect(conn_link_="incognito"), "conn_link_"),
    (c.ReceiveFile(file_id=1, file_path="hidden\x00"), "file_path"),
    (c.ReceiveFile(file_id=1, file_path="encrypt=on"), "file_path"),
    (c.ReceiveFile(file_id=1, file_path=" hidden"), "file_path"),
    (c.APISetContactAlias(contact_id=4, local_alias="hidden\u2028"), "local_alias"),
    (c.APISetContactAlias(contact_id=4, local_alias="hidden\udc00"), "local_alias"),
    (c.APIListGroups(user_id=1, search="@12"), "search"),
    (c.APIListGroups(user_id=1, search=""), "search"),
    (c.APIGetChat(chat_ref=ALICE, pagination=t.ChatPaginationLast(count=0)), "pagination.count"),
    (c.APIGetChat(chat_ref=ALICE, pagination=t.ChatPagination.from_dict({"type": "hidden"})), "pagination"),
    (c.APIGetChat(chat_ref=ALICE, pagination=odd(5)), "pagination"),
    (
        c.APIDeleteChat(chat_ref=ALICE, chat_delete_mode=t.ChatDeleteMode.from_dict({"type": "hidden"})),
        "chat_delete_mode",
    ),
    (
        c.APIDeleteChat(chat_ref=ALICE, chat_delete_mode=t.ChatDeleteModeFull(notify=odd("hidden"))),
        "chat_delete_mode.notify",
    ),
    (c.APISetContactCustomData(contact_id=4, custom_data={"a": float("inf")}), "custom_data"),
    (c.APISetContactCustomData(contact_id=4, custom_data={"hidden": object()}), "custom_data"),
    (c.APISetContactCustomData(contact_id=4, custom_data=odd(["hidden"])), "custom_data"),
    (c.APIHideUser(user_id=2, view_pwd=odd(5)), "view_pwd"),
    (c.CreateActiveUser(new_user=odd(t.Profile(display_name="hidden"))), "new_user"),
    (c.APIUpdateProfile(user_id=1, profile=t.Profile.from_dict({"fullName": "hidden"})), "profile.display_name"),
]


@pytest.mark.parametrize(("command", "argument"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_arguments_are_refused(command: c.Command, argument: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        command.command_string()
    assert str(caught.value).startswith(f"{command.method_name}: {argument} ")
    assert caught.value.argument == argument
    assert "hidden" not in str(caught.value)
    # What failed underneath could quote the value.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_text_that_would_say_something_else_of_itself_is_sent_as_it_is() -> None:
    class Other(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "one\n/_stop"

    command = c.APISetContactAlias(contact_id=4, local_alias=Other("one"))
    assert command.command_string() == "/_set alias @4 one"


def test_plain_dicts_may_stand_for_records() -> None:
    wire = {"msgContent": {"type": "text", "text": "hi"}}
    command = c.APISendMessages(send_ref=ALICE, composed_messages=odd([wire]))
    assert command.command_string() == '/_send @4 json [{"msgContent":{"type":"text","text":"hi"}}]'


def test_all_texts_of_a_message_count_for_its_size() -> None:
    voice = t.ComposedMessage(msg_content=t.MsgContentVoice(text="", duration=5))
    assert '"duration":5' in c.APISendMessages(send_ref=ALICE, composed_messages=[voice]).command_string()
    image = t.ComposedMessage(msg_content=t.MsgContentImage(text="x" * 8000, image="y" * 8000))
    with pytest.raises(InvalidArgument, match="composed_messages"):
        c.APISendMessages(send_ref=ALICE, composed_messages=[image]).command_string()


def test_a_message_of_the_largest_size_is_not_refused() -> None:
    largest = text_message("ü" * 7000)
    assert c.APISendMessages(send_ref=ALICE, composed_messages=[largest]).command_string()


@given(st.text())
def test_no_text_can_change_a_command(text: str) -> None:
    made: list[tuple[c.Command, str]] = [
        (c.APIConnectPlan(user_id=1, connection_link=text), "connection_link"),
        (c.Connect(conn_link_=text), "conn_link_"),
        (c.ReceiveFile(file_id=1, file_path=text), "file_path"),
        (c.APISetContactAlias(contact_id=4, local_alias=text), "local_alias"),
        (c.APIListGroups(user_id=1, search=text), "search"),
        (c.APIGetChat(chat_ref=ALICE, pagination=LAST, search=text), "search"),
    ]
    for command, argument in made:
        try:
            string = command.command_string()
        except InvalidArgument:
            continue
        assert not any(ord(character) < 32 for character in string)
        assert [getattr(other, argument, None) for other in command_reading.read(string)] == [text]


@given(st.text())
def test_texts_in_json_can_be_anything(text: str) -> None:
    string = c.APISendMessages(send_ref=ALICE, composed_messages=[text_message(text)]).command_string()
    assert "\n" not in string
    head, _, rest = string.partition(" json ")
    assert head == "/_send @4"
    assert json.loads(rest)[0]["msgContent"]["text"] == text
    assert json.loads(c.APIHideUser(user_id=2, view_pwd=text).command_string().partition("2 ")[2]) == text
