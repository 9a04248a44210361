"""The client, on a child that passes for the CLI. What goes wrong with that child is in tests/faults/."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tenacity

from simplex_sync import SimplexChat, client, commands, events, responses, types
from simplex_sync._internal.codec import Frame
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.session import Session
from simplex_sync.errors import (
    ClientClosed,
    CommandError,
    CommandTimeout,
    ConnectionLost,
    EventTimeout,
    ForkedClient,
    InvalidArgument,
    NetworkError,
    OutcomeUnknown,
    StartError,
    StartTimeout,
    UserExists,
)
from tests.children.fake import ANSWER, FakeCli, open_gate, recorded_answers, steps

Make = Callable[..., FakeCli]
Json = dict[str, Any]
LONG = 20.0


@pytest.fixture
def chat(make_fake: Make) -> Iterator[SimplexChat]:
    with make_fake().client() as made:
        yield made


def failure(**chat_error: Any) -> Json:
    return {"type": "chatCmdError", "chatError": chat_error}


NETWORK = failure(
    type="errorAgent", agentError={"type": "BROKER", "brokerAddress": "", "brokerErr": {"type": "NETWORK"}}
)


# Life


def test_the_constructor_does_nothing(tmp_path: Path) -> None:
    made = SimplexChat(tmp_path / "chat", executable=tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
    assert repr(made) == "<SimplexChat 'chat', not started>"
    for use in (
        lambda: made.user,
        lambda: made.pid,
        lambda: made.port,
        lambda: made.cli_version,
        lambda: made.restarts,
        made.show_active_user,
        made.api_list_contacts,
        made.events,
        lambda: made.expect(events.NewChatItems),
        lambda: made.wait_for(events.NewChatItems),
        lambda: made.send_command("/user"),
    ):
        with pytest.raises(ClientClosed, match=r"^\w+: the client is not started"):
            use()
    made.close()


def test_facts_of_a_running_client(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client() as chat:
        assert chat.start() is chat
        assert chat.user.to_dict() == recorded_answers()["/user"]["user"]
        assert chat.cli_version == recorded_answers()["/version"]["versionInfo"]["version"]
        assert [chat.pid] == fake.notes("start")
        assert (chat.restarts, chat.files_folder) == (0, fake.folder / "chat_files")
        assert 1024 <= chat.port < 65536
        assert repr(chat) == "<SimplexChat 'chat', running>"
    assert repr(chat) == "<SimplexChat 'chat', closed>"
    with pytest.raises(ClientClosed, match=r"^show_active_user: "):
        chat.show_active_user()


def test_a_closed_client_can_be_started_again(make_fake: Make) -> None:
    fake = make_fake()
    chat = fake.client()
    for number in (1, 2):
        with chat:
            assert chat.show_active_user()
            assert len(fake.notes("start")) == number


def test_the_display_name_picks_the_active_user(make_fake: Make) -> None:
    user = recorded_answers()["/user"]["user"]
    bob = {**user, "userId": 2, "localDisplayName": "bob"}
    users = [{"user": each, "unreadCount": 0} for each in (user, bob)]
    fake = make_fake(
        answers={
            **recorded_answers(),
            "/users": {"type": "usersList", "users": users},
            "/_user 2": {"type": "activeUser", "user": bob},
        }
    )
    with fake.client(display_name="bob") as chat:
        assert chat.user.local_display_name == "bob"
    with fake.client(display_name="alice") as chat:
        assert chat.user.local_display_name == "alice"
    with fake.client(display_name="nobody") as chat:
        assert chat.user.local_display_name == "alice"
    assert fake.count("/_user 2") == 1


def test_what_answers_strangely_is_no_cli(make_fake: Make) -> None:
    fake = make_fake(answers={"/user": {"type": "cmdOk"}, "/version": {"type": "cmdOk"}})
    with pytest.raises(StartError, match=r"is it a simplex-chat\?"):
        fake.client().start()


@pytest.mark.parametrize("arguments", [{"timeout": -1}, {"timeout": "1"}, {"retry": 3}, {"retry": tenacity.Retrying}])
def test_arguments_that_cannot_be_right(tmp_path: Path, arguments: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^SimplexChat: "):
        SimplexChat(tmp_path / "chat", **arguments)


def test_a_client_that_is_forgotten_is_closed_with_a_warning(make_fake: Make) -> None:
    kept = [make_fake().client().start()]
    session = kept[0]._session
    assert session is not None
    with pytest.warns(ResourceWarning, match=r"the client 'chat' was not closed"):
        kept.clear()
    assert session.closed


def test_a_client_that_is_forgotten_is_closed_where_warnings_are_errors(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    kept = [fake.client().start()]
    unraisable: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", unraisable.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.clear()
    assert [each.exc_type for each in unraisable] == [ResourceWarning]
    with fake.client() as again:  # the lock is free
        assert again.show_active_user()


def test_a_client_that_is_found_by_the_collector_while_a_lock_of_its_is_held(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    kept = [fake.client().start()]
    session = kept[0]._session
    assert session is not None
    monkeypatch.setattr("simplex_sync._internal.session._APART_SECONDS", 0.1)
    with pytest.warns(ResourceWarning, match="was not closed"), session.router._lock:
        kept.clear()
    session.close(ClientClosed("a test"))  # waits for the end that is under way
    with fake.client() as again:
        assert again.show_active_user()


def test_a_client_that_is_found_by_the_collector_in_its_own_thread(
    make_fake: Make, caplog: pytest.LogCaptureFixture
) -> None:
    fake = make_fake()
    kept = [fake.client().start()]
    session = kept[0]._session
    assert session is not None
    thread, deliver = session.channel._thread, session.router.deliver
    stream = kept[0].events(events.UnknownEvent)

    def deliver_and_forget(frame: Frame) -> None:
        deliver(frame)
        if frame.tag == "forget":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kept.clear()

    session.router.deliver = deliver_and_forget  # type: ignore[method-assign]
    pid = kept[0].pid
    assert pid is not None
    kept[0].send_command(steps(ANSWER, ["gate"], ["event", {"type": "forget"}]))
    os.kill(pid, signal.SIGUSR1)  # opens the gate, now that nobody else refers to the client
    with pytest.raises(ClientClosed):
        list(stream)
    thread.join(20)
    session.close(ClientClosed("a test"))  # waits for the end that is under way
    assert session.process is not None
    assert (session.process.ended_by, caplog.messages) == ("SIGTERM", [])


def test_a_copy_that_a_forked_process_forgets_was_not_to_be_closed(make_fake: Make) -> None:
    with make_fake().client() as chat:
        session = chat._session
        assert session is not None
        session.forked = True
        client._collected(session, "chat")
        session.forked = False


def test_close_all_closes_every_client(make_fake: Make) -> None:
    clients = [make_fake().client().start() for _ in range(2)]
    SimplexChat.close_all()
    assert ["closed" in repr(each) for each in clients] == [True, True]
    SimplexChat.close_all()


def test_close_all_closes_what_was_started_while_another_thread_closed(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = make_fake().client().start()
    session = chat._session
    assert session is not None
    close = session.close

    def close_and_start(error: ClientClosed) -> None:
        close(error)
        thread = threading.Thread(target=chat.start)
        thread.start()
        thread.join(20)

    monkeypatch.setattr(session, "close", close_and_start)
    chat.close()
    assert chat.show_active_user()
    SimplexChat.close_all()
    assert "closed" in repr(chat)


def test_a_start_that_a_signal_handler_replaces_leaves_the_new_one(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = make_fake().client()
    start = Session.start

    def handled(session: Session, deadline: Deadline) -> None:
        monkeypatch.setattr(Session, "start", start)
        chat.close()
        chat.start()
        start(session, deadline)

    monkeypatch.setattr(Session, "start", handled)
    with pytest.raises(ClientClosed):
        chat.start()
    assert chat.show_active_user()
    chat.close()


def test_a_client_that_is_being_started_is_no_business_of_a_fork(make_fake: Make) -> None:
    chat = make_fake().client()
    client._living.add(chat)
    client._after_fork()
    client._living.discard(chat)


def test_attaching_to_a_cli_that_somebody_else_runs(chat: SimplexChat) -> None:
    attached = SimplexChat.attach(f"ws://127.0.0.1:{chat.port}", timeout=0.2)
    assert repr(attached) == "<SimplexChat 'attached', not started>"
    assert attached.files_folder is None
    with pytest.raises(StartTimeout, match=r"did not answer on it in time"):  # it serves one at a time
        attached.start()
    for url in ("http://x", "ws://", "nonsense", 3):
        wrong: Any = url
        with pytest.raises(InvalidArgument, match=r"^attach: url must be ws://"):
            SimplexChat.attach(wrong)


def test_a_start_that_gets_no_answers(make_fake: Make) -> None:
    with pytest.raises(StartTimeout, match=r"answers no commands"):
        make_fake(on={"/user": [[]]}).client(timeout=1.5).start()


def test_after_a_fork_the_copy_neither_works_nor_ends_anything(
    chat: SimplexChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = chat._session
    assert session is not None
    told: list[bool] = []
    with monkeypatch.context() as patch:
        patch.setattr(session, "after_fork", lambda: told.append(True))
        client._after_fork()
    assert told == [True]
    with monkeypatch.context() as patch:
        patch.setattr(session, "forked", True)
        for use in (chat.show_active_user, chat.start, chat.events):
            with pytest.raises(ForkedClient, match=r"another database"):
                use()
        chat.close()
    assert chat.show_active_user()


# Commands


def test_generated_methods_execute_and_send_command_agree(chat: SimplexChat) -> None:
    record = chat.show_active_user()
    assert isinstance(record, responses.ActiveUser)
    assert record == chat.execute(commands.ShowActiveUser()) == chat.send_command("/user")


def test_the_active_user_is_the_default_and_follows_the_answers(make_fake: Make) -> None:
    user = {**recorded_answers()["/user"]["user"], "userId": 7}
    fake = make_fake(answers={**recorded_answers(), "/_user 7": {"type": "activeUser", "user": user}})
    with fake.client() as chat:
        chat.api_list_contacts()
        chat.api_set_active_user(user_id=7)
        assert chat.user.user_id == 7
        chat.api_list_contacts()
        chat.api_list_contacts(user_id=5)
        hidden = {"type": "userPrivacy", "user": {**user, "userId": 8, "activeUser": False}}
        chat.send_command(steps(["answer", hidden]))
        assert chat.user.user_id == 7
    assert fake.notes("command")[2:6] == ["/_contacts 1", "/_user 7", "/_contacts 7", "/_contacts 5"]


def test_errors_of_the_cli_name_method_and_command(chat: SimplexChat) -> None:
    exists = failure(type="error", errorType={"type": "userExists", "contactName": "bob"})
    with pytest.raises(UserExists, match=r"^send_command: the CLI answered error\.userExists") as caught:
        chat.send_command(steps(["answer", exists]))
    assert (caught.value.command, caught.value.error) == ("send_command", "error.userExists")
    assert caught.value.chat_error.to_dict() == exists["chatError"]
    with pytest.raises(CommandError, match=r"an error without a tag"):
        chat.send_command(steps(["answer", {"type": "chatCmdError"}]))


@pytest.mark.parametrize("text", [3, None, b"/user"])
def test_a_command_that_is_no_text(chat: SimplexChat, text: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^send_command: text must be a string"):
        chat.send_command(text)


def test_timeouts_are_checked_and_kept(make_fake: Make) -> None:
    fake = make_fake()
    with fake.client() as chat:
        with pytest.raises(InvalidArgument, match=r"^show_active_user: timeout "):
            chat.show_active_user(timeout=-1)
        deadline = Deadline(LONG)
        with pytest.raises(
            CommandTimeout, match=r"^show_active_user: no answer in 0\.\d+ seconds; the outcome is unknown"
        ):
            fake_silence(chat)
        assert deadline.at_most(LONG) > LONG - 5
        assert chat.show_active_user(timeout=None)


def fake_silence(chat: SimplexChat) -> None:
    """Ask while the CLI does something else."""
    with pytest.raises(CommandTimeout):
        chat.send_command(steps(["gate"]), timeout=0.02)
    try:
        chat.show_active_user(timeout=0.03)
    finally:
        open_gate(chat)


def test_nothing_was_sent_of_what_timed_out_in_the_queue(chat: SimplexChat, monkeypatch: pytest.MonkeyPatch) -> None:
    session = chat._session
    assert session is not None
    with monkeypatch.context() as patch:
        patch.setattr(session.channel, "send", lambda _slot: None)
        with pytest.raises(CommandTimeout, match=r"nothing was sent"):
            chat.send_command("/x", timeout=0.01)
    assert session.router.pending == 0


def test_an_interrupted_call_is_forgotten_and_the_next_one_is_right(
    chat: SimplexChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = chat._session
    assert session is not None

    def interrupted(_slot: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.channel, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            chat.send_command("/x")
    assert session.router.pending == 0
    assert chat.send_command(steps(["answer", {"type": "right"}])).tag == "right"


def test_half_of_a_surrogate_pair_is_refused_without_showing_the_text(chat: SimplexChat) -> None:
    with pytest.raises(InvalidArgument, match=r"^send_command: the text holds half of a surrogate pair$") as caught:
        chat.send_command("secret \ud800")
    assert caught.value.__context__ is None  # the codec's own error holds the text


def test_a_lost_connection_is_told_by_what_has_an_effect(chat: SimplexChat) -> None:
    with pytest.raises(OutcomeUnknown, match=r"^send_command: .* it was not sent again") as caught:
        chat.send_command(steps(["drop"]))
    assert isinstance(caught.value.__cause__, ConnectionLost)
    assert chat.show_active_user()


@pytest.mark.parametrize(("number_of_failures", "tries"), [(2, 3), (9, 4)])
def test_a_command_that_reads_is_tried_again_after_a_network_error(
    make_fake: Make, monkeypatch: pytest.MonkeyPatch, number_of_failures: int, tries: int
) -> None:
    monkeypatch.setattr("simplex_sync.retrying.time.sleep", lambda _seconds: None)
    fake = make_fake(on={"/_contacts 1": [[["answer", NETWORK]]] * number_of_failures})
    with fake.client() as chat:
        if tries > number_of_failures:
            assert chat.api_list_contacts().tag == "cmdOk"
        else:
            with pytest.raises(NetworkError, match=r"^api_list_contacts: .*which may pass"):
                chat.api_list_contacts()
    assert fake.count("/_contacts 1") == tries


def test_a_policy_of_the_user_is_followed_for_what_may_be_repeated_only(make_fake: Make) -> None:
    policy = tenacity.Retrying(stop=tenacity.stop_after_attempt(2), retry=tenacity.retry_always, reraise=True)
    message = commands.APISendMessages(
        send_ref=types.ChatRef(chat_type=types.ChatType("direct"), chat_id=4),
        composed_messages=[types.ComposedMessage(msg_content=types.MsgContentText(text="hello"), mentions={})],
    )
    assert not message.repeatable
    failing = [[["answer", NETWORK]]] * 5
    fake = make_fake(on={message.command_string(): failing, "/_contacts 1": failing})
    with fake.client(retry=policy) as chat:
        with pytest.raises(NetworkError):
            chat.execute(message)
        with pytest.raises(NetworkError):
            chat.api_list_contacts()
    assert fake.count(message.command_string()) == 1  # a message is never doubled, whatever the policy says
    assert fake.count("/_contacts 1") == 2


def test_an_answer_that_cannot_be_read_is_asked_for_again_by_what_reads_only(make_fake: Make) -> None:
    fake = make_fake(
        on={"/_contacts 1": [[["text", '{"corrId":"$ID","resp":1}']]], "/x": [[["text", '{"corrId":"$ID"}']]]}
    )
    with fake.client() as chat:
        assert chat.api_list_contacts().tag == "cmdOk"
        with pytest.raises(OutcomeUnknown, match=r"^send_command: the CLI's answer could not be read"):
            chat.send_command("/x")
    assert (fake.count("/_contacts 1"), fake.count("/x")) == (2, 1)


# Events


def test_events_expect_and_wait_for(chat: SimplexChat) -> None:
    stream = chat.events(events.UnknownEvent, timeout=0)
    with chat.expect(events.UnknownEvent, lambda event: event.raw["number"] == 2) as second:
        chat.send_command(steps(["events", 3], ANSWER))
    assert second.value.raw["number"] == 2
    assert [event.raw["number"] for event in stream] == [1, 2, 3]
    timer = threading.Timer(0.05, chat.send_command, [steps(["events", 1], ANSWER)])
    timer.start()
    assert chat.wait_for(events.UnknownEvent).raw["number"] == 4
    timer.join()
    with pytest.raises(EventTimeout, match=r"^wait_for: no ContactConnected came in 0\.01 seconds"):
        chat.wait_for(events.ContactConnected, timeout=0.01)


def test_events_of_what_is_no_event(chat: SimplexChat) -> None:
    wrong: Any = responses.ActiveUser
    for call in (chat.events, chat.expect, chat.wait_for):
        with pytest.raises(InvalidArgument, match=r"give classes of simplex_sync\.events"):
            call(wrong)
    with pytest.raises(InvalidArgument, match=r"^events: timeout"):
        chat.events(timeout=-1)
    for wait in (chat.expect, chat.wait_for):
        with pytest.raises(InvalidArgument, match=r"timeout"):
            wait(events.ContactConnected, timeout=-1)
