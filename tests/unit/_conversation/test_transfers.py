"""Files on their way: `_conversation.transfers` and `_conversation.transfer_state`.

Rests on files.jsonl: `/freceive`, `/fcancel`, `rcvFileAccepted`, `rcvFileStart`, `rcvFileProgressXFTP`,
`rcvFileComplete`, `rcvFileSndCancelled`, `sndFileProgressXFTP`, `sndFileCompleteXFTP`, and on the errors recorded
there.
"""

from __future__ import annotations

import copy
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simplex_sync import FileTransfer, Message, SentMessage, SimplexChat, events, types
from simplex_sync._conversation import transfers
from simplex_sync._conversation.files import Landing
from simplex_sync._conversation.transfer_state import TransferState, reason_of_error
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.router import Router
from simplex_sync.errors import CommandError, ConnectionLost, EventTimeout, InvalidArgument, TransferError
from tests.unit._conversation.conftest import Pair, connect, unique
from tests.unit._conversation.recorded import recorded_events

_TAGS = (
    "rcvFileStart",
    "rcvFileProgressXFTP",
    "rcvFileComplete",
    "rcvFileDescrReady",
    "rcvFileSndCancelled",
    "sndFileProgressXFTP",
    "sndFileCompleteXFTP",
)


def file_of(event: Any) -> types.CIFile:
    item = getattr(event, "chat_item", None) or event.chat_item_
    file = item.chat_item.file
    assert isinstance(file, types.CIFile)
    return file


def state(sending: bool = False, **status: Any) -> TransferState:
    wire = {
        "fileId": 1,
        "fileName": "x",
        "fileSize": 5,
        "fileStatus": {"type": "sndStored" if sending else "rcvInvitation", **status},
        "fileProtocol": "xftp",
    }
    return TransferState(types.CIFile.from_dict(wire), sending=sending)


def offered(
    pair: Pair, content: bytes = b"content", name: str = "file.txt"
) -> tuple[FileTransfer[SentMessage], Message]:
    """Send a file to bob; return the transfer and the message that bob got."""
    text = unique("file")
    path = pair.folder / unique("folder")
    path.mkdir()
    (path / name).write_bytes(content)
    transfer = pair.alice.send_file("@bob", path / name, text)
    message = next(each for each in pair.bob.messages(timeout=20) if each.text == text)
    return transfer, message


# How far a file is


@pytest.mark.parametrize("sending", [True, False])
def test_recorded_events_lead_to_the_whole_file(sending: bool) -> None:
    per_file: dict[int, list[Any]] = {}
    for event in recorded_events("files", *_TAGS):
        if event.tag.startswith("snd") == sending:
            per_file.setdefault(file_of(event).file_id, []).append(event)
    finished = 0
    for file_id, seen in per_file.items():
        followed = TransferState(file_of(seen[0]), sending=sending)
        progress = [followed.progress]
        for event in seen:
            followed.take(event)
            progress.append(followed.progress)
        assert progress == sorted(progress)
        if any(event.tag in ("sndFileCompleteXFTP", "rcvFileComplete") for event in seen):
            finished += 1
            assert followed.complete
            assert not followed.failed
            assert followed.progress[0] == followed.progress[1] > 0
            assert sending or followed.source is not None
        elif any(event.tag == "rcvFileSndCancelled" for event in seen):
            assert followed.failed == "cancelled by sender"
        assert followed.file_id == file_id
    assert finished >= 5


def test_events_of_other_files_are_left_alone() -> None:
    followed = state()
    followed.file_id = 999_999
    for event in recorded_events("files", *_TAGS):
        followed.take(event)
    assert (followed.complete, followed.failed, followed.progress) == (False, "", (0, 0))


@pytest.mark.parametrize(
    ("sending", "status", "reason"),
    [
        (False, {"type": "rcvAborted"}, "relay not approved"),
        (False, {"type": "rcvCancelled"}, "cancelled by sender"),
        (True, {"type": "sndCancelled"}, "cancelled"),
        (False, {"type": "rcvError", "rcvFileError": {"type": "auth"}}, "the servers do not have the file any more"),
        (False, {"type": "rcvError", "rcvFileError": {"type": "relay", "srvError": {"type": "host"}}}, "relay.host"),
        (
            True,
            {"type": "sndError", "sndFileError": {"type": "other", "fileError": "write: No space left on device"}},
            "no space",
        ),
    ],
)
def test_statuses_that_end_a_transfer(sending: bool, status: dict[str, Any], reason: str) -> None:
    assert state(sending, **status).failed == reason


