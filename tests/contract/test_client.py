"""What the client promises holds on every CLI: the simulator in both versions, and a real one where there is one.

Run with a real CLI: `SIMPLEX_CHAT_BIN=/path/to/simplex-chat SMP_SERVER=smp://… XFTP_SERVER=xftp://… pytest -m real`,
with servers on loopback.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, commands, errors, events, responses, types

_REAL = "SIMPLEX_CHAT_BIN", "SMP_SERVER", "XFTP_SERVER"
_MISSING = [name for name in _REAL if not os.environ.get(name)]
TIMEOUT = 60.0


@dataclass
class Cli:
    """A kind of CLI, and how to start one."""

    executable: str
    smp_servers: tuple[str, ...]
    xftp_servers: tuple[str, ...]

    def chat(self, folder: Path, name: str, **options: object) -> SimplexChat:
        arguments: dict[str, object] = {"display_name": name, "timeout": TIMEOUT, **options}
        return SimplexChat(
            folder / name,
            executable=self.executable,
            smp_servers=self.smp_servers,
            xftp_servers=self.xftp_servers,
            **arguments,  # type: ignore[arg-type]  # the tests' own words, checked by the constructor
        )


@pytest.fixture(
    scope="module",
    params=[
        "simulator:6.4",
        "simulator:7.0",
        pytest.param(
            "real",
            marks=[
                pytest.mark.real,
                pytest.mark.skipif(bool(_MISSING), reason=f"no real CLI: set {', '.join(_MISSING)}"),
            ],
        ),
    ],
)
def cli(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path_factory.mktemp("network")))
        if request.param == "real":
            yield Cli(os.environ["SIMPLEX_CHAT_BIN"], (os.environ["SMP_SERVER"],), (os.environ["XFTP_SERVER"],))
        else:
            yield Cli(request.param, (), ())


@dataclass
class Pair:
    """Two clients that are contacts of each other."""

    alice: SimplexChat
    bob: SimplexChat
    bob_at_alice: types.Contact
    alice_at_bob: types.Contact


def connect(one: SimplexChat, other: SimplexChat) -> tuple[types.Contact, types.Contact]:
    """Connect two clients by a one-time invitation; return each other's contact at the first and at the second."""
    link = one.api_add_contact().conn_link_invitation
    with (
        one.expect(events.ContactConnected, timeout=TIMEOUT) as here,
        other.expect(events.ContactConnected, timeout=TIMEOUT) as there,
    ):
        other.api_connect(prepared_link_=link)
    return here.value.contact, there.value.contact


@pytest.fixture(scope="module")
def pair(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with cli.chat(folder, "alice") as alice, cli.chat(folder, "bob") as bob:
        yield Pair(alice, bob, *connect(alice, bob))


def to(contact: types.Contact) -> types.ChatRef:
    return types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=contact.contact_id)


def text(content: str) -> types.ComposedMessage:
    return types.ComposedMessage(msg_content=types.MsgContentText(text=content), mentions={})


def has_text(content: str) -> Callable[[events.NewChatItems], bool]:
    return lambda event: any(item.chat_item.meta.item_text == content for item in event.chat_items)


def has_status(item_id: int, kind: type[types.CIStatus]) -> Callable[[events.ChatItemsStatusesUpdated], bool]:
    return lambda event: any(
        item.chat_item.meta.item_id == item_id and isinstance(item.chat_item.meta.item_status, kind)
        for item in event.chat_items
    )


def send(chat: SimplexChat, contact: types.Contact, other: SimplexChat, content: str) -> tuple[int, int]:
    """Send a text and wait until it was received; return its item's number on either side."""
    with other.expect(events.NewChatItems, has_text(content), timeout=TIMEOUT) as received:
        sent = chat.api_send_messages(send_ref=to(contact), composed_messages=[text(content)])
    return sent.chat_items[0].chat_item.meta.item_id, received.value.chat_items[0].chat_item.meta.item_id


# Life


def test_the_profile_is_made_once_and_kept(cli: Cli, tmp_path: Path) -> None:
    with cli.chat(tmp_path, "größe") as chat:
        assert chat.user.local_display_name == "größe"
        assert chat.user.profile.peer_type is None
        address = chat.api_create_my_address().conn_link_contact
        first = chat.pid
    with cli.chat(tmp_path, "größe", display_name=None) as chat:
        assert chat.user.local_display_name == "größe"
        assert chat.pid != first
        assert chat.api_show_my_address().contact_link.conn_link_contact == address


