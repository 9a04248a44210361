"""Nobody else is let in, and nothing private gets out."""

from __future__ import annotations

import base64
import logging
import os
import pickle
import re
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simplex_sync import SimplexChat, commands, events, types
from simplex_sync._internal.process import CliProcess
from simplex_sync.errors import (
    ChildExited,
    CliExited,
    CommandError,
    CommandTimeout,
    EventTimeout,
    InvalidArgument,
    OutcomeUnknown,
    SimplexError,
    StartError,
)
from tests.children.fake import FakeCli, open_gate, recorded_frames, steps
from tests.children.stranger import Stranger

Make = Callable[..., FakeCli]
KEY = "correct horse battery staple"
SECRET = "s3cret-words"  # too short to be taken for a key, which would hide it by itself


# Our child, and nobody else


def test_a_stranger_on_the_port_gets_no_command(make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake(starts=[[["print", "Current user: alice"], ["hang"]]])
    with Stranger() as stranger:
        monkeypatch.setattr(CliProcess, "listening_ports", lambda *_self, **_options: [stranger.port])
        with pytest.raises(StartError, match=r"^start: the CLI's port was taken over by another process"):
            fake.client(key=KEY).start()
    assert len(stranger.requests) == 1
    assert KEY not in str(stranger.requests)
    assert stranger.frames == []


def test_a_stranger_who_takes_the_port_after_a_lost_connection_gets_no_command(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    with Stranger() as stranger, fake.client() as chat:
        session = chat._session
        assert session is not None
        first = chat.pid
        session.port = stranger.port
        with chat.expect(events.Reconnected) as reconnected, pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["drop"]))
        assert reconnected.value.restarted
        assert chat.pid != first
        assert chat.show_active_user()
    assert stranger.frames == []


def test_the_port_is_read_from_the_childs_own_sockets_only(make_fake: Make) -> None:
    fake = make_fake()
    with Stranger() as stranger, fake.client() as chat:
        session = chat._session
        assert session is not None
        assert session.process is not None
        assert session.process.listening_ports() == [chat.port]
        assert stranger.port not in session.process.listening_ports()
        assert not session.process.is_peer(stranger.port, 1)


# The key