def test_errors_that_come_as_events() -> None:
    recorded = next(recorded_events("files", "rcvFileProgressXFTP"))
    wire = recorded.to_dict()
    error = {
        "type": "FILE",
        "fileErr": {"type": "FILE_IO", "fileIOError": "x: resource exhausted (No space left on device)"},
    }
    event = events.decode({**wire, "type": "rcvFileError", "agentError": error})
    followed = TransferState(file_of(recorded), sending=False)
    followed.take(event)
    assert followed.failed == "no space"

    followed = TransferState(file_of(recorded), sending=False)
    not_approved = {"type": "fileNotApproved", "fileId": followed.file_id, "unknownServers": []}
    followed.take(events.decode({"type": "chatError", "chatError": {"type": "error", "errorType": not_approved}}))
    assert followed.failed == "relay not approved"

    sent = next(recorded_events("files", "sndFileProgressXFTP"))
    followed = TransferState(file_of(sent), sending=True)
    followed.take(events.decode({**sent.to_dict(), "type": "sndFileError", "errorMessage": "private path /home/x"}))
    assert followed.failed == "unknown"


def test_reasons() -> None:
    assert reason_of_error("error.fileCancelled") == "cancelled by sender"
    assert reason_of_error("errorStore.somethingElse") == "errorStore.somethingElse"
    assert reason_of_error("") == "unknown"


# Sending and receiving


def test_send_and_download(pair: Pair) -> None:
    content = bytes(range(256)) * 1200
    sending, message = offered(pair, content, "größe и пробел.bin")
    assert message.file is not None
    assert message.file.file_size == len(content)
    steps = list(sending.progress())
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total == sending.sent == sending.total > len(content)
    assert sending.done
    assert sending.received == 0
    assert sending.wait() is sending
    assert sending.path is not None
    assert sending.path.read_bytes() == content
    assert isinstance(sending.message, Message)

    receiving = message.download(approved_relays=True).wait()
    assert receiving.path is not None
    assert receiving.path.parent == pair.bob.files_folder
    assert receiving.path.read_bytes() == content
    assert receiving.path.name.startswith("größe и пробел")
    assert stat.S_IMODE(receiving.path.stat().st_mode) == 0o600
    assert receiving.received == receiving.total > 0
    assert receiving.sent == 0
    assert receiving.wait().path == receiving.path, "waiting again gives the same"


def test_into_a_folder_and_under_a_name(pair: Pair, tmp_path: Path) -> None:
    _, message = offered(pair, b"one", "a.txt")
    (tmp_path / "a.txt").write_bytes(b"mine")
    assert message.download(tmp_path, approved_relays=True).wait().path == tmp_path / "a (1).txt"
    assert (tmp_path / "a.txt").read_bytes() == b"mine"
    _, message = offered(pair, b"two", "a.txt")
    target = tmp_path / "with spaces and ü.txt"
    assert message.download(str(target), approved_relays=True).wait().path == target
    assert target.read_bytes() == b"two"


