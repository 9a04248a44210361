"""The forms of 7.x: every record has the fields that the documents of 7.x require."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simplex_sync.simulator.arguments import schema
from simplex_sync.simulator.versions import seven
from tests.simulator.worlds import Peer, World

Json = dict[str, Any]

# Where the wire differs from the documents of either version; see the facts about the CLI.
KNOWN = {("User", "agentUserId")}


def complaints(value: Any, kind: str, path: str) -> list[str]:
    """Return where a value is not of a type of 7.x."""
    if kind.endswith("?"):
        return [] if value is None else complaints(value, kind[:-1], path)
    if kind.startswith("["):
        return [text for item in value for text in complaints(item, kind[1:-1], path + "[]")]
    if kind.startswith("{"):
        inner = kind[1:-1].split(":", 1)[1]
        return [text for item in value.values() for text in complaints(item, inner, path + "{}")]
    simple = {"string": str, "UTCTime": str, "bool": bool, "int": int, "int64": int, "word32": int, "JSONObject": dict}
    if kind in simple:
        return [] if isinstance(value, simple[kind]) else [f"{path} is no {kind}"]
    if kind == "double":
        return []
    about = schema()["types"][kind]
    about = about.get("kind_7.0.2", about)
    if about["kind"] == "enum":
        return [] if isinstance(value, str) else [f"{path} is no {kind}"]
    if not isinstance(value, dict):
        return [f"{path} is no {kind}"]
    fields = about.get("fields", [])
    if about["kind"] == "union":
        fields = next((variant["fields"] for variant in about["variants"] if variant["tag"] == value["type"]), [])
    return of_fields(value, fields, kind, path)


def of_fields(value: Json, fields: list[Json], owner: str, path: str) -> list[str]:
    found = []
    for field in fields:
        key, kind = field["name"], field["type"]
        if field.get("only") == "6.4.5":
            if key in value:
                found.append(f"{path}.{key} is of 6.4 only")
        elif key in value:
            if (owner, key) not in KNOWN:
                found += complaints(value[key], kind, f"{path}.{key}")
        elif not kind.endswith("?"):
            found.append(f"{path}.{key} is missing")
    return found


def check(message: Json) -> None:
    about = schema()["responses"].get(message["type"]) or schema()["events"].get(message["type"])
    if about is not None:
        assert of_fields(message, about["fields"], "", message["type"]) == []


def group_with(world: World, alice: Peer, bob: Peer) -> None:
    check(alice.do('/_group 1 {"displayName": "team", "fullName": ""}', "groupCreated"))
    check(alice.do("/_add #1 4 member", "sentGroupInvitation"))
    world.settle()
    check(bob.do("/_join #1", "userAcceptedGroupSent"))
    world.settle()
    check(bob.do("/_groups 1", "groupsList"))
    check(alice.do("/_members #1", "groupMembers"))


def test_a_whole_conversation(world: World) -> None:
    alice, bob = world.peer("alice", bot=True, version="7.0"), world.peer("bob", version="7.0")
    link = alice.do("/_address 1", "userContactLinkCreated")["connLinkContact"]["connShortLink"]
    check(bob.do(f"/_connect plan 1 {link}", "connectionPlan"))
    check(bob.do(f"/connect {link}", "sentInvitation"))
    world.settle()
    check(alice.do("/_accept 1", "acceptingContactRequest"))
    world.settle()
    check(alice.send("@4", "hello"))
    world.settle()
    check(alice.do("/_contacts 1", "contactsList"))
    check(bob.do("/_get chats 1 pcc=on count=9", "apiChats"))
    check(alice.do('/_profile 1 {"displayName": "alice", "fullName": "A"}', "userProfileUpdated"))
    group_with(world, alice, bob)
    world.settle()
    assert {"receivedContactRequest", "contactConnected", "newChatItems"} <= {event["type"] for event in alice.events}
    for event in [*alice.events, *bob.events]:
        check(event)


def test_statuses_are_objects(world: World) -> None:
    alice, _ = world.connected(version="7.0")
    shown = alice.do("/_info @4", "contactInfo")["contact"]["activeConn"]["connStatus"]  # an undocumented response
    assert shown == {"type": "ready"}
    assert alice.do("/_contacts 1", "contactsList")["contacts"][0]["activeConn"]["connStatus"] == {"type": "ready"}
    link = alice.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
    bob = world.peer("eve", version="7.0")
    joined = bob.do(f"/_connect 1 {link}", "sentConfirmation")["connection"]
    assert joined["pccConnStatus"] == {"type": "sndReady"}


def test_lists_of_groups_hold_groups(world: World) -> None:
    alice = world.peer("alice", version="7.0")
    alice.do('/_group 1 {"displayName": "team", "fullName": ""}', "groupCreated")
    (group,) = alice.do("/_groups 1", "groupsList")["groups"]
    assert group["groupSummary"] == {"currentMembers": 1}
    assert group["groupId"] == 1


@pytest.mark.parametrize("tag", ["accepted", "connected", "complete"])
def test_statuses_of_received_files(world: World, tag: str) -> None:
    sim = world.peer("alice", version="7.0").sim
    file = {"fileId": 1, "fileStatus": {"type": tag, "fileInfo": {"filePath": "x.bin"}}}
    changed = seven(sim, {"type": "rcvFileAcceptedSndCancelled", "user": {}, "rcvFileTransfer": file})
    assert changed["rcvFileTransfer"]["fileStatus"] == {"type": tag, "filePath": "x.bin"}
    file = {"fileId": 1, "fileStatus": {"type": "cancelled", "fileInfo_": {"filePath": "x.bin"}}}
    changed = seven(sim, {"type": "rcvFileAcceptedSndCancelled", "user": {}, "rcvFileTransfer": file})
    assert changed["rcvFileTransfer"]["fileStatus"] == {"type": "cancelled", "filePath_": "x.bin"}


def test_what_the_documents_do_not_know_stays_as_it_is(world: World) -> None:
    sim = world.peer("alice", version="7.0").sim
    message = {"type": "somethingNew", "contact": {"a": [1]}}
    assert json.dumps(seven(sim, message)) == json.dumps(message)


def test_subscriptions_are_told_in_the_form_of_7(world: World) -> None:
    alice, _ = world.connected(version="7.0")
    world.faults(unreachable=True)
    world.settle()
    assert alice.events[0]["subscriptionStatus"] == {"type": "pending"}
    world.faults()
    world.settle()
    assert alice.last("subscriptionStatus")["subscriptionStatus"] == {"type": "active"}
    alice.close()
    alice.open()
    alice.events.clear()
    alice.collect()
    assert alice.take() == ["subscriptionStatus"]
