"""A database filled from an export, its phantoms, and what is reported of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simplex_sync.simulator.__main__ import main
from simplex_sync.simulator.filling import NotAnExport, fill
from simplex_sync.simulator.rehearsal import report
from tests.simulator.circles import Circle
from tests.simulator.worlds import Peer, World

Json = dict[str, Any]


def export(peer: Peer, folder: Path) -> Path:
    """Write what a simulator holds of its first user, as `export_everything.py` does."""
    inside = folder / "profile-1"
    (inside / "chats").mkdir(parents=True)

    def write(path: Path, records: list[Json]) -> None:
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")

    user = peer.do("/user", "activeUser")["user"]
    contacts = peer.do("/_contacts 1", "contactsList")["contacts"]
    groups = [each["groupInfo"] for each in peer.do("/_groups1", "groupsList")["groups"]]
    members = [peer.do(f"/_members #{each['groupId']}", "groupMembers")["group"]["members"] for each in groups]
    write(folder / "profiles.jsonl", [user])
    write(inside / "contacts.jsonl", contacts)
    write(inside / "groups.jsonl", groups)
    write(inside / "members.jsonl", [member for each in members for member in each])
    for kind, chats in (("contact", contacts), ("group", groups)):
        for chat in chats:
            number = chat[f"{kind}Id"]
            found = peer.do(f"/_get chat {'@' if kind == 'contact' else '#'}{number} count=1000", "apiChat")
            write(inside / "chats" / f"{kind}-{number}.jsonl", found["chat"]["chatItems"])
    manifest = {
        "format": "simplex_sync export",
        "version": 1,
        "madeAt": "2026-01-31T12:00:00Z",
        "cliVersion": "6.4.5.1",
        "activeUser": 1,
        "counts": {"profiles": 1},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def change(folder: Path, name: str, how: Callable[[list[Json]], list[Json]]) -> None:
    path = folder / "profile-1" / name
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(record) + "\n" for record in how(records)), "utf-8")


def with_files(manifest: str, name: str) -> str:
    return json.dumps({**json.loads(manifest), "files": {name: {"sha256": "0" * 64}}})


def filled(world: World, folder: Path, name: str = "copy") -> Peer:
    """Fill a database from an export, and start a simulator on it."""
    files = world.folder / f"{name}_files"
    files.mkdir()
    fill(world.folder / name, "", folder, files)
    return world.peer(name, user=False, files_folder=files)


def statuses(peer: Peer) -> list[str]:
    return [
        item["chatItem"]["meta"]["itemStatus"]["type"]
        for event in peer.events
        if event["type"] == "chatItemsStatusesUpdated"
        for item in event["chatItems"]
    ]


def test_what_is_sent_to_a_phantom_is_sent_and_received_and_goes_nowhere(world: World, tmp_path: Path) -> None:
    alice, bob = world.connected()
    alice.send("@4", "hello")
    world.settle()
    copy = filled(world, export(alice, tmp_path / "export"))
    bob.take()
    assert copy.texts("@4") == ["hello"]
    copy.take()
    copy.send("@4", "again")
    world.settle()
    assert statuses(copy) == ["sndSent", "sndRcvd"]
    assert bob.texts("@4") == ["hello"]
    assert bob.take() == []
    assert not list((tmp_path / "network" / "nodes" / "phantom").glob("*"))
    assert report(tmp_path / "copy", "")["messages"] == {
        "sent": 1,
        "received": 1,
        "notSent": 0,
        "to": {"@bob": 1},
        "edited": 0,
        "deleted": 0,
    }


def test_new_items_have_numbers_that_nothing_had_before(world: World, tmp_path: Path) -> None:
    alice, _ = world.connected()
    last = alice.send("@4", "hello")["chatItems"][0]["chatItem"]["meta"]["itemId"]
    copy = filled(world, export(alice, tmp_path / "export"))
    assert copy.send("@4", "again")["chatItems"][0]["chatItem"]["meta"]["itemId"] == last + 1
    group = copy.do('/_group 1 {"displayName": "bob", "fullName": ""}', "groupCreated")["groupInfo"]
    assert group["localDisplayName"] == "bob_1"  # the name of the contact is taken


def test_members_of_large_groups_send_no_receipts(world: World, tmp_path: Path) -> None:
    circle = Circle(world, "alice", "bob")
    circle.host.send("#1", "hello")
    world.settle()
    folder = export(circle.host, tmp_path / "export")
    small = filled(world, folder, "small")
    small.send("#1", "again")
    world.settle()
    assert statuses(small)[-1] == "sndRcvd"

    def many(members: list[Json]) -> list[Json]:
        [member] = members
        more = [
            {
                **member,
                "groupMemberId": 100 + number,
                "memberId": f"member{number}",
                "localDisplayName": f"bob{number}",
                "memberProfile": {**member["memberProfile"], "profileId": 100 + number},
                "activeConn": None,
            }
            for number in range(20)
        ]
        return [member, *more]

    change(folder, "members.jsonl", many)
    large = filled(world, folder, "large")
    large.send("#1", "again")
    world.settle()
    assert set(statuses(large)) == {"sndSent"}
    assert len(large.do("/_members #1", "groupMembers")["group"]["members"]) == 21


def test_the_message_of_one_who_is_no_member_any_more_keeps_its_sender(world: World, tmp_path: Path) -> None:
    circle = Circle(world, "alice", "bob")
    circle.peers[1].send("#1", "from bob")
    world.settle()
    folder = export(circle.host, tmp_path / "export")
    change(folder, "members.jsonl", lambda members: [])
    copy = filled(world, folder)
    [item] = [
        each
        for each in copy.do("/_get chat #1 count=100", "apiChat")["chat"]["chatItems"]
        if each["meta"]["itemText"] == "from bob"
    ]
    assert item["chatDir"]["groupMember"]["localDisplayName"] == "bob"


def test_the_forms_of_7_are_understood(world: World, tmp_path: Path) -> None:
    alice, _ = world.connected()
    folder = export(alice, tmp_path / "export")

    def modern(contacts: list[Json]) -> list[Json]:
        [bob] = contacts
        return [{**bob, "activeConn": {**bob["activeConn"], "connStatus": {"type": "sndReady"}}}]

    change(folder, "contacts.jsonl", modern)
    copy = filled(world, folder)
    [bob] = copy.do("/_contacts 1", "contactsList")["contacts"]
    assert bob["activeConn"]["connStatus"] == "snd-ready"
    copy.send("@4", "hello")


def test_commands_that_fail_are_kept_without_their_arguments(world: World, tmp_path: Path) -> None:
    alice, _ = world.connected()
    copy = filled(world, export(alice, tmp_path / "export"))
    assert copy.fails("/_members #77") == "errorStore.groupNotFound"
    copy.world.faults(unreachable=True)
    assert copy.fails("/_address 1") == "errorAgent.BROKER.NETWORK.connectError"
    assert alice.fails("/_members #77") == "errorStore.groupNotFound"  # no rehearsal: nothing is kept
    assert alice.sim.store.find("refusals") == []
    assert report(tmp_path / "copy", "")["errors"] == [
        {"command": "list members", "error": "errorStore.groupNotFound", "times": 1},
        {"command": "create my address", "error": "errorAgent.BROKER.NETWORK.connectError", "times": 1},
    ]


def test_what_cannot_be_read_makes_no_database(world: World, tmp_path: Path) -> None:
    alice, _ = world.connected()
    folder = export(alice, tmp_path / "export")
    contacts = folder / "profile-1" / "contacts.jsonl"
    manifest = (folder / "manifest.json").read_text("utf-8")
    for path, content, complaint in (
        (contacts, "{\n", "contacts.jsonl, line 1: no JSON"),
        (contacts, "3\n", "no JSON object"),
        (contacts, '{"contactId": 4}\n', "not what the CLI writes"),
        (folder / "profiles.jsonl", "{}\n", "not what the CLI writes"),
        (folder / "manifest.json", manifest.replace("simplex_sync export", "another"), "no export of"),
        (folder / "manifest.json", manifest.replace('"version": 1', '"version": 9'), "of version 9"),
        (folder / "manifest.json", "[]", "no export of"),
        (
            folder / "manifest.json",
            with_files(manifest, "profiles.jsonl"),
            "profiles.jsonl: not what the manifest says",
        ),
        (folder / "manifest.json", with_files(manifest, "missing.jsonl"), "missing.jsonl: No such file"),
        (folder / "manifest.json", with_files(manifest, "../alice_chat.db"), "outside of the export"),
        (folder / "manifest.json", "{", "no manifest"),
    ):
        before = path.read_text("utf-8")
        path.write_text(content, "utf-8")
        with pytest.raises(NotAnExport, match=complaint):
            fill(tmp_path / "copy", "", folder, tmp_path)
        path.write_text(before, "utf-8")
        assert not list(tmp_path.glob("copy*"))
    fill(tmp_path / "copy", "", folder, tmp_path)
    with pytest.raises(FileExistsError):
        fill(tmp_path / "copy", "", folder, tmp_path)
    with pytest.raises(FileNotFoundError):
        report(tmp_path / "alice", "")


def test_files_are_taken_from_the_export_alone(world: World, tmp_path: Path) -> None:
    alice, bob = world.connected()
    path = tmp_path / "plan.txt"
    path.write_text("the plan", "utf-8")
    message = {"msgContent": {"type": "file", "text": ""}, "fileSource": {"filePath": str(path)}, "mentions": {}}
    alice.do(f"/_send @4 json {json.dumps([message])}", "newChatItems")
    world.settle()
    folder = export(alice, tmp_path / "export")
    chat = folder / "profile-1" / "chats" / "contact-4.jsonl"
    [item] = [json.loads(line) for line in chat.read_text("utf-8").splitlines() if "plan.txt" in line]
    attached = folder / "profile-1" / "attachments" / "contact-4.jsonl"
    attached.parent.mkdir()
    for stolen in ("../alice_chat.db", str(tmp_path / "alice_chat.db")):
        attached.write_text(json.dumps({"itemId": item["meta"]["itemId"], "path": stolen}) + "\n", "utf-8")
        with pytest.raises(NotAnExport, match="outside of the export"):
            fill(tmp_path / "copy", "", folder, tmp_path)
    copied = folder / "profile-1" / "files" / "1-plan.txt"
    copied.parent.mkdir()
    copied.write_text("the plan", "utf-8")
    about = {"itemId": item["meta"]["itemId"], "path": "profile-1/files/1-plan.txt"}
    attached.write_text(json.dumps(about) + "\n", "utf-8")
    copy = filled(world, folder)
    assert (tmp_path / "copy_files" / "1-plan.txt").read_text("utf-8") == "the plan"
    [item] = [
        each
        for each in copy.do("/_get chat @4 count=100", "apiChat")["chat"]["chatItems"]
        if each.get("file") is not None
    ]
    assert item["file"]["fileSource"]["filePath"] == "1-plan.txt"
    assert bob.take()


def test_the_program_fills_and_reports(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    alice, _ = world.connected()
    folder, database = export(alice, tmp_path / "export"), str(tmp_path / "copy")
    main(["-d", database, "--files-folder", str(tmp_path), "--fill", str(folder)])
    assert json.loads(capfd.readouterr().out) == {"profiles": 1}
    main(["-d", database, "--report"])
    assert json.loads(capfd.readouterr().out)["messages"]["sent"] == 0
    for arguments, complaint in (
        (["--fill", str(folder), "--files-folder", str(tmp_path)], "a database already"),
        (["--fill", str(folder)], "--files-folder"),
        (["--fill", str(tmp_path), "--files-folder", str(tmp_path), "-d", str(tmp_path / "new")], "no manifest"),
        (["--report", "-d", str(tmp_path / "new")], "no database that was filled"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["-d", database, *arguments])
        assert ended.value.code == 1
        assert complaint in capfd.readouterr().err


def test_everything_that_is_done_is_reported(world: World, tmp_path: Path) -> None:
    circle = Circle(world, "alice", "bob", "carol", "dave")
    first, second = (item["chatItem"] for item in circle.host.send("#1", "first", "second")["chatItems"])
    world.settle()
    folder = export(circle.host, tmp_path / "export")
    copy = filled(world, folder)
    ids = {name: circle.id_of(copy, name) for name in ("bob", "carol", "dave")}
    copy.do(f"/_member role #1 {ids['bob']} moderator", "membersRoleUser")
    copy.do(f"/_remove #1 {ids['carol']}", "userDeletedMembers")
    copy.do('/_group_profile #1 {"displayName": "square", "fullName": ""}', "groupUpdated")
    content = {"msgContent": {"type": "text", "text": "changed"}, "mentions": {}}
    copy.do(f"/_update item #1 {first['meta']['itemId']} json {json.dumps(content)}", "chatItemUpdated")
    copy.do(f"/_delete item #1 {second['meta']['itemId']} internal", "chatItemsDeleted")
    path = tmp_path / "plan.txt"
    path.write_text("the plan", "utf-8")
    message = {"msgContent": {"type": "file", "text": ""}, "fileSource": {"filePath": str(path)}, "mentions": {}}
    copy.do(f"/_send #1 json {json.dumps([message])}", "newChatItems")
    copy.do('/_group 1 {"displayName": "new", "fullName": ""}', "groupCreated")
    copy.do("/_create link #2 member", "groupLinkCreated")
    world.settle()
    found = report(tmp_path / "copy", "")
    assert found["messages"] == {
        "sent": 1,
        "received": 1,
        "notSent": 0,
        "to": {"#square": 1},
        "edited": 1,
        "deleted": 1,
    }
    assert sorted((each["member"], each["change"], each["role"], each.get("was")) for each in found["members"]) == [
        ("bob", "role", "moderator", "member"),
        ("carol", "removed", "member", None),
    ]
    assert found["groups"] == {"made": ["new"], "changed": ["square"], "deleted": []}
    assert [(file["name"], file["bytes"], file["to"]) for file in found["files"]] == [("plan.txt", 8, "#square")]
    assert found["links"] == 1

    copy.do("/_leave #1", "leftMemberUser")
    copy.do("/_delete #1", "groupDeletedUser")
    gone = report(tmp_path / "copy", "")
    assert gone["groups"] == {"made": ["new"], "changed": [], "deleted": ["circle"]}
    assert gone["members"] == []
    assert gone["messages"]["deleted"] == 0  # they went with the group


def test_an_incognito_membership_stays_incognito(world: World, tmp_path: Path) -> None:
    circle = Circle(world, "alice", "bob")
    folder = export(circle.host, tmp_path / "export")

    def incognito(groups: list[Json]) -> list[Json]:
        [group] = groups
        profile = {**group["membership"]["memberProfile"], "profileId": 77, "displayName": "Nobody"}
        own = {**group["membership"], "memberProfile": profile, "memberContactProfileId": 77}
        return [{**group, "membership": {**own, "localDisplayName": "Nobody"}}]

    def hidden(members: list[Json]) -> list[Json]:
        [bob] = members
        return [{**bob, "activeConn": {**bob["activeConn"], "customUserProfileId": 78}}]

    change(folder, "groups.jsonl", incognito)
    change(folder, "members.jsonl", hidden)
    copy = filled(world, folder)
    [group] = copy.do("/_groups1", "groupsList")["groups"]
    assert group["groupInfo"]["membership"]["memberProfile"]["displayName"] == "Nobody"
    copy.send("#1", "hello")
    world.settle()
    assert statuses(copy)[-1] == "sndRcvd"


def test_notes_and_profiles_without_chats_are_there(world: World, tmp_path: Path) -> None:
    alice, _ = world.connected()
    folder = export(alice, tmp_path / "export")
    note = {**alice.send("@4", "remember")["chatItems"][0]["chatItem"], "chatDir": {"type": "localSnd"}}
    notes = folder / "profile-1" / "chats" / "notes-1.jsonl"
    notes.write_text(json.dumps(note) + "\n", "utf-8")
    [user] = [json.loads(line) for line in (folder / "profiles.jsonl").read_text("utf-8").splitlines()]
    password = {"viewPwdHash": {"hash": "aGFzaA==", "salt": "c2FsdA=="}}
    hidden = {**user, **password, "userId": 2, "userContactId": 90, "localDisplayName": "hidden", "activeUser": False}
    hidden["profile"] = {**user["profile"], "profileId": 90, "displayName": "hidden"}
    (folder / "profiles.jsonl").write_text(f"{json.dumps(user)}\n{json.dumps(hidden)}\n", "utf-8")
    copy = filled(world, folder)
    assert copy.texts("*1") == ["remember"]
    assert copy.fails("/_user 2") == "error.userUnknown"  # without the password