def test_what_is_there_is_replaced_only_when_asked(pair: Pair, tmp_path: Path) -> None:
    _, message = offered(pair, b"new")
    target = tmp_path / "taken.txt"
    target.write_bytes(b"old")
    with pytest.raises(InvalidArgument, match=r"download: 'taken.txt' exists already"):
        message.download(target, approved_relays=True)
    assert target.read_bytes() == b"old"
    transfer = message.download(target, overwrite=True, approved_relays=True)
    assert transfer.wait().path == target
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_target_that_comes_into_being_meanwhile_stays(pair: Pair, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(transfers, "same_device", lambda *_: False)
    _, message = offered(pair, b"new")
    target = tmp_path / "late.txt"
    transfer = message.download(target, approved_relays=True)
    target.write_bytes(b"old")
    with pytest.raises(TransferError, match="cannot be put in its place"):
        transfer.wait()
    assert target.read_bytes() == b"old"
    target.unlink()
    assert transfer.wait().path == target
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(
    "name", ["../../outside.txt", "/tmp/outside.txt", "..\\outside.txt", "out\0side.txt", ".hidden"]
)
def test_offered_names_never_leave_the_folder(pair: Pair, tmp_path: Path, name: str) -> None:
    _, message = offered(pair)
    record = copy.deepcopy(message.record)
    assert record.chat_item.file is not None
    record.chat_item.file.file_name = name
    folder = tmp_path / "deep" / "downloads"
    folder.mkdir(parents=True)
    path = Message(pair.bob, record).download(folder, approved_relays=True).wait().path
    assert path is not None
    assert path.parent == folder
    assert not path.name.startswith(".")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_wrong_targets(pair: Pair, tmp_path: Path) -> None:
    sending, message = offered(pair)
    with pytest.raises(InvalidArgument, match="the folder of 'x' does not exist"):
        message.download(tmp_path / "nowhere" / "x")
    with pytest.raises(InvalidArgument, match="to must be a path, not int"):
        message.download(7)  # type: ignore[arg-type]  # the wrong type is the point
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(InvalidArgument, match="exists already"):
        message.download(tmp_path / "link", overwrite=True)
    with pytest.raises(InvalidArgument, match="the file is one's own"):
        sending.message.download()
    with pytest.raises(InvalidArgument, match="send: file does not exist"):
        pair.alice.send_file("@bob", tmp_path / "missing")


def test_relays_have_to_be_approved(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    # The simulator never refuses, so the refusal is that of the CLI; see also the statuses above.
    _, message = offered(pair)

    def refuse(*_: object, user_approved_relays: bool, **__: object) -> None:
        assert not user_approved_relays, "not unless it was asked for"
        raise CommandError("refused", error="error.fileNotApproved")

    monkeypatch.setattr(type(pair.bob), "receive_file", refuse)
    with pytest.raises(TransferError) as caught:
        message.download()
    assert caught.value.reason == "relay not approved"


def test_a_name_that_is_taken_in_the_last_moment(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    _, message = offered(pair)

    def refuse(*_: object, **__: object) -> None:
        raise CommandError("refused", error="error.fileAlreadyExists")

    monkeypatch.setattr(type(pair.bob), "receive_file", refuse)
    with pytest.raises(InvalidArgument, match="came into being meanwhile"):
        message.download()


def test_an_encrypted_download(pair: Pair) -> None:
    _, message = offered(pair, b"secret content")
    transfer = message.download(approved_relays=True, encrypt=True).wait()
    assert isinstance(transfer.crypto_args, types.CryptoFileArgs)
    assert transfer.path is not None
    assert b"secret content" not in transfer.path.read_bytes()
    key = transfer.crypto_args.file_key
    assert key not in repr(transfer) + repr(transfer.crypto_args)


def test_cancelled_by_the_sender(pair: Pair) -> None:
    sending, message = offered(pair, b"x" * 3_000_000)
    with pair.bob.expect(events.RcvFileSndCancelled):
        sending.cancel()
    with pytest.raises(TransferError) as caught:
        sending.wait()
    assert caught.value.reason == "cancelled"
    with pytest.raises(TransferError) as caught:
        message.download(approved_relays=True)
    assert caught.value.reason == "cancelled by sender"
    assert "file.txt" not in str(caught.value)


def test_cancelled_by_the_receiver(pair: Pair, tmp_path: Path) -> None:
    _, message = offered(pair, b"x" * 3_000_000)
    transfer = message.download(tmp_path, approved_relays=True)
    transfer.cancel()
    with pytest.raises(TransferError, match="cancelled"):
        transfer.wait()
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_elses_cli_was_to_receive_is_not_deleted_here(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    client: Any = SimpleNamespace(
        _living_session=lambda _: SimpleNamespace(router=Router()), cancel_file=lambda *_, **__: None
    )
    transfer: FileTransfer[Message] = FileTransfer(client, "download", Landing(path, None))
    transfer._state = state()
    transfer.cancel()
    assert path.exists()


def test_a_file_is_received_once(pair: Pair) -> None:
    _, message = offered(pair)
    message.download(approved_relays=True).wait()
    with pytest.raises(TransferError) as caught:
        message.download(approved_relays=True)
    assert caught.value.reason == "already received, or on its way"


def test_a_wait_that_was_too_short_can_be_repeated(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    sending, message = offered(pair)
    session = pair.bob._session
    assert session is not None
    held: list[Frame] = []
    with monkeypatch.context() as patch:
        # However long this thread is kept from running, the file is not whole yet, as far as the client knows.
        patch.setattr(session.router, "publish", held.append)
        transfer = message.download(approved_relays=True)
        with pytest.raises(EventTimeout, match=r"was not whole in 0.0 seconds"):
            transfer.wait(timeout=0)
        assert "of" in repr(transfer)
        while not any(frame.tag == "rcvFileComplete" for frame in held):
            pair.bob.show_active_user()
    for frame in held:
        session.router.publish(frame)
    assert transfer.wait().done
    assert "whole" in repr(transfer)
    sending.wait()


def test_events_of_other_files_are_no_progress(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    transfer, _message = offered(pair)
    transfer._state = state(sending=True, type="sndTransfer", sndProgress=0, sndTotal=10)
    deadlines: list[Any] = []

    def take(_method: str, deadline: Any) -> None:
        deadlines.append(deadline)
        if len(deadlines) == 3:
            transfer._known.progress = (5, 10)
        if len(deadlines) == 5:
            raise EventTimeout("nothing changed")

    monkeypatch.setattr(transfer, "_next", take)
    steps = transfer.progress(timeout=20)
    assert [next(steps).done, next(steps).done] == [0, 5]
    with pytest.raises(EventTimeout):
        next(steps)
    assert [deadline is deadlines[0] for deadline in deadlines] == [True, True, True, False, False]
    assert deadlines[3] is deadlines[4]


def test_a_bar_shows_the_way(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    sending, _ = offered(pair)
    sending.wait(bar=True)
    assert "sending" in capsys.readouterr().err


def test_events_that_were_dropped_are_made_up_for(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_UNREAD", 1)
    sending, message = offered(pair, b"x" * 400_000)
    _, other = offered(pair)
    with pair.bob.expect(events.RcvFileComplete):
        transfer = message.download(approved_relays=True)
    other.download(approved_relays=True).wait()  # so that the last event tells of another file
    assert transfer.wait().done
    assert sending.wait().done


def test_after_a_restart_of_the_cli(make_chat: Callable[..., SimplexChat], tmp_path: Path) -> None:
    import os
    import signal

    alice, bob = make_chat("alice"), make_chat("bob")
    connect(alice, bob)
    (tmp_path / "f").write_bytes(b"content")
    sending = alice.send_file("@bob", tmp_path / "f", "file")
    message = next(bob.messages(timeout=20))
    with bob.expect(events.Reconnected):
        transfer = message.download(approved_relays=True)
        assert bob.pid is not None
        os.kill(bob.pid, signal.SIGKILL)
    assert transfer.wait().path is not None
    assert sending.wait().done
    bob.close()
    with pytest.raises(ConnectionLost):
        message.download(approved_relays=True)


@pytest.mark.parametrize("links", [True, False])
def test_a_failure_to_put_a_file_in_place_does_not_tell_the_name_that_was_offered(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    monkeypatch.setattr(transfers, "same_device", lambda *_: False)
    _, message = offered(pair, b"new", name="private name.txt")
    transfer = message.download(tmp_path, approved_relays=True)
    if links:  # which comes into being between the look and the move
        monkeypatch.setattr(os.path, "lexists", lambda _: False)
    (tmp_path / "private name.txt").write_bytes(b"old")
    with pytest.raises(TransferError, match="cannot be put in its place: ") as caught:
        transfer.wait()
    assert "private" not in "".join(traceback.format_exception_only(caught.value))
    assert "private" not in f"{caught.value.__cause__} {caught.value.__cause__!r}"
    assert "private" not in str(caught.value)


def test_a_transfer_says_nothing_private(pair: Pair) -> None:
    transfer, message = offered(pair, name="private name.txt")
    assert "private" not in repr(transfer) + repr(message)
    fresh: FileTransfer[SentMessage] = FileTransfer(pair.alice, "send_file")
    assert repr(fresh) == "<FileTransfer, send_file, not begun>"
    with pytest.raises(TransferError, match="no file"):
        fresh._begin(pair.alice.send("@bob", unique("none")), sending=True)
