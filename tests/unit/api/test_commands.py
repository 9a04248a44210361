"""The strings of all commands, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from simplex_sync.api import commands as c
from simplex_sync.api import types as t
from tests.contract import command_reading
from tests.contract.record_walk import schema_files

ALICE = t.ChatRef(chat_type=t.ChatType.DIRECT, chat_id=4)
TEAM = t.ChatRef(chat_type=t.ChatType.GROUP, chat_id=1)
SUPPORT = t.ChatRef(chat_type=t.ChatType.GROUP, chat_id=1, chat_scope=t.GroupChatScopeMemberSupport(group_member_id_=6))
ALL_SUPPORT = t.ChatRef(chat_type=t.ChatType.GROUP, chat_id=1, chat_scope=t.GroupChatScopeMemberSupport())
NOTES = t.ChatRef(chat_type=t.ChatType.LOCAL, chat_id=1)
PENDING = t.ChatRef(chat_type=t.ChatType.CONTACT_CONNECTION, chat_id=3)
HELLO = t.ComposedMessage(msg_content=t.MsgContentText(text='hi "ü"\n/quit'))
HELLO_JSON = '{"msgContent":{"type":"text","text":"hi \\"ü\\"\\n/quit"},"mentions":{}}'
GROUP = t.GroupProfile(display_name="team")
GROUP_JSON = '{"displayName":"team","fullName":""}'
LINK = "https://localhost/i#abc?p=5223"
ADMIN = t.GroupMemberRole.ADMIN
FULL = t.CreatedConnLink(conn_full_link="simplex:/contact#/?v=2")
SHORT = t.CreatedConnLink(conn_full_link="simplex:/contact#/?v=2", conn_short_link=LINK)
LAST = t.ChatPaginationLast(count=20)

# Every command in the forms that its template has; where CLI 7 differs, its string is the third.
STRINGS: list[tuple[c.Command, str] | tuple[c.Command, str, str]] = [
    (c.APICreateMyAddress(user_id=1), "/_address 1"),
    (c.APIDeleteMyAddress(user_id=1), "/_delete_address 1"),
    (c.APIShowMyAddress(user_id=1), "/_show_address 1"),
    (c.APISetProfileAddress(user_id=1, enable=True), "/_profile_address 1 on"),
    (c.APISetProfileAddress(user_id=1, enable=False), "/_profile_address 1 off"),
    (
        c.APISetAddressSettings(user_id=1, settings=t.AddressSettings(auto_accept=t.AutoAccept())),
        '/_address_settings 1 {"businessAddress":false,"autoAccept":{"acceptIncognito":false}}',
    ),
    (c.APISendMessages(send_ref=ALICE, composed_messages=[HELLO]), f"/_send @4 json [{HELLO_JSON}]"),
    (
        c.APISendMessages(send_ref=SUPPORT, live_message=True, ttl=60, composed_messages=(HELLO, HELLO)),
        f"/_send #1(_support:6) live=on ttl=60 json [{HELLO_JSON},{HELLO_JSON}]",
    ),
    (c.APISendMessages(send_ref=ALL_SUPPORT, composed_messages=[HELLO]), f"/_send #1(_support) json [{HELLO_JSON}]"),
    (c.APICreateChatItems(note_folder_id=1, composed_messages=[HELLO]), f"/_create *1 json [{HELLO_JSON}]"),
    (
        c.APIUpdateChatItem(
            chat_ref=ALICE,
            chat_item_id=9,
            live_message=True,
            updated_message=t.UpdatedMessage(msg_content=t.MsgContentText(text="x")),
        ),
        '/_update item @4 9 live=on json {"msgContent":{"type":"text","text":"x"},"mentions":{}}',
    ),
    (
        c.APIDeleteChatItem(chat_ref=TEAM, chat_item_ids=[1, 2], delete_mode=t.CIDeleteMode.INTERNAL_MARK),
        "/_delete item #1 1,2 internalMark",
    ),
    (c.APIDeleteMemberChatItem(group_id=1, chat_item_ids=[5]), "/_delete member item #1 5"),
    (
        c.APIChatItemReaction(chat_ref=ALICE, chat_item_id=9, add=False, reaction=t.MsgReactionEmoji(emoji="👍")),
        '/_reaction @4 9 off {"type":"emoji","emoji":"👍"}',
    ),
    (c.ReceiveFile(file_id=1), "/freceive 1"),
    (
        c.ReceiveFile(
            file_id=5, user_approved_relays=True, store_encrypted=False, file_inline=True, file_path="/a/b c.bin"
        ),
        "/freceive 5 approved_relays=on encrypt=off inline=on /a/b c.bin",
    ),
    (c.CancelFile(file_id=6), "/fcancel 6"),
    (c.FileStatus(file_id=8), "/fstatus 8"),
    (c.APIAddMember(group_id=1, contact_id=4, member_role=ADMIN), "/_add #1 4 admin"),
    (c.APIJoinGroup(group_id=1), "/_join #1"),
    (c.APIAcceptMember(group_id=1, group_member_id=6, member_role=ADMIN), "/_accept member #1 6 admin"),
    (c.APIMembersRole(group_id=1, group_member_ids=[3, 4], member_role=ADMIN), "/_member role #1 3,4 admin"),
    (c.APIBlockMembersForAll(group_id=1, group_member_ids=[5], blocked=True), "/_block #1 5 blocked=on"),
    (c.APIRemoveMembers(group_id=1, group_member_ids=[5]), "/_remove #1 5"),
    (c.APIRemoveMembers(group_id=1, group_member_ids=[5], with_messages=True), "/_remove #1 5 messages=on"),
    (c.APILeaveGroup(group_id=1), "/_leave #1"),
    (c.APIListMembers(group_id=1), "/_members #1"),
    (c.APINewGroup(user_id=1, group_profile=GROUP), f"/_group 1 {GROUP_JSON}"),
    (c.APINewGroup(user_id=1, incognito=True, group_profile=GROUP), f"/_group 1 incognito=on {GROUP_JSON}"),
    (c.APINewPublicGroup(user_id=1, relay_ids=[1, 2], group_profile=GROUP), f"/_public group 1 1,2 {GROUP_JSON}"),
    (c.APIGetGroupRelays(group_id=1), "/_get relays #1"),
    (c.APIAddGroupRelays(group_id=1, relay_ids=[2]), "/_add relays #1 2"),
    (c.APIAllowRelayGroup(group_id=1), "/_relay allow #1"),
    (c.APIUpdateGroupProfile(group_id=1, group_profile=GROUP), f"/_group_profile #1 {GROUP_JSON}"),
    (c.APICreateGroupLink(group_id=1, member_role=ADMIN), "/_create link #1 admin"),
    (c.APIGroupLinkMemberRole(group_id=1, member_role=ADMIN), "/_set link role #1 admin"),
    (c.APIDeleteGroupLink(group_id=1), "/_delete link #1"),
    (c.APIGetGroupLink(group_id=1), "/_get link #1"),
    (c.APIGroupInfo(group_id=1), "/_info #1"),
    (c.APIGroupMemberInfo(group_id=1, group_member_id=4), "/_info #1 4"),
    (c.APIAddContact(user_id=1), "/_connect 1"),
    (c.APIAddContact(user_id=1, incognito=True), "/_connect 1 incognito=on"),
    (c.APIConnectPlan(user_id=1, connection_link=LINK), f"/_connect plan 1 {LINK}"),
    (c.APIConnect(user_id=1, prepared_link_=FULL), "/_connect 1 simplex:/contact#/?v=2"),
    (
        c.APIConnect(user_id=1, incognito=True, prepared_link_=SHORT),
        f"/_connect 1 incognito=on simplex:/contact#/?v=2 {LINK}",
    ),
    (c.Connect(conn_link_=LINK), f"/connect {LINK}"),
    (c.Connect(incognito=True, conn_link_=LINK), f"/connect incognito {LINK}"),
    (c.Connect(), "/connect"),
    (c.APIAcceptContact(contact_req_id=1), "/_accept 1"),
    (c.APIAcceptContact(contact_req_id=1, incognito=True), "/_accept incognito=on 1"),
    (c.APIRejectContact(contact_req_id=2), "/_reject 2"),
    (c.APIListContacts(user_id=1), "/_contacts 1"),
    (c.APIListGroups(user_id=1), "/_groups1", "/_groups 1"),
    (c.APIListGroups(user_id=1, contact_id_=4, search="a b"), "/_groups1 @4 a b", "/_groups 1 @4 a b"),
    (
        c.APIGetChats(
            user_id=1,
            pending_connections=True,
            pagination=t.PaginationByTimeLast(count=100),
            query=t.ChatListQuerySearch(search="x"),
        ),
        '/_get chats 1 pcc=on count=100 {"type":"search","search":"x"}',
    ),
    (c.APIGetChat(chat_ref=ALICE, pagination=LAST), "/_get chat @4 count=20"),
    (
        c.APIGetChat(chat_ref=TEAM, pagination=t.ChatPaginationAfter(item_id=7, count=2), search="a b"),
        "/_get chat #1 after=7 count=2 search=a b",
    ),
    (c.APIGetChatItems(pagination=t.ChatPaginationBefore(item_id=7, count=2)), "/_get items before=7 count=2"),
    (c.APIGetChatItems(pagination=t.ChatPaginationAround(item_id=7, count=2)), "/_get items around=7 count=2"),
    (c.APIGetChatItems(pagination=t.ChatPaginationInitial(count=2)), "/_get items initial=2"),
    (c.APIChatRead(chat_ref=NOTES), "/_read chat *1"),
    (c.APIDeleteChat(chat_ref=ALICE, chat_delete_mode=t.ChatDeleteModeFull()), "/_delete @4 full"),
    (
        c.APIDeleteChat(chat_ref=PENDING, chat_delete_mode=t.ChatDeleteModeFull(notify=False)),
        "/_delete :3 full notify=off",
    ),
    (c.APIDeleteChat(chat_ref=ALICE, chat_delete_mode=t.ChatDeleteModeFull(notify=True)), "/_delete @4 full notify=on"),
    (
        c.APIDeleteChat(chat_ref=TEAM, chat_delete_mode=t.ChatDeleteModeEntity(notify=False)),
        "/_delete #1 entity notify=off",
    ),
    (c.APIDeleteChat(chat_ref=ALICE, chat_delete_mode=t.ChatDeleteModeMessages()), "/_delete @4 messages"),
    (c.APISetGroupCustomData(group_id=1), "/_set custom #1"),
    (c.APISetGroupCustomData(group_id=1, custom_data={"a": [1]}), '/_set custom #1 {"a":[1]}'),
    (c.APISetContactCustomData(contact_id=4, custom_data={}), "/_set custom @4 {}"),
    (c.APISetUserAutoAcceptMemberContacts(user_id=1, on_off=True), "/_set accept member contacts 1 on"),
    (c.APIContactInfo(contact_id=4), "/_info @4"),
    (c.APISetContactAlias(contact_id=4, local_alias="my friend"), "/_set alias @4 my friend"),
    (c.APISetContactAlias(contact_id=4), "/_set alias @4"),
    (c.APIGetContactCode(contact_id=4), "/_get code @4"),
    (c.ShowActiveUser(), "/user"),
    (
        c.CreateActiveUser(new_user=t.NewUser(profile=t.Profile(display_name="bob"))),
        '/_create user {"profile":{"displayName":"bob","fullName":""},"pastTimestamp":false}',
    ),
    (c.ListUsers(), "/users"),
    (c.APISetActiveUser(user_id=2), "/_user 2"),
    (c.APISetActiveUser(user_id=2, view_pwd='p"w'), '/_user 2 "p\\"w"'),
    (c.APIDeleteUser(user_id=2, del_smp_queues=False), "/_delete user 2 del_smp=off"),
    (c.APIDeleteUser(user_id=2, del_smp_queues=True, view_pwd="pw"), '/_delete user 2 del_smp=on "pw"'),
    (
        c.APIUpdateProfile(user_id=1, profile=t.Profile(display_name="a", full_name="b", peer_type=t.ChatPeerType.BOT)),
        '/_profile 1 {"displayName":"a","fullName":"b","peerType":"bot"}',
    ),
    (
        c.APISetContactPrefs(
            contact_id=4, preferences=t.Preferences(voice=t.SimplePreference(allow=t.FeatureAllowed.NO))
        ),
        '/_set prefs @4 {"voice":{"allow":"no"}}',
    ),
    (c.APIHideUser(user_id=2, view_pwd="pw"), '/_hide user 2 "pw"'),
    (c.APIUnhideUser(user_id=2, view_pwd="pw"), '/_unhide user 2 "pw"'),
    (c.StartChat(), "/_start"),
    (c.StartChat(main_app=False, enable_snd_files=True), "/_start main=off snd_files=on"),
    (c.APIStopChat(), "/_stop"),
    (c.CheckChatRunning(), "/_check running"),
    (c.ShowVersion(), "/version"),
    (c.APIGetServerOperators(), "/_operators"),
    (c.GetUserProtoServers(), "/smp"),
    (c.APIGetNetworkStatuses(), "/_network_statuses"),
    (c.APIGetAppSettings(), "/_get app settings"),
    (c.APIGetAppSettings(app_settings={}), "/_get app settings {}"),
]


@pytest.mark.parametrize("case", STRINGS, ids=lambda case: f"{case[0].documented_name}")
def test_command_strings(case: tuple[Any, ...]) -> None:
    command, older, newer = case[0], case[1], case[-1]
    assert command.command_string() == older
    assert command.command_string("7.0.2") == newer
    if command.only != "7.0.2":
        assert command.command_string("6.4.5.1") == older
    # What the templates make of the string is the same command.
    assert command.command_string() in [other.command_string() for other in command_reading.read(older)]


def test_the_strings_above_are_of_all_commands() -> None:
    assert {type(case[0]).__name__ for case in STRINGS} == set(c.__all__) - {"Command"}


def test_the_facts_of_commands() -> None:
    documented, measured = schema_files()
    for specification in [*documented["commands"], *measured["commands"]]:
        kind = getattr(c, specification["name"])
        assert kind.network == specification["network"]
        assert kind.category == specification["category"]
        assert kind.errors == tuple(specification["errors"])
        assert kind.repeatable or not kind.only_reads
    assert c.APIListContacts.only_reads
    assert not c.APISendMessages.repeatable
    assert c.APISendMessages.method_name == "api_send_messages"
    assert c.APINewPublicGroup.only == "7.0.2"


def test_the_query_for_chats_may_be_left_out() -> None:
    chats = c.APIGetChats(user_id=1, pagination=t.PaginationByTimeLast(count=9))
    assert chats.command_string() == chats.command_string("6.4.5") == "/_get chats 1 count=9"
    assert chats.command_string("7.0.2") == '/_get chats 1 count=9 {"type":"filters","favorite":false,"unread":false}'