def test_a_bot_is_made_without_a_prompt(cli: Cli, tmp_path: Path) -> None:
    with cli.chat(tmp_path, "robot", bot=True) as chat:
        assert chat.user.local_display_name == "robot"
        assert chat.user.profile.peer_type == "bot"


def test_a_refused_name_is_an_error_with_a_suggestion(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidDisplayName) as caught:
        cli.chat(tmp_path, "bad", display_name="#bad@name").start()
    assert caught.value.display_name == "#bad@name"
    assert caught.value.suggestion == "bad@name"
    with pytest.raises(errors.InvalidDisplayName, match="display_name="):
        cli.chat(tmp_path, "nameless", display_name=None).start()


def test_a_wrong_key_is_an_error(cli: Cli, tmp_path: Path) -> None:
    with cli.chat(tmp_path, "locked", key="right"):
        pass
    with pytest.raises(errors.DatabaseKeyError) as caught:
        cli.chat(tmp_path, "locked", key="wrong").start()
    assert caught.value.exit_status == 1
    with pytest.raises(errors.DatabaseKeyError):
        cli.chat(tmp_path, "locked").start()
    with cli.chat(tmp_path, "locked", key=lambda: "right") as chat:
        assert chat.user.local_display_name == "locked"


def test_an_unknown_option_is_said_at_once(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(errors.CliExited) as caught:
        cli.chat(tmp_path, "odd", extra_args=["--no-such-option"]).start()
    assert caught.value.exit_status == 1
    assert caught.value.output


def test_display_name_picks_among_profiles(cli: Cli, tmp_path: Path) -> None:
    with cli.chat(tmp_path, "first") as chat:
        profile = types.Profile(display_name="second", full_name="")
        chat.create_active_user(new_user=types.NewUser(profile=profile, past_timestamp=False))
        assert chat.user.local_display_name == "second"
    with cli.chat(tmp_path, "first") as chat:
        assert chat.user.local_display_name == "first"
        assert [info.user.local_display_name for info in chat.list_users().users] == ["first", "second"]
    with cli.chat(tmp_path, "first", display_name="second") as chat:
        assert chat.user.local_display_name == "second"


# Commands


def test_versions_and_facts(pair: Pair) -> None:
    assert pair.alice.cli_version.split(".")[0] in ("6", "7")
    assert pair.alice.pid != pair.bob.pid
    assert pair.alice.port != pair.bob.port
    assert pair.alice.show_active_user().user == pair.alice.user


def test_an_error_names_the_method_and_the_tags(pair: Pair) -> None:
    with pytest.raises(errors.CommandError, match=r"^api_delete_my_address: ") as caught:
        pair.bob.api_delete_my_address()
    assert caught.value.error == "errorStore.userContactLinkNotFound"
    assert caught.value.command == "APIDeleteMyAddress"
    assert isinstance(caught.value.chat_error, types.ChatErrorErrorStore)
    with pytest.raises(errors.CommandError) as caught:
        pair.alice.send_command("/_nonsense")
    assert caught.value.error == "error.commandError"
    with pytest.raises(errors.CommandError) as caught:
        pair.alice.api_list_contacts(user_id=99)
    assert caught.value.error == "error.differentActiveUser"


def test_one_command_in_three_ways(pair: Pair) -> None:
    by_method = pair.alice.list_users()
    assert pair.alice.execute(commands.ListUsers()) == by_method
    raw = pair.alice.send_command("/users")
    assert isinstance(raw, responses.UsersList)
    assert raw == by_method


def test_lists(pair: Pair) -> None:
    assert [contact.local_display_name for contact in pair.alice.api_list_contacts().contacts] == ["bob"]
    profile = types.GroupProfile(display_name="listed", full_name="")
    group = pair.alice.api_new_group(group_profile=profile).group_info
    assert "listed" in [info.local_display_name for info in pair.alice.api_list_groups().group_infos]
    assert [member.local_display_name for member in pair.alice.api_list_members(group.group_id).group.members] == []
    assert pair.alice.api_list_groups(search="nothing of that name").group_infos == []


# Messages


def test_messages_both_ways_with_delivery(pair: Pair) -> None:
    item_id, _ = send(pair.alice, pair.bob_at_alice, pair.bob, "hello bob")
    send(pair.bob, pair.alice_at_bob, pair.alice, 'quotes " \\ and\nlines\tand 👩‍👩‍👧')
    with pair.alice.expect(
        events.ChatItemsStatusesUpdated, lambda event: isinstance(status(event), types.CIStatusSndRcvd), timeout=TIMEOUT
    ):
        sent = pair.alice.api_send_messages(send_ref=to(pair.bob_at_alice), composed_messages=[text("delivered?")])
    assert sent.chat_items[0].chat_item.meta.item_id > item_id


def status(event: events.ChatItemsStatusesUpdated) -> types.CIStatus:
    return event.chat_items[-1].chat_item.meta.item_status


def test_edit_react_and_delete(pair: Pair) -> None:
    item_id, at_bob = send(pair.alice, pair.bob_at_alice, pair.bob, "first words")
    with pair.bob.expect(events.ChatItemUpdated, timeout=TIMEOUT) as edited:
        pair.alice.api_update_chat_item(
            chat_ref=to(pair.bob_at_alice),
            chat_item_id=item_id,
            updated_message=types.UpdatedMessage(msg_content=types.MsgContentText(text="better words"), mentions={}),
        )
    assert edited.value.chat_item.chat_item.meta.item_text == "better words"
    with pair.alice.expect(events.ChatItemReaction, timeout=TIMEOUT) as reacted:
        pair.bob.api_chat_item_reaction(
            chat_ref=to(pair.alice_at_bob), chat_item_id=at_bob, add=True, reaction=types.MsgReactionEmoji(emoji="👍")
        )
    assert reacted.value.added
    with pair.bob.expect(events.ChatItemsDeleted, timeout=TIMEOUT) as deleted:
        pair.alice.api_delete_chat_item(
            chat_ref=to(pair.bob_at_alice), chat_item_ids=[item_id], delete_mode=types.CIDeleteMode.BROADCAST
        )
    assert deleted.value.chat_item_deletions[0].deleted_chat_item.chat_item.meta.item_id == at_bob
    with pytest.raises(errors.InvalidChatItemUpdate):
        pair.bob.api_update_chat_item(
            chat_ref=to(pair.alice_at_bob),
            chat_item_id=send(pair.alice, pair.bob_at_alice, pair.bob, "not bob's")[1],
            updated_message=types.UpdatedMessage(msg_content=types.MsgContentText(text="mine?"), mentions={}),
        )


def test_many_texts_in_one_command_keep_their_order(pair: Pair) -> None:
    wanted = [f"number {number}" for number in range(25)]
    stream = pair.bob.events(events.NewChatItems, timeout=20)
    sent = pair.alice.api_send_messages(
        send_ref=to(pair.bob_at_alice), composed_messages=[text(each) for each in wanted]
    )
    assert [item.chat_item.meta.item_text for item in sent.chat_items] == wanted
    got: list[str] = []
    for event in stream:
        got += [item.chat_item.meta.item_text for item in event.chat_items]
        if wanted[-1] in got:
            break
    assert [each for each in got if each.startswith("number ")] == wanted


def test_stored_items_are_paged(pair: Pair) -> None:
    for number in range(4):
        send(pair.alice, pair.bob_at_alice, pair.bob, f"page {number}")
    last = pair.bob.api_get_chat(chat_ref=to(pair.alice_at_bob), pagination=types.ChatPaginationLast(count=2)).chat
    assert [item.meta.item_text for item in last.chat_items] == ["page 2", "page 3"]
    before = pair.bob.api_get_chat(
        chat_ref=to(pair.alice_at_bob),
        pagination=types.ChatPaginationBefore(item_id=last.chat_items[0].meta.item_id, count=2),
    ).chat
    assert [item.meta.item_text for item in before.chat_items] == ["page 0", "page 1"]


def test_what_is_too_large_is_refused(pair: Pair) -> None:
    with pytest.raises((errors.InvalidArgument, errors.CommandError)):
        pair.alice.api_send_messages(send_ref=to(pair.bob_at_alice), composed_messages=[text("x" * 20_000)])
    with pytest.raises(errors.InvalidArgument, match=r"^api_send_messages: "):
        pair.alice.api_send_messages(send_ref=to(pair.bob_at_alice), composed_messages=[])
    send(pair.alice, pair.bob_at_alice, pair.bob, "still there")


# Addresses


def test_a_request_is_accepted_and_another_rejected(cli: Cli, tmp_path: Path) -> None:
    with cli.chat(tmp_path, "host") as host, cli.chat(tmp_path, "guest") as guest, cli.chat(tmp_path, "pest") as pest:
        link = host.api_create_my_address().conn_link_contact
        with host.expect(events.ReceivedContactRequest, timeout=TIMEOUT) as request:
            guest.connect(conn_link_=link.conn_short_link or link.conn_full_link)
        with guest.expect(events.ContactConnected, timeout=TIMEOUT) as connected:
            host.api_accept_contact(request.value.contact_request.contact_request_id)
        assert connected.value.contact.local_display_name == "host"
        with host.expect(events.ReceivedContactRequest, timeout=TIMEOUT) as request:
            pest.connect(conn_link_=link.conn_full_link)
        rejected = host.api_reject_contact(request.value.contact_request.contact_request_id)
        assert rejected.contact_request.local_display_name == "pest"
        plan = guest.api_connect_plan(connection_link=link.conn_short_link or link.conn_full_link).connection_plan
        assert isinstance(plan, types.ConnectionPlanContactAddress)
        assert isinstance(plan.contact_address_plan, types.ContactAddressPlanKnown)


# Groups and files


def test_a_group(pair: Pair) -> None:
    profile = types.GroupProfile(display_name="team", full_name="The Team")
    group = pair.alice.api_new_group(group_profile=profile).group_info
    with pair.bob.expect(events.ReceivedGroupInvitation, timeout=TIMEOUT) as invited:
        pair.alice.api_add_member(
            group_id=group.group_id,
            contact_id=pair.bob_at_alice.contact_id,
            member_role=types.GroupMemberRole.MEMBER,
        )
    with (
        pair.alice.expect(events.JoinedGroupMember, timeout=TIMEOUT) as joined,
        pair.bob.expect(events.UserJoinedGroup, timeout=TIMEOUT),
    ):
        pair.bob.api_join_group(invited.value.group_info.group_id)
    chat_ref = types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=group.group_id)
    with pair.bob.expect(events.NewChatItems, has_text("hello team"), timeout=TIMEOUT):
        pair.alice.api_send_messages(send_ref=chat_ref, composed_messages=[text("hello team")])
    member_id = joined.value.member.group_member_id
    with pair.bob.expect(events.MemberRole, timeout=TIMEOUT) as promoted:
        pair.alice.api_members_role(group.group_id, [member_id], member_role=types.GroupMemberRole.ADMIN)
    assert promoted.value.to_role == types.GroupMemberRole.ADMIN
    with pair.bob.expect(events.DeletedMemberUser, timeout=TIMEOUT):
        removed = pair.alice.api_remove_members(group.group_id, [member_id])
    assert [member.group_member_id for member in removed.members] == [member_id]
    with pytest.raises(errors.GroupMemberNotFound):
        pair.alice.api_remove_members(group.group_id, [9999])


def test_a_file_arrives_whole(pair: Pair, tmp_path: Path) -> None:
    content = bytes(range(256)) * 800
    assert pair.alice.files_folder is not None
    (pair.alice.files_folder / "größe.bin").write_bytes(content)
    message = types.ComposedMessage(
        file_source=types.CryptoFile(file_path="größe.bin"),
        msg_content=types.MsgContentFile(text="a file"),
        mentions={},
    )
    with pair.bob.expect(events.NewChatItems, has_text("a file"), timeout=TIMEOUT) as received:
        pair.alice.api_send_messages(send_ref=to(pair.bob_at_alice), composed_messages=[message])
    file = received.value.chat_items[0].chat_item.file
    assert file is not None
    assert file.file_size == len(content)
    target = tmp_path / "got it.bin"
    with pair.bob.expect(events.RcvFileComplete, timeout=TIMEOUT):
        pair.bob.receive_file(file.file_id, user_approved_relays=True, file_path=str(target))
    assert target.read_bytes() == content
