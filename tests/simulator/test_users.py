"""User profiles."""

from __future__ import annotations

import json

import pytest

from tests.simulator.worlds import World


def profile(name: str, **more: object) -> str:
    return json.dumps({"displayName": name, "fullName": "", **more})


def create(name: str) -> str:
    return f'/_create user {{"profile": {profile(name)}, "pastTimestamp": false}}'


def test_profiles_are_made_and_chosen(world: World) -> None:
    alice = world.peer("alice")
    made = alice.do(create("bob"), "activeUser")["user"]
    assert made["userId"] == 2
    assert alice.do("/user", "activeUser")["user"] == made
    assert alice.do("/_user 1", "activeUser")["user"]["localDisplayName"] == "alice"
    users = alice.do("/users", "usersList")["users"]
    assert [entry["user"]["activeUser"] for entry in users] == [True, False]
    assert alice.fails(create("bob")) == "error.userExists"
    assert alice.fails(create("#")) == "error.invalidDisplayName"
    assert alice.fails("/_user 9") == "error.userUnknown"
    random = alice.do('/_create user {"profile": null, "pastTimestamp": false}', "activeUser")["user"]
    assert random["localDisplayName"].startswith("user")


def test_hidden_profiles_need_their_password(world: World) -> None:
    alice = world.peer("alice")
    assert alice.fails('/_hide user 1 "pw"') == "error.cantHideLastUser"
    alice.do(create("bob"), "activeUser")
    alice.do("/_user 1", "activeUser")
    assert alice.fails('/_hide user 2 ""') == "error.emptyUserPassword"
    hidden = alice.do('/_hide user 2 "pw"', "userPrivacy")["updatedUser"]
    assert hidden["showNtfs"] is False
    assert "pw" not in json.dumps(hidden)
    assert alice.fails('/_hide user 2 "pw"') == "error.userAlreadyHidden"
    assert alice.fails("/_user 2") == "error.userUnknown"
    assert alice.fails('/_user 2 "wrong"') == "error.userUnknown"
    alice.do('/_user 2 "pw"', "activeUser")
    assert alice.fails('/_unhide user 2 "wrong"') == "error.userUnknown"
    assert "viewPwdHash" not in alice.do('/_unhide user 2 "pw"', "userPrivacy")["updatedUser"]
    assert alice.fails('/_unhide user 2 "pw"') == "error.userNotHidden"


def test_deleted_profiles_take_everything_with_them(world: World) -> None:
    alice, bob = world.connected()
    alice.do("/_address 1", "userContactLinkCreated")
    link = alice.do("/_show_address 1", "userContactLink")["contactLink"]["connLinkContact"]["connFullLink"]
    alice.do(create("second"), "activeUser")
    alice.do("/_user 1", "activeUser")
    assert alice.fails("/_delete user 1 del_smp=on") == "error.cantDeleteActiveUser"
    alice.do("/_delete user 2 del_smp=on", "cmdOk")
    assert alice.take() == ["agentUserDeleted"]
    alice.do("/_delete user 1 del_smp=off", "cmdOk")
    assert alice.fails("/user") == "error.noActiveUser"
    assert bob.fails(f"/_connect plan 1 {link}") == "errorAgent.SMP.AUTH"
    again = alice.do(create("again"), "activeUser")["user"]
    assert (again["userId"], again["agentUserId"]) == (1, "3")
    assert alice.do("/_contacts 1", "contactsList")["contacts"] == []


def test_contacts_learn_of_a_changed_profile(world: World) -> None:
    alice, bob = world.connected()
    changed = alice.do(f"/_profile 1 {profile('alicia', shortDescr='new', image='data:')}", "userProfileUpdated")
    assert changed["updateSummary"] == {"updateSuccesses": 1, "updateFailures": 0, "changedContacts": []}
    world.settle()
    assert bob.take() == ["newChatItems", "contactUpdated"]
    contact = bob.do("/_contacts 1", "contactsList")["contacts"][0]
    assert contact["profile"]["displayName"] == "alicia"
    assert contact["localDisplayName"] == "alice"
    assert alice.do(f"/_profile 1 {profile('alicia', shortDescr='new', image='data:')}", "userProfileNoChange")
    no_calls = {"preferences": {"calls": {"allow": "no"}}}
    changed = alice.do(
        f"/_profile 1 {profile('alicia', shortDescr='new', image='data:', **no_calls)}", "userProfileUpdated"
    )
    assert len(changed["updateSummary"]["changedContacts"]) == 1
    world.settle()
    assert bob.events[0]["chatItems"][0]["chatItem"]["meta"]["itemText"] == "Audio/video calls: off"


@pytest.mark.parametrize("name", ["bob", "SimpleX Status", "second"])
def test_a_name_that_is_taken(world: World, name: str) -> None:
    alice, _ = world.connected()
    alice.do(create("second"), "activeUser")
    alice.do("/_user 1", "activeUser")
    assert alice.fails(f"/_profile 1 {profile(name)}") == "errorStore.duplicateName"
    assert alice.fails(f"/_profile 1 {profile('@no')}") == "error.invalidDisplayName"


def test_another_users_command(world: World) -> None:
    alice = world.peer("alice")
    failure = alice.do("/_contacts 99", "chatCmdError")["chatError"]["errorType"]
    assert failure == {"type": "differentActiveUser", "commandUserId": 99, "activeUserId": 1}


def test_users_of_one_process_talk_to_each_other(world: World) -> None:
    alice = world.peer("alice")
    link = alice.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
    alice.do(create("bob"), "activeUser")
    alice.do(f"/_connect 2 {link}", "sentConfirmation")
    world.settle()
    contact = alice.do("/_contacts 2", "contactsList")["contacts"][0]
    alice.send(f"@{contact['contactId']}", "to myself, in a way")
    world.settle()
    alice.do("/_user 1", "activeUser")
    mine = alice.do("/_contacts 1", "contactsList")["contacts"][0]
    assert alice.texts(f"@{mine['contactId']}") == ["to myself, in a way"]
