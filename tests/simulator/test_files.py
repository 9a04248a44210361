"""Files: they really move, progress is told, and both sides can cancel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simplex_sync.simulator import files
from simplex_sync.simulator.file_transfers import chunk_sizes, cipher
from tests.simulator.worlds import Json, Peer, World


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UPLOAD_AFTER", 0.0)


def pair(world: World, *, folders: bool = True) -> tuple[Peer, Peer]:
    """Two contacts, each with a folder for files."""
    peers = []
    for name in ("alice", "bob"):
        home = world.folder / f"{name}-home"
        (home / "files").mkdir(parents=True)
        (home / "temp").mkdir()
        options: Json = {"files_folder": home / "files", "temp_folder": home / "temp"} if folders else {}
        peers.append(world.peer(name, **options))
    alice, bob = peers
    link = alice.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
    bob.do(f"/_connect 1 {link}", "sentConfirmation")
    world.settle()
    alice.take()
    bob.take()
    return alice, bob


def folder(peer: Peer) -> Path:
    found = peer.options.files_folder
    assert found is not None
    return found


def send(peer: Peer, path: str, chat: str = "@4", **source: object) -> Json:
    message = [{"fileSource": {"filePath": path, **source}, "msgContent": {"type": "file", "text": ""}, "mentions": {}}]
    answer = peer.do(f"/_send {chat} json {json.dumps(message)}", "newChatItems")
    found: Json = answer["chatItems"][0]["chatItem"]["file"]
    return found


def status(peer: Peer, file_id: int = 1) -> str:
    answer = peer.do(f"/fstatus {file_id}", "fileTransferStatusXFTP")
    return str(answer["data"][1]["chatItem"]["file"]["fileStatus"]["type"])


@pytest.mark.parametrize("size", [0, 1, 200, 150_000, 1_200_000])
@pytest.mark.parametrize("name", ["plain.bin", "größe и пробел.bin"])
def test_files_arrive_whole(world: World, size: int, name: str) -> None:
    alice, bob = pair(world)
    content = bytes(range(256)) * (size // 256 + 1)
    (folder(alice) / name).write_bytes(content[:size])
    assert send(alice, name)["fileSize"] == size
    world.settle()
    bob.do("/freceive 1 approved_relays=on", "rcvFileAccepted")
    world.settle()
    assert (folder(bob) / name).read_bytes() == content[:size]
    assert (status(alice), status(bob)) == ("sndComplete", "rcvComplete")
    assert list((world.folder / "bob-home" / "temp").iterdir()) == []


def test_progress_counts_whole_chunks(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "mid.bin").write_bytes(b"x" * 150_000)
    send(alice, "mid.bin")
    world.settle()
    sent = [(event["sentSize"], event["totalSize"]) for event in alice.events if "sentSize" in event]
    assert sent == [(65536, 196608), (131072, 196608), (196608, 196608), (1, 1)]
    assert "sndFileCompleteXFTP" in alice.take()
    assert bob.take() == ["newChatItems", "rcvFileDescrReady"]
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    received = [event["receivedSize"] for event in bob.events if "receivedSize" in event]
    assert received == [65536, 131072, 196608]
    assert bob.take() == ["rcvFileStart", *["rcvFileProgressXFTP"] * 3, "rcvFileComplete"]


@pytest.mark.parametrize(
    ("size", "chunks"),
    [
        (1, [65536]),
        (196_609, [262144]),
        (300_000, [262144, 65536]),
        (1_200_064, [1048576, 262144]),
        (3_000_064, [1048576] * 3),
        (10_000_000, [4194304, 4194304, 1048576, 1048576]),
    ],
)
def test_chunks_are_those_of_the_file_servers(size: int, chunks: list[int]) -> None:
    assert chunk_sizes(size) == chunks


def test_encrypted_files_are_other_bytes_with_a_key(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "enc.bin").write_bytes(b"private" * 100)
    send(alice, "enc.bin")
    world.settle()
    answer = bob.do("/freceive 1 encrypt=on", "rcvFileAccepted")
    crypto_args = answer["chatItem"]["chatItem"]["file"]["fileSource"]["cryptoArgs"]
    world.settle()
    stored = (folder(bob) / "enc.bin").read_bytes()
    assert b"private" not in stored
    assert cipher(stored, crypto_args) == b"private" * 100
    # It can be sent on as it is, with its key.
    send(bob, "enc.bin", cryptoArgs=crypto_args)
    world.settle()
    alice.do("/freceive 2", "rcvFileAccepted")
    world.settle()
    assert (folder(alice) / "enc_1.bin").read_bytes() == b"private" * 100


def test_paths_may_be_named(world: World) -> None:
    alice, bob = pair(world)
    for name in ("a.bin", "b.bin", "c.bin"):
        (folder(alice) / name).write_bytes(name.encode())
        send(alice, name)
    world.settle()
    other = world.folder / "other place"
    other.mkdir()
    bob.do(f"/freceive 1 encrypt=off inline=off {other / 'else where.bin'}", "rcvFileAccepted")
    bob.do(f"/freceive 2 {other}", "rcvFileAccepted")
    assert bob.fails(f"/freceive 3 {other / 'b.bin'}") == "error.fileAlreadyExists"
    assert bob.fails(f"/freceive 3 {other / 'missing' / 'c.bin'}") == "error.fileWrite"
    world.settle()
    assert (other / "else where.bin").read_bytes() == b"a.bin"
    assert (other / "b.bin").read_bytes() == b"b.bin"


def test_names_do_not_collide_nor_leave_the_folder(world: World) -> None:
    alice, bob = pair(world)
    outside = world.folder / "alice-home" / "same.bin"
    outside.write_bytes(b"1")
    (folder(alice) / "same.bin").write_bytes(b"2")
    assert send(alice, str(outside))["fileName"] == "same.bin"
    send(alice, "same.bin")
    world.settle()
    bob.do("/freceive 1", "rcvFileAccepted")
    bob.do("/freceive 2", "rcvFileAccepted")
    world.settle()
    assert {path.name: path.read_bytes() for path in folder(bob).iterdir()} == {"same.bin": b"1", "same_1.bin": b"2"}


def test_the_sender_cancels(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "no.bin").write_bytes(b"x" * 1000)
    alice_files = send(alice, "no.bin")
    answer = alice.do(f"/fcancel {alice_files['fileId']}", "sndFileCancelled")
    assert [transfer["recipientDisplayName"] for transfer in answer["sndFileTransfers"]] == ["bob"]
    alice.do("/fcancel 1", "sndFileCancelled")
    world.settle()
    assert bob.take() == ["newChatItems", "rcvFileSndCancelled"]
    assert bob.fails("/freceive 1") == "error.fileCancelled"
    assert (status(alice), status(bob)) == ("sndCancelled", "rcvCancelled")


def test_the_sender_cancels_what_was_accepted(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "no.bin").write_bytes(b"x" * 1000)
    send(alice, "no.bin")
    for peer in (alice, bob):  # the message comes, but nothing is uploaded yet
        peer.sim.network.drain_wake_ups()
    from simplex_sync.simulator import delivery

    delivery.hand_over(alice.sim)
    delivery.take_in(bob.sim)
    bob.do("/freceive 1", "rcvFileAccepted")
    assert (folder(bob) / "no.bin").exists()
    alice.do("/fcancel 1", "sndFileCancelled")
    world.settle()
    assert not (folder(bob) / "no.bin").exists()
    assert status(bob) == "rcvCancelled"


def test_the_receiver_cancels_and_changes_his_mind(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "late.bin").write_bytes(b"x" * 1000)
    send(alice, "late.bin")
    world.settle()
    bob.do("/freceive 1", "rcvFileAccepted")
    assert bob.fails("/freceive 1") == "error.fileAlreadyReceiving"
    for _ in range(2):
        bob.do("/fcancel 1", "rcvFileCancelled")
    assert list(folder(bob).iterdir()) == []
    world.settle()
    assert status(bob) == "rcvInvitation"
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    assert (folder(bob) / "late.bin").stat().st_size == 1000
    assert bob.fails("/fcancel 1") == "error.fileCancel"


def test_files_that_are_not_there(world: World) -> None:
    alice, bob = pair(world)
    message = json.dumps([{"fileSource": {"filePath": "no.bin"}, "msgContent": {"type": "file", "text": ""}}])
    assert alice.fails(f"/_send @4 json {message}") == "error.fileNotFound"
    for command, expected in [
        ("/freceive 99", "errorStore.userNotFoundByFileId"),
        ("/fcancel 99", "errorStore.fileNotFound"),
        ("/fstatus 99", "errorStore.fileNotFound"),
    ]:
        assert bob.fails(command) == expected
    (folder(alice) / "own.bin").write_bytes(b"x")
    send(alice, "own.bin")
    assert alice.fails("/freceive 1") == "errorStore.rcvFileNotFound"


def test_files_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _ = pair(world)
    monkeypatch.setattr(files, "MAXIMUM", 10)
    (folder(alice) / "big.bin").write_bytes(b"x" * 11)
    message = json.dumps([{"fileSource": {"filePath": "big.bin"}, "msgContent": {"type": "file", "text": ""}}])
    assert alice.fails(f"/_send @4 json {message}") == "error.fileSize"


def test_a_file_that_goes_away_before_it_is_sent(world: World) -> None:
    alice, bob = pair(world)
    path = folder(alice) / "gone.bin"
    path.write_bytes(b"x")
    send(alice, "gone.bin")
    path.unlink()
    world.settle()
    assert "sndFileError" in alice.take()
    assert status(alice) == "sndError"
    assert status(bob) == "rcvInvitation"


def test_a_file_that_the_servers_lost(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "lost.bin").write_bytes(b"x")
    send(alice, "lost.bin")
    world.settle()
    for path in (world.folder / "network" / "files").iterdir():
        path.unlink()
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    assert bob.last("rcvFileError")["agentError"]["type"] == "XFTP"
    assert status(bob) == "rcvError"


def test_a_place_that_cannot_be_written(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "full.bin").write_bytes(b"x")
    send(alice, "full.bin")
    world.settle()
    bob.do("/freceive 1", "rcvFileAccepted")
    (folder(bob) / "full.bin").unlink()
    (folder(bob) / "full.bin").mkdir()
    (world.folder / "bob-home" / "temp").rmdir()
    world.settle()
    assert "rcvFileError" in bob.take()


def test_without_a_files_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(world.folder))
    (world.folder / "Downloads").mkdir()
    alice, bob = pair(world, folders=False)
    path = world.folder / "here.bin"
    path.write_bytes(b"x")
    send(alice, str(path))
    world.settle()
    answer = bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    target = answer["chatItem"]["chatItem"]["file"]["fileSource"]["filePath"]
    assert target == str(world.folder / "Downloads" / "here.bin")
    assert Path(target).read_bytes() == b"x"


def test_files_go_on_after_a_kill(world: World) -> None:
    alice, bob = pair(world)
    content = bytes(range(256)) * 4000
    (folder(alice) / "long.bin").write_bytes(content)
    send(alice, "long.bin")
    accepted = False
    for _ in range(20):
        for peer in (alice, bob):
            peer.sim.work()
            peer.collect()
            peer.close()
            peer.open()
        if not accepted and "newChatItems" in bob.take():
            bob.do("/freceive 1", "rcvFileAccepted")
            accepted = True
    world.settle()
    assert (folder(bob) / "long.bin").read_bytes() == content


def test_files_wait_for_the_servers(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "wait.bin").write_bytes(b"x")
    world.faults(unreachable=True)
    send(alice, "wait.bin")
    world.settle()
    assert "sndFileCompleteXFTP" not in alice.take()
    world.faults()
    world.settle()
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    assert status(bob) == "rcvComplete"


def test_a_deleted_message_takes_its_file_along(world: World) -> None:
    alice, bob = pair(world)
    (folder(alice) / "x.bin").write_bytes(b"x")
    item = send(alice, "x.bin")
    alice.do("/_delete @4 messages", "contactDeleted")
    world.settle()
    assert "sndFileCompleteXFTP" in alice.take()
    assert bob.take() == ["newChatItems"]
    alice.do(f"/fcancel {item['fileId']}", "sndFileCancelled")


def test_files_in_groups(world: World) -> None:
    alice, bob = pair(world)
    alice.do('/_group 1 {"displayName": "club", "fullName": ""}', "groupCreated")
    alice.do("/_add #1 4 member", "sentGroupInvitation")
    world.settle()
    bob.do("/_join #1", "userAcceptedGroupSent")
    world.settle()
    (folder(alice) / "all.bin").write_bytes(b"for all")
    send(alice, "all.bin", "#1")
    world.settle()
    ready = bob.last("rcvFileDescrReady")
    assert ready["rcvFileTransfer"]["grpMemberId"] == 1
    assert ready["rcvFileTransfer"]["senderDisplayName"] == "alice"
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    assert (folder(bob) / "all.bin").read_bytes() == b"for all"
    answer = alice.do("/fcancel 1", "sndFileCancelled")
    assert answer["sndFileTransfers"][0]["fileStatus"] == "complete"
    assert answer["sndFileTransfers"][0]["groupMemberId"] > 0


@pytest.mark.parametrize("version", ["6.4", "7.0"])
def test_the_state_of_what_comes_in_both_versions(world: World, version: str) -> None:
    alice, bob = world.connected(version=version, files_folder=world.folder)
    (world.folder / "v.bin").write_bytes(b"x")
    send(alice, "v.bin")
    world.settle()
    bob.do("/freceive 1", "rcvFileAccepted")
    world.settle()
    about = bob.last("rcvFileProgressXFTP")["rcvFileTransfer"]["fileStatus"]
    assert about == ({"type": "connected", "fileInfo": {"filePath": "v_1.bin"}} if version == "6.4" else about)
    if version == "7.0":
        assert about == {"type": "connected", "filePath": "v_1.bin"}
