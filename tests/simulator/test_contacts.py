"""Contacts: shown, set up and deleted."""

from __future__ import annotations

from tests.simulator.worlds import World


def test_about_a_contact(world: World) -> None:
    alice, bob = world.connected()
    assert alice.do("/_info @4", "contactInfo")["connectionStats_"]["ratchetSyncState"] == "ok"
    assert "connectionStats_" not in alice.do("/_info @2", "contactInfo")
    code = alice.do("/_get code @4", "contactCode")["connectionCode"]
    assert code == bob.do("/_get code @4", "contactCode")["connectionCode"]
    assert len(code.replace(" ", "")) == 77
    assert alice.fails("/_get code @2") == "error.contactNotReady"
    assert alice.fails("/_info @99") == "errorStore.contactNotFound"
    assert (
        alice.do("/_network_statuses", "networkStatuses")["networkStatuses"][0]["networkStatus"]["type"] == "connected"
    )


def test_aliases(world: World) -> None:
    alice, _ = world.connected()
    named = alice.do("/_set alias @4 my friend", "contactAliasUpdated")["toContact"]
    assert named["profile"]["localAlias"] == "my friend"
    assert alice.do("/_set alias @4", "contactAliasUpdated")["toContact"]["profile"]["localAlias"] == ""


def test_custom_data_of_7(world: World) -> None:
    alice, _ = world.connected(version="7.0")
    alice.do('/_group 1 {"displayName": "team", "fullName": ""}', "groupCreated")
    for chat, info, key in (("@4", "contactInfo", "contact"), ("#1", "groupInfo", "groupInfo")):
        alice.do(f'/_set custom {chat} {{"a": 1}}', "cmdOk")
        assert alice.do(f"/_info {chat}", info)[key]["customData"] == {"a": 1}
        alice.do(f"/_set custom {chat}", "cmdOk")
        assert "customData" not in alice.do(f"/_info {chat}", info)[key]
    assert alice.fails("/_set custom @99") == "errorStore.contactNotFound"
    assert alice.fails("/_set custom #99") == "errorStore.groupNotFound"
    assert alice.fails("/_get relays #1") == "error.commandError"


def test_preferences_for_a_contact(world: World) -> None:
    alice, bob = world.connected()
    settings = '{"voice": {"allow": "no"}, "timedMessages": {"allow": "yes", "ttl": 86400}}'
    changed = alice.do(f"/_set prefs @4 {settings}", "contactPrefsUpdated")
    assert changed["fromContact"]["userPreferences"] == {}
    assert changed["toContact"]["userPreferences"]["voice"] == {"allow": "no"}
    texts = [item["chatItem"]["meta"]["itemText"] for item in alice.last("newChatItems")["chatItems"]]
    assert texts == ["Disappearing messages: enabled (1 day)", "Voice messages: off"]
    world.settle()
    assert bob.take() == ["newChatItems", "contactUpdated"]
    sent = alice.send("@4", "for a day")["chatItems"][0]["chatItem"]
    assert sent["meta"]["itemTimed"]["ttl"] == 86400
    alice.take()
    alice.do(f"/_set prefs @4 {settings}", "contactPrefsUpdated")
    world.settle()
    assert bob.take() == ["newChatItems"]  # the message; the same preferences again are no news
    assert alice.fails("/_set prefs @99 {}") == "errorStore.contactNotFound"


def test_deleting_messages_leaves_the_contact(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", "one")
    world.settle()
    assert alice.do("/_delete @4 messages", "contactDeleted")["contact"]["chatDeleted"] is True
    assert alice.do("/_get chat @4 count=9", "apiChat")["chat"]["chatItems"] == []
    bob.send("@4", "two")
    world.settle()
    assert alice.do("/_info @4", "contactInfo")["contact"]["chatDeleted"] is False
    assert alice.texts("@4") == ["two"]


def test_deleting_with_notice(world: World) -> None:
    alice, bob = world.connected()
    bob.do("/_delete @4 full notify=on", "contactDeleted")
    world.settle()
    assert bob.take() == ["chatError", "agentRcvQueuesDeleted", "agentConnsDeleted"]
    assert alice.take() == [
        "newChatItems",
        "contactDeletedByContact",
        "chatError",
        "agentRcvQueuesDeleted",
        "agentConnsDeleted",
    ]
    assert alice.do("/_info @4", "contactInfo")["contact"]["contactStatus"] == "deleted"
    text = '/_send @4 json [{"msgContent": {"type": "text", "text": "?"}}]'
    assert alice.fails(text).startswith("error.contactNotReady")
    assert bob.fails("/_delete @4 full") == "errorStore.contactNotFound"
    alice.do("/_delete @4", "contactDeleted")
    assert alice.take() == ["agentRcvQueuesDeleted", "agentConnsDeleted"]
    alice.do("/_delete @3 full", "contactDeleted")  # a contact without a connection
    assert alice.take() == []


def test_deleting_the_connection_only(world: World) -> None:
    alice, _ = world.connected()
    kept = alice.do("/_delete @4 entity notify=off", "contactDeleted")["contact"]
    assert kept["contactStatus"] == "deletedByUser"
    assert "activeConn" not in kept
    assert alice.do("/_contacts 1", "contactsList")["contacts"] == []
    assert alice.texts("@4") == []


def test_deleting_an_incognito_contact(world: World) -> None:
    alice, bob = world.peer("alice"), world.peer("bob")
    link = alice.do("/_connect 1 incognito=on", "invitation")["connLinkInvitation"]["connFullLink"]
    bob.do(f"/connect {link}", "sentConfirmation")
    world.settle()
    contact = alice.do("/_contacts 1", "contactsList")["contacts"][0]
    profiles = alice.sim.store.number("profiles", "count(*)", "1")
    alice.do(f"/_delete @{contact['contactId']} full notify=off", "contactDeleted")
    assert alice.sim.store.number("profiles", "count(*)", "1") == profiles - 2


def test_settings_of_the_program(world: World) -> None:
    alice = world.peer("alice", smp_servers=("smp://a=@b",))
    assert alice.do("/version", "versionInfo")["versionInfo"]["version"] == "6.4.5.1"
    assert alice.do("/smp", "userServers")["userServers"][0]["smpServers"][0]["server"] == "smp://a=@b"
    assert alice.do("/xftp", "userServers")["userServers"][0]["xftpServers"]
    first = alice.do("/_operators", "serverOperatorConditions")
    assert alice.do("/_operators", "serverOperatorConditions") == first
    assert alice.do('/_get app settings {"oneHandUI": false}', "appSettings")["appSettings"]["oneHandUI"] is False
    assert alice.do("/_get app settings", "appSettings")["appSettings"]["oneHandUI"] is True
    assert alice.do("/_start", "chatRunning") == alice.do("/_check running", "chatRunning")
    on = alice.do("/_set accept member contacts 1 on", "cmdOk")["user_"]
    assert on["autoAcceptMemberContacts"] is True
