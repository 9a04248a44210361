"""Small bots: `_conversation.handlers`.

Rests on the recorded events `newChatItems` and `contactConnected`.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from simplex_sync import Message, SimplexChat, events
from simplex_sync._conversation.handlers import Handlers
from simplex_sync.errors import ChildExited, CommandError, InvalidArgument
from tests.unit._conversation.conftest import connect
from tests.unit._conversation.recorded import item, recorded_events

Make = Callable[..., SimplexChat]


def couple(make: Make, **options: Any) -> tuple[SimplexChat, SimplexChat]:
    alice, bob = make("alice"), make("bob", **options)
    connect(alice, bob)
    return alice, bob


def test_a_bot(make_any_chat: Make) -> None:
    alice, bob = couple(make_any_chat)
    heard: list[str] = []

    @bob.on_message
    def echo(message: Message) -> None:
        message.reply("you said " + message.text)

    @bob.on_message
    def note(message: Message) -> None:
        heard.append(message.text)

    @bob.on_command("add")
    def add(message: Message) -> None:
        assert message.command is not None
        message.reply(str(sum(map(int, message.command.args.split()))))

    for text in ("hello", "/add 1 2 3", "/unknown x"):
        alice.send("@bob", text)
    bob.run(timeout=0.5)
    assert heard == ["hello", "/unknown x"]
    answers = [message.text for message in alice.messages(timeout=0.3)]
    assert answers == ["you said hello", "6", "you said /unknown x"]
    assert bob.handler_errors == []


def test_handlers_may_wait_for_events(make_chat: Make) -> None:
    alice, bob = couple(make_chat)
    answers: list[str] = []

    @bob.on_command("ask")
    def ask(message: Message) -> None:
        with bob.expect(
            events.NewChatItems, where=lambda event: Message(bob, event.chat_items[0]).text == "42", timeout=20
        ) as answer:
            message.reply("how much?").wait_delivered()
        answers.append(Message(bob, answer.value.chat_items[0]).text)

    def talk() -> None:
        alice.send("@bob", "/ask")
        for message in alice.messages(timeout=20):
            if message.text == "how much?":
                message.reply("42")
                return

    thread = threading.Thread(target=talk)
    thread.start()
    bob.run(timeout=1)
    thread.join(20)
    assert answers == ["42"]


def test_handlers_of_events(make_any_chat: Make) -> None:
    alice, bob = make_any_chat("alice"), make_any_chat("bob")
    seen: list[Any] = []

    @bob.on(events.ContactConnected)
    def connected(event: events.ContactConnected) -> None:
        seen.append(event.contact.local_display_name)

    everything: list[str] = []

    @bob.on()
    def all_events(event: events.Event) -> None:
        everything.append(event.tag)

    bob.run(timeout=0)
    connect(alice, bob)
    alice.send("@bob", "hello")
    bob.run(timeout=0.5)
    assert seen == ["alice"]
    assert "newChatItems" in everything


def test_an_error_is_logged_and_told_and_does_not_end_the_run(
    make_chat: Make, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = couple(make_chat)
    told: list[Any] = []

    @bob.on_message
    def fail(message: Message) -> None:
        raise ValueError("private: " + message.text)

    @bob.on_error
    def tell(problem: Any) -> None:
        told.append((problem.handler, type(problem.error).__name__, problem.subject.text))

    alice.send_many("@bob", ["secret 1", "secret 2"])
    with caplog.at_level(logging.DEBUG, "simplex_sync"):
        bob.run(timeout=0.5)
    assert [each[1:] for each in told] == [("ValueError", "secret 1"), ("ValueError", "secret 2")]
    assert len(bob.handler_errors) == 2
    assert "raised ValueError at" in caplog.text
    assert "test_handlers.py" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in str(bob.handler_errors[0][0])


def test_an_error_ends_the_run_when_asked(make_chat: Make) -> None:
    alice, bob = couple(make_chat)

    @bob.on_message
    def fail(message: Message) -> None:
        raise ValueError(message.text)

    alice.send_many("@bob", ["1", "2"])
    for number in ("1", "2"):
        with pytest.raises(ValueError, match=number):
            bob.run(timeout=20, stop_on_error=True)


def test_ctrl_c_ends_the_run_quietly_and_nothing_is_lost(make_chat: Make) -> None:
    alice, bob = couple(make_chat)
    heard: list[str] = []

    @bob.on_message
    def note(message: Message) -> None:
        heard.append(message.text)
        if message.text == "2":
            signal.raise_signal(signal.SIGINT)

    alice.send_many("@bob", ["1", "2", "3"])
    bob.run(timeout=20)
    assert heard == ["1", "2"]

    # While it waits for what comes next, too.
    bob.run(timeout=0.5)
    timer = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()
    bob.run()
    timer.join()
    alice.send("@bob", "4")
    bob.run(timeout=0.5)
    assert heard == ["1", "2", "3", "4"]


def test_the_end_of_the_client_ends_the_run(make_chat: Make) -> None:
    _, bob = couple(make_chat)
    bob.on_message(lambda _: None)
    timer = threading.Timer(0.2, bob.close)
    timer.start()
    bob.run()
    timer.join()


def test_a_handler_may_close_the_client(make_chat: Make) -> None:
    alice, bob = couple(make_chat)

    @bob.on_message
    def end(message: Message) -> None:
        bob.close()
        message.reply("too late")

    alice.send("@bob", "end")
    bob.run(timeout=20)


def test_a_cli_that_is_gone_for_good_is_told(make_chat: Make) -> None:
    _, bob = couple(make_chat, restart=False)
    bob.on_message(lambda _: None)
    assert bob.pid is not None
    timer = threading.Timer(0.2, os.kill, (bob.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(ChildExited):
        bob.run()
    timer.join()


def test_which_handlers_are_called() -> None:
    handlers = Handlers()

    def on_text(_: Message) -> None: ...

    def on_help(_: Message) -> None: ...

    def on_event(_: events.Event) -> None: ...

    handlers.messages.append(on_text)
    handlers.commands["help"] = on_help
    handlers.events.append(((events.ContactConnected,), on_event))
    handlers.events.append(((), on_event))
    assert handlers.of(Message(None, item(text="/help"))) == [on_help]
    assert handlers.of(Message(None, item(text="/other"))) == [on_text]
    connected = next(recorded_events("messages", "contactConnected"))
    assert handlers.of(connected) == [on_event, on_event]
    assert handlers.of(next(recorded_events("messages", "contactConnecting"))) == [on_event]
    assert handlers.tags() is None
    handlers.events.pop()
    assert handlers.tags() == frozenset({"contactConnected"})


def test_wrong_registrations(tmp_path: Any) -> None:
    chat = SimplexChat(tmp_path / "x")
    with pytest.raises(InvalidArgument, match="run: no function is registered"):
        chat.run()
    for register in (chat.on_message, chat.on_error, chat.on(), chat.on_command("x")):
        with pytest.raises(InvalidArgument, match="a function is needed, not int"):
            register(7)  # type: ignore[type-var,arg-type]  # the wrong type is the point
    for name in ("", "/", "two words", 7, "/_send"):
        with pytest.raises(InvalidArgument, match="on_command: name must be"):
            chat.on_command(name)  # type: ignore[arg-type]  # the wrong type is the point
    chat.on_command("/help")(lambda _: None)
    with pytest.raises(InvalidArgument, match="/help has a function already"):
        chat.on_command("help")
    with pytest.raises(InvalidArgument, match="on: give classes"):
        chat.on(CommandError)  # type: ignore[arg-type]  # the wrong type is the point
