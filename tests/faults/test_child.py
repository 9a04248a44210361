"""The child misbehaves while it serves: it dies, hangs, floods the terminal, does not obey."""

from __future__ import annotations

import base64
import os
import signal
import threading
from collections.abc import Callable

import psutil
import pytest

from simplex_sync import EventStream, SimplexChat, events
from simplex_sync._internal.database import DatabaseLock
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.process import CliProcess
from simplex_sync.errors import (
    ChildExited,
    ClientClosed,
    CommandTimeout,
    ConnectionLost,
    DatabaseInUse,
    OutcomeUnknown,
)
from tests.children.fake import ANSWER, FakeCli, open_gate, recorded_answers, steps

LONG = 20.0
WAITING = ["event", {"type": "waiting"}]


def unknown(tag: str) -> Callable[[events.UnknownEvent], bool]:
    return lambda event: event.tag == tag


def in_thread(call: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Make a call that must fail in a thread of its own."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except ConnectionLost as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failures


def test_killed_in_the_middle_of_a_command(make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake()
    with fake.client() as chat:
        with chat.expect(events.UnknownEvent, unknown("waiting")):
            thread, failures = in_thread(lambda: chat.send_command(steps(WAITING, ["gate"], ANSWER)))
        first = chat.pid
        assert first is not None
        with chat.expect(events.Reconnected) as reconnected:
            os.kill(first, signal.SIGKILL)
        thread.join(LONG)
        assert [type(error) for error in failures] == [OutcomeUnknown]
        assert str(failures[0]).startswith("send_command: ")
        assert reconnected.value.restarted
        assert chat.pid != first
        assert chat.restarts == 1
        assert chat.show_active_user().user.local_display_name == "alice"
    assert fake.count(steps(WAITING, ["gate"], ANSWER)) == 1


def test_killed_in_the_middle_of_a_burst_of_events(make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake()
    with fake.client() as chat:
        stream: EventStream[events.Event] = chat.events(timeout=LONG)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["events", 500], ["die"]))
        numbers = []
        while not isinstance(event := next(stream), events.Reconnected):
            numbers.append(event.to_dict()["number"])
        # What came before the end is there, without gaps, and then the stream says that a gap is possible.
        assert numbers == list(range(1, len(numbers) + 1))
        assert event.gap_possible
        chat.send_command(steps(["events", 3], ANSWER))
        assert [next(stream).to_dict()["number"] for _ in range(3)] == [1, 2, 3]


def test_ends_by_itself_and_stays_away(make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake()
    with fake.client(restart=False) as chat:
        stream = chat.events()
        with pytest.raises(OutcomeUnknown) as unknown_outcome:
            chat.send_command(steps(["print", "simplex-chat: stack overflow"], ["exit", 3]))
        assert unknown_outcome.value.command == "send_command"
        with pytest.raises(ChildExited) as caught:
            for _event in stream:
                pass
        assert caught.value.exit_status == 3
        assert "stack overflow" in caught.value.output
        with pytest.raises(ChildExited, match=r"^show_active_user: .*ended with status 3") as again:
            chat.show_active_user()
        assert again.value.exit_status == 3
        assert chat.pid is not None
    with pytest.raises(ConnectionLost):
        chat.show_active_user()


def test_hangs_then_the_next_call_is_right(make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake()
    with fake.client() as chat:
        with pytest.raises(CommandTimeout, match=r"^send_command: no answer in 0\.05 seconds") as caught:
            chat.send_command(steps(["gate"], ["answer", {"type": "late"}]), timeout=0.05)
        assert caught.value.seconds == 0.05
        stream = chat.events(timeout=0)
        open_gate(chat)
        assert chat.send_command(steps(["answer", {"type": "right"}])).tag == "right"
        assert list(stream) == []  # the late answer is no event
    assert fake.count(steps(["gate"], ["answer", {"type": "late"}])) == 1


def test_does_not_read_its_socket(make_fake: Callable[..., FakeCli]) -> None:
    with make_fake().client() as chat:
        with pytest.raises(CommandTimeout):
            chat.send_command(steps(["gate"], ANSWER), timeout=0.05)
        large = steps(["answer", {"type": "large"}], ["print", "x" * 8_000_000])
        with pytest.raises(CommandTimeout) as caught:
            chat.send_command(large, timeout=0.05)  # more than the buffers of a socket hold
        assert "the outcome is unknown" in str(caught.value)
        open_gate(chat)
        assert chat.send_command(steps(["answer", {"type": "right"}])).tag == "right"


@pytest.mark.parametrize("names", [["SIGTERM"], ["SIGTERM", "SIGHUP", "SIGINT"]])
def test_ignores_signals_and_is_ended_all_the_same(make_fake: Callable[..., FakeCli], names: list[str]) -> None:
    fake = make_fake()
    with fake.client() as chat:
        chat.send_command(steps(["ignore", *names], ANSWER))
        pid = chat.pid
        assert pid is not None
        session = chat._session
        assert session is not None
        deadline = Deadline(LONG)
    assert deadline.at_most(LONG) > LONG - 2
    assert session.ended_by == "SIGKILL"
    assert not psutil.pid_exists(pid)


def test_the_database_stays_locked_until_the_cli_has_ended(
    make_fake: Callable[..., FakeCli], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    stop, ended = CliProcess.stop, []

    def watched(process: CliProcess) -> None:
        with pytest.raises(DatabaseInUse):
            DatabaseLock(fake.folder / "chat").acquire()
        stop(process)
        ended.append(process.ended_by)

    monkeypatch.setattr(CliProcess, "stop", watched)
    with fake.client():
        pass
    assert ended == ["SIGTERM"]


def test_a_child_that_obeys_is_ended_by_sigterm(make_fake: Callable[..., FakeCli]) -> None:
    with make_fake().client() as chat:
        session = chat._session
    assert session is not None
    assert session.ended_by == "SIGTERM"


def test_floods_its_terminal(make_fake: Callable[..., FakeCli]) -> None:
    with make_fake().client() as chat:
        process = psutil.Process()
        before = process.memory_info().rss
        answer = chat.send_command(steps(["flood", 100_000_000], ["answer", {"type": "right"}]))
        assert answer.tag == "right"
        assert process.memory_info().rss - before < 50_000_000


def test_five_thousand_commands_with_nobody_else_reading_the_terminal(make_fake: Callable[..., FakeCli]) -> None:
    with make_fake().client() as chat:
        for number in range(5000):
            assert chat.send_command(f"/command {number}").tag == "cmdOk"


def test_prints_broken_utf8_and_control_sequences(make_fake: Callable[..., FakeCli]) -> None:
    junk = base64.b64encode(b"\xff\xfe\xc3(\x00\x1b[2J\x1b]0;title\x07\r\n" * 50).decode()
    fake = make_fake(starts=[[["bytes", junk], ["print", "Current user: alice"], ["listen"]]])
    with fake.client() as chat:
        chat.send_command(steps(["bytes", junk], ANSWER))
        assert chat.show_active_user().user.local_display_name == "alice"


@pytest.mark.parametrize("version", ["SimpleX Chat v5.0.0.1", "7.9.9.9", "", "développement"])
def test_of_another_version(make_fake: Callable[..., FakeCli], version: str) -> None:
    answers = recorded_answers()
    user = {**answers["/user"], "somethingNew": {"deep": [1, None]}}
    facts = {**answers["/version"], "versionInfo": {**answers["/version"]["versionInfo"], "version": version}}
    with make_fake(answers={"/user": user, "/version": facts}).client() as chat:
        assert chat.cli_version == version
        assert chat.show_active_user().to_dict() == user


def test_close_while_calls_and_waits_are_under_way(make_fake: Callable[..., FakeCli]) -> None:
    chat: SimplexChat = make_fake().client().start()
    expectation = chat.expect(events.UnknownEvent, unknown("waiting"))
    calls = [in_thread(lambda: chat.send_command(steps(WAITING, ["gate"])))]
    expectation.wait()
    calls += [in_thread(chat.show_active_user) for _ in range(3)]
    calls.append(in_thread(lambda: chat.wait_for(events.ContactConnected, timeout=LONG)))
    calls.append(in_thread(lambda: list(chat.events(events.ContactConnected))))
    chat.close()
    for thread, failures in calls:
        thread.join(LONG)
        assert not thread.is_alive()
        assert len(failures) == 1
        assert isinstance(failures[0], (ClientClosed, OutcomeUnknown))
    with pytest.raises(ClientClosed):
        chat.show_active_user()
