"""What was lost comes back, or everybody is told why not."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from simplex_sync import SimplexChat, events
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.process import CliProcess
from simplex_sync.errors import ChildExited, ClientClosed, CliExited, ConnectionLost, OutcomeUnknown
from tests.children.fake import ANSWER, FakeCli, recorded_answers, steps

LONG = 20.0
Make = Callable[..., FakeCli]
USUAL: list[list[Any]] = [["print", "Current user: alice"], ["listen"]]
DIES: list[list[Any]] = [["print", "no luck"], ["exit", 7]]


def test_the_cli_is_started_again_after_failures(make_fake: Make) -> None:
    fake = make_fake(starts=[USUAL, DIES, [*USUAL, ["refuse", 1], ["exit", 3]], USUAL])
    with fake.client() as chat:
        with chat.expect(events.Reconnected) as reconnected, pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["die"]))
        assert reconnected.value.restarted
        assert chat.show_active_user().to_dict() == recorded_answers()["/user"]
        assert len(fake.notes("start")) == 4
        assert len({chat.pid, *fake.notes("start")}) == 4
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([["hang"]], id="no port"),
        pytest.param([["listen"], ["refuse", 2, "SSH-2.0-OpenSSH\r\n"], ["hang"]], id="another protocol"),
    ],
)
def test_a_start_that_fails_without_an_end_is_tried_again_too(make_fake: Make, bad: list[list[Any]]) -> None:
    fake = make_fake(starts=[USUAL, bad, USUAL])
    with fake.client(timeout=1.5) as chat:
        stream = chat.events(events.Reconnected, timeout=LONG)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["die"]))
        assert next(stream).restarted
        assert chat.show_active_user(timeout=LONG)
        assert len(fake.notes("start")) == 3


def test_a_command_that_only_reads_waits_for_the_restart(make_fake: Make) -> None:
    fake = make_fake(starts=[USUAL, DIES, USUAL], on={"/_contacts 1": [[["die"]]]})
    with fake.client() as chat:
        assert chat.api_list_contacts().tag == "cmdOk"
    assert fake.count("/_contacts 1") == 2


def test_commands_given_while_the_cli_is_away_are_sent_once_when_it_is_back(make_fake: Make) -> None:
    fake = make_fake(starts=[USUAL, [["gate"], *USUAL]])
    with fake.client() as chat:
        stream = chat.events(events.Reconnected)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["die"]))
        answers: list[str] = []
        threads = [
            threading.Thread(target=lambda number=number: answers.append(chat.send_command(f"/late {number}").tag))
            for number in range(5)
        ]
        for thread in threads:
            thread.start()
        fake.wait_for_notes("start", 2)
        os.kill(fake.notes("start")[1], signal.SIGUSR1)
        for thread in threads:
            thread.join(LONG)
        assert answers == ["cmdOk"] * 5
        assert next(stream).restarted
    assert [fake.count(f"/late {number}") for number in range(5)] == [1] * 5


def test_it_never_comes_back(make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake(starts=[USUAL, DIES])
    with fake.client() as chat:
        session = chat._session
        assert session is not None
        pauses: list[float] = []
        monkeypatch.setattr(session.channel, "pause", pauses.append)
        stream = chat.events(events.ContactConnected)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["die"]))
        with pytest.raises(ChildExited, match=r"^events: the CLI ended with status 7") as caught:
            next(stream)
        assert caught.value.exit_status == 7
        assert "no luck" in caught.value.output
        assert isinstance(caught.value.__cause__, CliExited)
        for call in (
            chat.show_active_user,
            lambda: chat.send_command("/x"),
            lambda: chat.wait_for(events.NewChatItems),
        ):
            with pytest.raises(ChildExited):
                call()
        assert pauses == sorted(pauses)
        assert len(pauses) == len(fake.notes("start")) - 2 == 7


@pytest.mark.parametrize("instruction", [["die"], ["drop"]])
def test_it_comes_back_and_is_lost_at_once_each_time(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch, instruction: list[Any]
) -> None:
    monkeypatch.setattr(CliProcess, "is_peer", lambda *_arguments: True)  # it may be gone before that is looked at
    at_once = ["at_each_connection", [["event", {"type": "x"}], instruction]]
    fake = make_fake(starts=[USUAL, [at_once, *USUAL]])
    with fake.client() as chat:
        session = chat._session
        assert session is not None
        pauses: list[float] = []
        monkeypatch.setattr(session.channel, "pause", pauses.append)
        stream = chat.events()
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(at_once, instruction))
        with pytest.raises(ChildExited) as caught:
            list(stream)
        assert isinstance(caught.value.__cause__, ConnectionLost)
        assert pauses == sorted(pauses)
        assert len(pauses) == 6
        with pytest.raises(ChildExited):
            chat.show_active_user()
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


def test_a_cli_that_is_killed_often_and_answers_in_between_is_not_given_up(make_fake: Make) -> None:
    with make_fake().client() as chat:
        for _ in range(10):
            with pytest.raises(OutcomeUnknown):
                chat.send_command(steps(["die"]))
            assert chat.show_active_user()
        assert chat.restarts == 10


@pytest.mark.parametrize("instruction", [["die"], ["exit", 0]])
def test_without_restart_the_end_is_the_end(make_fake: Make, instruction: list[Any]) -> None:
    fake = make_fake()
    with fake.client(restart=False) as chat:
        stream = chat.events(events.ContactConnected)
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(instruction))
        with pytest.raises(ChildExited) as caught:
            next(stream)
        assert caught.value.exit_status == (-9 if instruction == ["die"] else 0)
        assert chat.restarts == 0
    assert len(fake.notes("start")) == 1


def test_a_client_whose_cli_is_gone_for_good_can_be_started_again(make_fake: Make) -> None:
    with make_fake().client(restart=False) as chat:
        first = chat.pid
        with pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["die"]))
        with pytest.raises(ChildExited):
            chat.wait_for(events.ContactConnected, timeout=LONG)
        assert chat.start() is chat
        assert chat.pid != first
        assert chat.show_active_user()


def test_without_restart_a_lost_connection_is_opened_again(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client(restart=False) as chat:
        with chat.expect(events.Reconnected) as reconnected, pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["drop"]))
        assert not reconnected.value.restarted
        assert chat.show_active_user()


def test_a_cli_that_lives_but_takes_no_connection_is_replaced(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client() as chat:
        first = chat.pid
        with chat.expect(events.Reconnected) as reconnected, pytest.raises(OutcomeUnknown):
            chat.send_command(steps(["close_port"], ["wire", ""], ["drop"]))
        assert reconnected.value.restarted
        assert chat.pid != first
        assert chat.show_active_user()
    assert first is not None
    assert not psutil.pid_exists(first)


def test_close_while_the_cli_is_being_started_again(make_fake: Make) -> None:
    fake = make_fake(starts=[USUAL, [["hang"]]])
    chat = fake.client().start()
    with pytest.raises(OutcomeUnknown):
        chat.send_command(steps(["die"]))
    waiting = chat.expect(events.Reconnected, timeout=LONG)
    fake.wait_for_notes("start", 2)
    deadline = Deadline(LONG)
    chat.close()
    assert deadline.at_most(LONG) > LONG - 2
    with pytest.raises(ClientClosed):
        waiting.wait()
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


def test_close_while_a_living_cli_does_not_answer_the_new_connection(make_fake: Make) -> None:
    fake = make_fake()
    chat = fake.client().start()
    with pytest.raises(OutcomeUnknown):
        chat.send_command(steps(["mute"], ["drop"]))
    fake.wait_for_notes("muted", 1)
    deadline = Deadline(LONG)
    chat.close()
    assert deadline.at_most(LONG) > LONG - 2
    assert len(fake.notes("start")) == 1  # and none is started by a thread that knows nothing of the end
    assert not any(psutil.pid_exists(pid) for pid in fake.notes("start"))


def test_close_during_a_pause_between_two_starts(make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake(starts=[USUAL, DIES])
    chat = fake.client().start()
    session = chat._session
    assert session is not None
    pause, paused = session.channel.pause, threading.Event()

    def long_pause(_seconds: float) -> None:
        paused.set()
        pause(LONG)

    monkeypatch.setattr(session.channel, "pause", long_pause)
    with pytest.raises(OutcomeUnknown):
        chat.send_command(steps(["die"]))
    assert paused.wait(LONG)
    deadline = Deadline(LONG)
    chat.close()
    assert deadline.at_most(LONG) > LONG - 2


# Somebody else's CLI


def test_attach_opens_a_lost_connection_again_and_never_ends_the_other_cli(make_fake: Make) -> None:
    fake = make_fake(starts=[[["listen"], ["say_port"]]])
    with subprocess.Popen([fake.path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        with SimplexChat.attach(f"ws://127.0.0.1:{port}", timeout=LONG) as chat:
            assert (chat.pid, chat.port, chat.user.local_display_name) == (None, port, "alice")
            with chat.expect(events.Reconnected) as reconnected, pytest.raises(OutcomeUnknown):
                chat.send_command(steps(["drop"]))
            assert not reconnected.value.restarted
            assert chat.show_active_user()
        assert other.poll() is None
        other.kill()


def test_commands_are_answered_after_many_losses(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client() as chat:
        for number in range(5):
            with chat.expect(events.Reconnected):
                chat.send_command(steps(ANSWER, ["drop"]))
            assert chat.send_command(f"/x {number}").tag == "cmdOk"
        assert chat.restarts == 0
