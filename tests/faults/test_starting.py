"""Starts that fail: the right error, with what the CLI printed, in the time that the child takes, and nothing left."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from simplex_sync import SimplexChat
from simplex_sync._internal.database import DatabaseLock
from simplex_sync._internal.deadline import Deadline
from simplex_sync.errors import (
    ClientClosed,
    CliExited,
    ConnectionLost,
    DatabaseInUse,
    DatabaseKeyError,
    ExecutableNotFound,
    InvalidArgument,
    InvalidDisplayName,
    SimplexError,
    StartError,
    StartTimeout,
)
from tests.children.fake import ANSWER, FakeCli, recorded_answers, steps

Make = Callable[..., FakeCli]
LISTEN: list[Any] = ["listen"]
FIRST_RUN: list[Any] = ["first_run"]
#: Far more than a start takes that fails by itself; a test in which the whole of it passed would be seen.
PATIENCE = 30.0


def failed_start(fake: FakeCli, kind: type[SimplexError], **options: Any) -> Any:
    """Start a client that cannot be started; return the error."""
    deadline = Deadline(PATIENCE)
    chat = fake.client(**{"timeout": PATIENCE, **options})
    with pytest.raises(kind, match=r"^start: ") as caught:
        chat.start()
    assert type(caught.value) is kind
    assert deadline.at_most(PATIENCE) > PATIENCE - 10
    assert_nothing_left(fake)
    with pytest.raises(ClientClosed, match="not started"):
        chat.show_active_user()
    return caught.value


def assert_nothing_left(fake: FakeCli) -> None:
    for pid in fake.notes("start"):
        assert not psutil.pid_exists(pid)
    assert not (fake.folder / "chat_client.json").exists()
    lock = DatabaseLock(fake.folder / "chat")
    lock.acquire()
    lock.release()


EXITS = [
    pytest.param(
        "simplex-chat: SQLite3 returned ErrorNotADatabase while attempting to perform exec: file is not a database",
        1,
        DatabaseKeyError,
        id="wrong key",
    ),
    pytest.param(
        "Invalid option `--nonsense'\n\nUsage: simplex-chat [-d|--database DB_FILE]", 1, CliExited, id="usage"
    ),
    pytest.param("", 0, CliExited, id="without a word"),
    pytest.param("simplex-chat: <stdin>: hGetLine: end of file", 1, CliExited, id="end of input"),
    pytest.param("simplex-chat: error while loading shared libraries: libgmp.so", 127, CliExited, id="loader"),
]


@pytest.mark.parametrize(("printed", "status", "kind"), EXITS)
def test_the_cli_ends_before_it_has_a_port(make_fake: Make, printed: str, status: int, kind: type[StartError]) -> None:
    fake = make_fake(starts=[[["print", printed], ["exit", status]]])
    error = failed_start(fake, kind)
    assert error.exit_status == status
    assert error.output == "\n".join(line for line in printed.splitlines() if line)
    assert ("extra_args" in str(error)) == ("Usage" in printed)


def test_the_cli_ends_after_it_has_said_who_the_user_is(make_fake: Make) -> None:
    message = "simplex-chat: Network.Socket.bind: resource busy (Address already in use)"
    fake = make_fake(starts=[[["print", "Current user: alice"], ["print", message], ["exit", 1]]])
    error = failed_start(fake, CliExited)
    assert error.exit_status == 1
    assert error.output.splitlines() == ["Current user: alice", message]
    assert str(error).endswith(message)


def test_the_cli_is_killed_while_it_starts(make_fake: Make) -> None:
    error = failed_start(make_fake(starts=[[["print", "Current user: alice"], ["die"]]]), CliExited)
    assert error.exit_status == -9
    assert "signal 9" in str(error)


def test_the_cli_ends_right_after_it_has_opened_its_port(make_fake: Make) -> None:
    error = failed_start(make_fake(starts=[[LISTEN, ["refuse", 1], ["exit", 5]]]), CliExited)
    assert error.exit_status == 5


@pytest.mark.parametrize("printed", ["Current user: alice", "nothing that anybody knows", "x" * 100_000])
def test_the_port_is_never_opened(make_fake: Make, printed: str) -> None:
    fake = make_fake(starts=[[["print", printed], ["hang"]]])
    error = failed_start(fake, StartTimeout, timeout=1.5)
    assert "1.5 seconds" in str(error)
    assert error.exit_status is None
    assert error.output == printed or printed.startswith("x")
    assert len(error.output) < 1000


def test_a_flood_instead_of_a_port(make_fake: Make) -> None:
    failed_start(make_fake(starts=[[["flood", 5_000_000], ["exit", 2]]]), CliExited)


def test_the_port_is_open_and_nobody_says_anything(make_fake: Make) -> None:
    fake = make_fake(starts=[[["print", "Current user: alice"], LISTEN, ["hang"]]])
    error = failed_start(fake, StartTimeout, timeout=1.5)
    assert "did not answer on it" in str(error)
    assert error.output == "Current user: alice"


def test_the_port_takes_the_connection_and_answers_no_command(make_fake: Make) -> None:
    error = failed_start(make_fake(on={"/user": [[]]}), StartTimeout, timeout=1.5)
    assert "answers no commands" in str(error)


@pytest.mark.parametrize("reply", ["HTTP/1.1 404 Not Found\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "\0" * 100])
def test_the_port_speaks_something_else(make_fake: Make, reply: str) -> None:
    fake = make_fake(starts=[[LISTEN, ["refuse", 1, reply], ["hang"]]])
    error = failed_start(fake, ConnectionLost)
    assert "does not speak its protocol" in str(error)


def test_the_answers_at_the_start_are_errors(make_fake: Make) -> None:
    wrong = {"type": "chatCmdError", "chatError": {"type": "error", "errorType": {"type": "noActiveUser"}}}
    chat = make_fake(answers={**recorded_answers(), "/user": wrong}).client()
    with pytest.raises(SimplexError, match=r"noActiveUser"):
        chat.start()
    with pytest.raises(ClientClosed):
        chat.show_active_user()


@pytest.mark.parametrize(
    "answer", [{"type": "cmdOk"}, {"type": "activeUser", "user": "alice"}, {"type": "versionInfo"}]
)
@pytest.mark.parametrize("command", ["/user", "/version"])
def test_the_answers_at_the_start_are_nonsense(make_fake: Make, command: str, answer: dict[str, Any]) -> None:
    chat = make_fake(answers={**recorded_answers(), command: answer}).client()
    with pytest.raises(SimplexError, match=r"^start: "):
        chat.start()


# Prompts


def test_the_first_run_types_the_name(make_fake: Make) -> None:
    fake = make_fake(starts=[[FIRST_RUN, LISTEN]])
    with fake.client(display_name="Zoë 😀") as chat:
        assert chat.show_active_user()
    assert fake.notes("typed") == ["Zoë 😀"]


@pytest.mark.parametrize(
    "prompt", ["display name: ", "display name:", "\tdisplay name: ", "Enter your Display name > ", "display name"]
)
def test_the_first_run_of_other_versions(make_fake: Make, prompt: str) -> None:
    fake = make_fake(starts=[[["first_run", prompt], LISTEN]])
    with fake.client(display_name="alice"):
        assert fake.notes("typed") == ["alice"]


def test_the_first_run_without_a_name_says_what_to_pass(make_fake: Make) -> None:
    fake = make_fake(starts=[[FIRST_RUN, LISTEN]])
    error = failed_start(fake, InvalidDisplayName)
    assert 'display_name="…"' in str(error)
    assert fake.notes("typed") == []


@pytest.mark.parametrize(("name", "suggestion"), [("#bad@name", "bad@name"), ("@x", "x")])
def test_a_refused_name_is_an_error_with_the_suggestion_and_no_loop(
    make_fake: Make, name: str, suggestion: str
) -> None:
    fake = make_fake(starts=[[FIRST_RUN, LISTEN]])
    error = failed_start(fake, InvalidDisplayName, display_name=name)
    assert (error.display_name, error.suggestion) == (name, suggestion)
    assert fake.notes("typed") == [name]


def test_a_refused_name_without_a_suggestion(make_fake: Make) -> None:
    fake = make_fake(starts=[[["ask", "display name: "], ["ask", "display name: "], LISTEN]])
    error = failed_start(fake, InvalidDisplayName, display_name="alice")
    assert error.suggestion == ""
    assert fake.notes("typed") == ["alice\n"]


CHOOSE = ["choose", "alice", "bob (muted)", "carol"]


@pytest.mark.parametrize(("name", "number"), [("alice", 1), ("bob", 2), ("carol", 3)])
def test_the_name_picks_one_of_several_profiles(make_fake: Make, name: str, number: int) -> None:
    fake = make_fake(starts=[[CHOOSE, LISTEN]])
    with fake.client(display_name=name):
        assert fake.notes("typed") == [number]


@pytest.mark.parametrize("name", [None, "dave"])
def test_several_profiles_and_no_such_name(make_fake: Make, name: str | None) -> None:
    fake = make_fake(starts=[[CHOOSE, LISTEN]])
    error = failed_start(fake, InvalidDisplayName, display_name=name)
    assert "'alice', 'bob', 'carol'" in str(error)
    assert fake.notes("typed") == []


def test_a_question_that_should_not_come(make_fake: Make) -> None:
    fake = make_fake(starts=[[["ask", "Continue with migration? (y/N): "], LISTEN]])
    assert "asks a question" in str(failed_start(fake, StartError))
    assert fake.notes("typed") == []


# What is known before anything is started


def test_a_second_client_of_a_database_is_told_who_has_it(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client() as chat:
        second = fake.client()
        with pytest.raises(DatabaseInUse, match=r"^start: .*close_all") as caught:
            second.start()
        assert (caught.value.pid, caught.value.database) == (os.getpid(), str(fake.folder / "chat"))
        assert len(fake.notes("start")) == 1
        assert chat.show_active_user()
    with fake.client():
        assert len(fake.notes("start")) == 2


def test_the_child_of_a_client_that_was_killed_is_waited_for(make_fake: Make) -> None:
    fake, other = make_fake(), make_fake()
    with other.client() as chat:
        orphan = psutil.Process(chat.pid)
        facts = {"pid": 1, "child": orphan.pid, "created": orphan.create_time()}
        (fake.folder / "chat_client.json").write_text(json.dumps(facts))
        threading.Timer(0.2, orphan.kill).start()
        with fake.client() as second:
            assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
            assert second.show_active_user()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"child": "x", "created": 1}', '{"child": 1, "created": 5}'])
def test_a_damaged_note_of_the_last_client_is_no_obstacle(make_fake: Make, text: str) -> None:
    fake = make_fake()
    (fake.folder / "chat_client.json").write_text(text)
    with fake.client() as chat:
        assert chat.show_active_user()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_something_else_in_the_place_of_the_note(make_fake: Make, kind: str) -> None:
    fake = make_fake()
    note = fake.folder / "chat_client.json"
    if kind == "pipe":
        os.mkfifo(note)
    elif kind == "link":
        note.symlink_to(fake.folder / "elsewhere")
    else:
        note.mkdir()
    with pytest.raises(StartError, match=r"^start: '.*chat_client\.json' cannot be written"):
        fake.client().start()
    assert fake.notes("start") == []
    assert not (fake.folder / "elsewhere").exists()


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(ExecutableNotFound, match=r"^start: "):
        SimplexChat(tmp_path / "chat", executable=tmp_path / "nowhere").start()


@pytest.mark.parametrize("text", ["", "\x7fELF nonsense", "#!/no/such/interpreter\n"])
def test_a_program_that_the_system_cannot_run(tmp_path: Path, text: str) -> None:
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(0o755)
    with pytest.raises(StartError, match=r"^start: "):
        SimplexChat(tmp_path / "chat", executable=program, timeout=5).start()


def test_a_file_where_the_folder_should_be(make_fake: Make) -> None:
    fake = make_fake()
    (fake.folder / "files").write_text("")
    with pytest.raises(StartError, match=r"^start: the folder .*files.* cannot be made"):
        fake.client(files_folder=fake.folder / "files" / "x").start()


def test_an_interrupted_start_leaves_nothing(make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake()

    def interrupted(*_arguments: object, **_options: object) -> Any:
        raise KeyboardInterrupt

    for name in (
        "startup.Startup.port",
        "channel.Wire.open",
        "session.Session._begin",
        "process.CliProcess.is_peer",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"simplex_sync._internal.{name}", interrupted)
            chat = fake.client()
            with pytest.raises(KeyboardInterrupt):
                chat.start()
    with monkeypatch.context() as patch:
        patch.setattr(SimplexChat, "show_version", interrupted)
        with pytest.raises(KeyboardInterrupt):
            chat.start()
    assert_nothing_left(fake)
    with chat:  # the very client that was interrupted
        assert chat.show_active_user()


def test_a_process_that_can_start_no_thread_starts_no_client(make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    fake = make_fake()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(StartError, match="new thread"):
            fake.client().start()
    assert_nothing_left(fake)


def test_an_exception_in_the_body_ends_everything(make_fake: Make) -> None:
    fake = make_fake()

    def body() -> None:
        with fake.client():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))
    assert_nothing_left(fake)


def test_close_can_be_called_again_and_before_the_start(make_fake: Make) -> None:
    chat = make_fake().client()
    chat.close()
    with chat:
        assert chat.start() is chat
        chat.close()
        chat.close()
    with pytest.raises(ClientClosed):
        chat.send_command(steps(ANSWER))


def test_files_of_the_client_are_its_owners_only(make_fake: Make) -> None:
    fake = make_fake()
    database = fake.folder / "new" / "deeper" / "chat"
    with SimplexChat(database, executable=fake.path, timeout=PATIENCE):
        made = [database.parent, *database.parent.rglob("*")]
        assert {path.name for path in made} >= {"deeper", "chat_files", ".temp", "chat_client.lock", "chat_client.json"}
        for path in made:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_options_that_the_client_gives_itself_are_refused(make_fake: Make) -> None:
    fake = make_fake()
    for option in ("-d", "-p", "-k", "--key", "--database", "--chat-server-port"):
        with pytest.raises(InvalidArgument, match=r"^SimplexChat: extra_args "):
            fake.client(extra_args=[option, "x"])
    assert fake.notes("start") == []


def test_somebody_else_takes_the_exit_status(
    make_fake: Callable[..., FakeCli], monkeypatch: pytest.MonkeyPatch
) -> None:
    def expect_list(spawn: Any, *_: object, **__: object) -> int:
        # Another thread that asks for the status, or SIGCHLD that is ignored, in between two steps of pexpect.
        os.waitpid(spawn.pid, 0)
        spawn.isalive()
        raise AssertionError("pexpect has an error of its own for that")

    monkeypatch.setattr(pexpect.spawn, "expect_list", expect_list)
    with pytest.raises(CliExited, match="before it took commands"):
        make_fake(starts=[[["exit", 3]]]).client().start()