@pytest.mark.parametrize("way", ["text", "function", "variable"])
def test_the_key_is_read_in_three_ways_and_given_on_the_command_line_only(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    given: Any = {"text": KEY, "function": lambda: KEY, "variable": None}[way]
    if way == "variable":
        monkeypatch.setenv("SIMPLEX_CHAT_KEY", KEY)
    fake = make_fake()
    with fake.client(key=given) as chat:
        options = fake.notes("options")[0]
        assert options[options.index("-k") + 1] == KEY
        with open(f"/proc/{chat.pid}/environ", "rb") as file:
            assert KEY.encode() not in file.read()
        assert_nothing_shows(chat, KEY)


def test_without_a_key_none_is_given_and_an_empty_one_overrides_the_variable(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    with fake.client():
        pass
    monkeypatch.setenv("SIMPLEX_CHAT_KEY", KEY)
    with fake.client(key=""):
        pass
    assert all("-k" not in options for options in fake.notes("options"))


@pytest.mark.parametrize("key", ["two\nlines", "nul\0", 7, b"bytes"])
def test_a_bad_key_is_refused_and_not_shown(make_fake: Make, key: Any) -> None:
    fake = make_fake()
    for given in (key, lambda: key):
        with pytest.raises(InvalidArgument) as caught:
            fake.client(key=given).start()
        assert caught.value.argument == "key"
        assert repr(key) not in str(caught.value)
    assert fake.notes("start") == []


def test_a_function_for_the_key_that_fails_is_the_callers_error(make_fake: Make) -> None:
    def ask() -> str:
        raise PermissionError("the keyring is locked")

    chat = make_fake().client(key=ask)
    with pytest.raises(PermissionError):
        chat.start()


def test_the_key_does_not_show_when_the_start_fails(make_fake: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = [f"simplex-chat: cannot open with key {KEY}", f"usage: -k {KEY} -d …", f'"{KEY}"']
    fake = make_fake(starts=[[*(["print", word] for word in words), ["exit", 1]]])
    chat = fake.client(key=KEY)
    with pytest.raises(CliExited) as caught:
        chat.start()
    assert "cannot open with key …" in caught.value.output
    assert_no_secret(KEY, everything_about(caught.value), caplog.text)
    assert_nothing_shows(chat, KEY)


# Texts


def everything_about(error: BaseException) -> str:
    """Return all that an error says, with its causes and attributes."""
    texts: list[str] = []
    each: BaseException | None = error
    while each is not None:
        texts += traceback.format_exception_only(each)
        texts += [str(each), repr(each), repr(vars(each)), repr(pickle.loads(pickle.dumps(each)).args)]
        each = each.__cause__ or each.__context__
    return "\n".join(texts)


def assert_no_secret(secret: str, *texts: str) -> None:
    for text in texts:
        assert secret not in text


def assert_nothing_shows(chat: SimplexChat, secret: str) -> None:
    session = chat._session
    shown = [repr(chat), str(chat), repr(chat._settings), repr(session)]
    if session is not None:
        shown += [repr(session._launch), repr(session.process), repr(session.router), session._tail.text()]
    assert_no_secret(secret, *shown)


def provoke(call: Callable[[], object], kind: type[SimplexError]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return everything_about(caught.value)


def test_texts_show_in_no_error_log_or_repr(make_fake: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = {"type": "chatCmdError", "chatError": {"type": "error", "errorType": {"type": "x", "message": SECRET}}}
    fake = make_fake()
    with fake.client() as chat:
        message = commands.APISendMessages(
            send_ref=types.ChatRef(chat_type=types.ChatType("direct"), chat_id=4),
            composed_messages=[types.ComposedMessage(msg_content=types.MsgContentText(text=SECRET), mentions={})],
        )
        chat.execute(message)
        assert any(SECRET in command for command in fake.notes("command"))
        said = [
            provoke(lambda: chat.send_command(steps(["answer", error])), CommandError),
            provoke(lambda: chat.send_command(steps(["print", SECRET], ["gate"]), timeout=0.05), CommandTimeout),
        ]
        open_gate(chat)
        with chat.expect(events.Reconnected):
            said.append(provoke(lambda: chat.send_command(steps(["print", SECRET], ["drop"])), OutcomeUnknown))
        said += [
            provoke(lambda: chat.send_command(steps(["text", '{"corrId":"$ID",' + SECRET], ["drop"])), OutcomeUnknown),
            provoke(lambda: chat.send_command("\ud800" + SECRET), InvalidArgument),
            provoke(lambda: chat.connect(f"simplex:/{SECRET}\n"), InvalidArgument),
            provoke(lambda: chat.wait_for(events.ContactConnected, timeout=0.01), EventTimeout),
        ]
        stream = chat.events(events.UnknownEvent)
        answer = chat.send_command(
            steps(["event", {"type": "x", "text": SECRET}], ["answer", {"type": "y", "t": SECRET}])
        )
        said += [repr(answer), str(answer), repr(next(stream)), repr(stream), repr(message), str(message)]
        assert_nothing_shows(chat, SECRET)
    assert_no_secret(SECRET, *said, caplog.text)


def test_texts_do_not_show_when_the_cli_dies(make_fake: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake = make_fake()
    with fake.client(restart=False) as chat:
        stream = chat.events(events.ContactConnected)
        with pytest.raises(OutcomeUnknown) as caught:
            chat.send_command(steps(["print", f"alice> {SECRET}"], ["print", f'simplex-chat: bad "{SECRET}"'], ["die"]))
        ended = provoke(lambda: next(stream), ChildExited)
        assert "lines that may hold private text left out" in ended
        assert_no_secret(SECRET, everything_about(caught.value), ended, caplog.text)


def test_half_a_line_of_a_cli_that_died_does_not_show_in_the_failure_of_the_next_start(make_fake: Make) -> None:
    half = base64.b64encode(f'received command "7" : "/_send @4 json [{SECRET}'.encode()).decode()
    again = [["print", "simplex-chat: SQLite3 returned ErrorNotADatabase: file is not a database"], ["exit", 1]]
    fake = make_fake(starts=[[["print", "Current user: alice"], ["listen"]], again])
    with fake.client() as chat:
        stream = chat.events(events.ContactConnected)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["bytes", half], ["die"]))
        ended = provoke(lambda: next(stream), ChildExited)
    assert "file is not a database" in ended
    assert_no_secret(SECRET, ended)


@pytest.mark.parametrize("name", ["messages", "groups", "files", "address"])
def test_no_recorded_text_shows_in_the_repr_of_its_record(name: str) -> None:
    texts = re.compile(r"https?://|simplex:/|smp://")
    for frame in recorded_frames(name):
        if "corrId" not in frame:
            record = events.decode(frame["resp"])
            shown = repr(record)
            assert not texts.search(shown)
            for text in _message_texts(frame["resp"]):
                assert text not in shown


def _message_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) and len(value["text"]) > 4 else []
        return own + [text for inner in value.values() for text in _message_texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _message_texts(inner)]
    return []


def test_the_password_in_a_url_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InvalidArgument) as bad:
        SimplexChat.attach(f"http://me:{SECRET}@127.0.0.1:1")
    chat = SimplexChat.attach(f"ws://me:{SECRET}@127.0.0.1:1", timeout=5)
    with pytest.raises(SimplexError) as refused:
        chat.start()
    for caught in (bad, refused):
        assert SECRET not in str(caught.value) + repr(caught.value) + repr(vars(caught.value))
    assert SECRET not in repr(chat) + caplog.text


# Files


def test_everything_that_is_made_is_for_the_owner_only(make_fake: Make, tmp_path: Path) -> None:
    fake = make_fake()
    old = os.umask(0)
    try:
        with SimplexChat(tmp_path / "a" / "b" / "chat", executable=fake.path, timeout=20):
            made = list((tmp_path / "a").rglob("*"))
            assert {path.name for path in made} == {
                "b", "chat_files", ".temp", "chat_client.lock", "chat_client.json"
            }  # fmt: skip
            for path in made:
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    finally:
        os.umask(old)


def test_what_the_cli_itself_makes_is_for_the_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    old = os.umask(0)
    try:
        with SimplexChat(tmp_path / "chat", display_name="alice", executable="simulator", timeout=20):
            databases = list(tmp_path.glob("chat_*.db"))
            assert len(databases) == 2
            assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in databases] == [0, 0]
    finally:
        assert os.umask(old) == 0  # as it was, so nothing of it stays in this process


def test_a_link_in_the_place_of_our_file_is_not_followed(make_fake: Make) -> None:
    fake = make_fake()
    precious = fake.folder / "precious"
    precious.write_text("keep me")
    (fake.folder / "chat_client.json").symlink_to(precious)
    with pytest.raises((StartError, OSError)):
        fake.client().start()
    assert precious.read_text() == "keep me"


def test_no_argument_reaches_a_shell(make_fake: Make) -> None:
    fake = make_fake()
    odd = ["$(touch owned)", "; touch owned", "a b", "'\"", "-é😀"]
    with fake.client(extra_args=odd):
        assert fake.notes("options")[0][-len(odd) :] == odd
        assert fake.notes("start")
    assert not (fake.folder / "owned").exists()
