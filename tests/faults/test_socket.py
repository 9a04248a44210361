"""The connection breaks, and what comes over it is not what it should be."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from simplex_sync import SimplexChat, events, responses
from simplex_sync.errors import CommandError, ConnectionLost, OutcomeUnknown
from tests.children.fake import ANSWER, FakeCli, recorded_answers, steps

LONG = 20.0


@pytest.fixture
def chat(make_fake: Callable[..., FakeCli]) -> Any:
    with make_fake().client() as client:
        yield client


def still_right(chat: SimplexChat) -> None:
    """The client works on, and answers belong to their commands."""
    for tag in ("first", "second"):
        assert chat.send_command(steps(["answer", {"type": tag}])).tag == tag
    assert chat.show_active_user().to_dict() == recorded_answers()["/user"]


def wire(data: bytes) -> list[str]:
    return ["wire", base64.b64encode(data).decode()]


@pytest.mark.parametrize(
    "break_off",
    [
        pytest.param([["drop"]], id="after the command, before the answer"),
        pytest.param([["half"], ["drop"]], id="in the middle of the answer"),
        pytest.param([["half"], ["end"]], id="half an answer, and then a close frame"),
        pytest.param([["end"]], id="closed in good order"),
        pytest.param([wire(b'\x01\x07{"corrI'), ["drop"]], id="in the middle of an answer in fragments"),
        pytest.param([wire(b"\x81")], id="half a head of a frame, and then another answer"),
        pytest.param([wire(b"\xf3\x05hello")], id="reserved bits"),
        pytest.param([wire(b"\x83\x05hello")], id="an opcode that nobody knows"),
        pytest.param([wire(b"\x81\x85masked-frame")], id="a masked frame"),
        pytest.param([wire(b"HTTP/1.1 500 no\r\n\r\n")], id="something else altogether"),
    ],
)
def test_dropped_during_a_command(make_fake: Callable[..., FakeCli], break_off: list[list[Any]]) -> None:
    fake = make_fake()
    with fake.client() as chat:
        pid = chat.pid
        command = steps(*break_off, ANSWER, ["drop"])
        reconnected = chat.expect(events.Reconnected)
        with pytest.raises(OutcomeUnknown, match=r"^send_command: ") as caught:
            chat.send_command(command)
        assert isinstance(caught.value.__cause__, ConnectionLost)
        assert (reconnected.value.restarted, chat.pid) == (False, pid)
        still_right(chat)
    assert fake.count(command) == 1  # never sent twice


def test_dropped_after_a_command(chat: SimplexChat) -> None:
    with chat.expect(events.Reconnected):
        assert chat.send_command(steps(["answer", {"type": "whole"}], ["drop"])).tag == "whole"
    still_right(chat)


def test_dropped_before_a_command_which_is_then_sent_once_on_the_new_connection(
    make_fake: Callable[..., FakeCli], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = make_fake()
    with fake.client() as chat:
        session = chat._session
        assert session is not None
        recover, lost, go_on = session.recover, threading.Event(), threading.Event()

        def held(cause: Any) -> Any:
            lost.set()
            go_on.wait(LONG)
            return recover(cause)

        monkeypatch.setattr(session, "recover", held)
        chat.send_command(steps(ANSWER, ["drop"]))
        assert lost.wait(LONG)
        tags: list[str] = []
        thread = threading.Thread(target=lambda: tags.append(chat.send_command("/with effect").tag))
        thread.start()
        go_on.set()
        thread.join(LONG)
        assert tags == ["cmdOk"]  # nothing of it had been handed over, so it is no OutcomeUnknown
        still_right(chat)
    assert fake.count("/with effect") == 1


def test_commands_that_only_read_are_repeated_and_others_are_not(make_fake: Callable[..., FakeCli]) -> None:
    contacts = {"type": "contactsList", "user": recorded_answers()["/user"]["user"], "contacts": []}
    fake = make_fake(
        answers={**recorded_answers(), "/_contacts 1": contacts},
        on={"/_contacts 1": [[["drop"]], [["half"], ["drop"]]], "/_address 1": [[["drop"]]]},
    )
    with fake.client() as chat:
        assert chat.api_list_contacts().to_dict() == contacts
        with pytest.raises(OutcomeUnknown, match=r"^api_create_my_address: ") as caught:
            chat.api_create_my_address()
        assert caught.value.command == "APICreateMyAddress"
        still_right(chat)
    assert (fake.count("/_contacts 1"), fake.count("/_address 1")) == (3, 1)


def test_frames_split_at_every_byte(chat: SimplexChat) -> None:
    body = recorded_answers()["/user"]
    assert chat.send_command(steps(["dribble", body])).to_dict() == body


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_messages_in_fragments_with_pings_between(chat: SimplexChat, size: int) -> None:
    body = recorded_answers()["/user"]
    assert chat.send_command(steps(["fragments", size, body])).to_dict() == body
    still_right(chat)


def test_a_frame_of_64_megabytes(chat: SimplexChat) -> None:
    answer = chat.send_command(steps(["big", 64 * 1024 * 1024]))
    assert isinstance(answer, responses.UnknownResponse)
    assert len(answer.raw["text"]) == 64 * 1024 * 1024
    still_right(chat)


GARBAGE = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"resp":null}',
    '{"resp":[]}',
    '{"resp":{}}',
    '{"resp":{"type":null}}',
    '{"resp":{"type":["a"]}}',
    '{"corrId":5,"resp":{"type":"cmdOk"}}',
    '{"corrId":null,"resp":{"type":"cmdOk"}}',
    '{"corrId":"","resp":{"type":"cmdOk"}}',
    '{"corrId":"12345678901234567890","resp":{"type":"cmdOk"}}',
    '{"corrId":"no such","resp":{"type":"cmdOk"}}',
    '{"resp":{"type":"newChatItems","user":7,"chatItems":{"a":1}}}',
    '{"resp":{"type":"newChatItems","chatItems":[1,null,"x",[],{}]}}',
    '{"resp":{"type":"contactConnected","contact":{"profile":"no","contactId":"x"}}}',
    '{"resp":{"type":"chatError","chatError":"text"}}',
    '{"resp":{"type":"huge","value":1e999,"other":%s}}' % ("9" * 5000),
    '{"resp":{"type":"half","text":"\\ud800"}}',
    "\udcff\udcfe",
]


def test_garbage_becomes_events_in_their_order_and_takes_no_answer_along(chat: SimplexChat) -> None:
    stream = chat.events(timeout=LONG)
    texts = [["text", payload] for payload in GARBAGE]
    assert chat.send_command(steps(*texts, ["answer", {"type": "right"}])).tag == "right"
    chat.send_command(steps(["event", {"type": "last"}], ANSWER))
    seen = []
    for event in stream:
        seen.append(event)
        assert repr(event)
        assert isinstance(event.to_dict(), dict)
        if event.tag == "last":
            break
    assert [event.to_dict() for event in seen[:-1]] == [as_it_came(payload) for payload in GARBAGE]
    still_right(chat)


def as_it_came(payload: str) -> Any:
    """Return what the event made of a payload holds: the body, or the payload itself where it has none."""
    try:
        body = json.loads(payload, parse_int=lambda digits: int(digits) if len(digits) < 1000 else digits)["resp"]
    except (ValueError, TypeError, KeyError):
        body = None
    if isinstance(body, dict):
        return body
    text = payload.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {"type": "", "unreadable": text}


@pytest.mark.parametrize(
    "payload",
    [
        '{"corrId":"$ID"}',
        '{"corrId":"$ID","resp":null}',
        '{"corrId":"$ID","resp":7}',
        '{"corrId":"$ID","resp":{"type":"deep","value":' + "[" * 100_000 + "]" * 100_000 + "}}",
        '{"corrId":"$ID","resp":{"type":"cut","value":',
    ],
)
def test_an_answer_that_cannot_be_read_is_a_typed_error(chat: SimplexChat, payload: str) -> None:
    with pytest.raises(OutcomeUnknown, match=r"^send_command: .*could not be read"):
        chat.send_command(steps(["text", payload]))
    still_right(chat)


@pytest.mark.parametrize("depth", [100, 900, 10_000])
def test_deep_nesting_is_an_answer_or_a_typed_error(chat: SimplexChat, depth: int) -> None:
    stream = chat.events(events.UnknownEvent, timeout=LONG)
    chat.send_command(steps(["text", '{"resp":{"type":"deep","value":' + "[" * depth + "]" * depth + "}}"], ANSWER))
    event = next(stream)
    assert event.tag == "deep"
    assert event.to_dict()
    try:
        answer = chat.send_command(steps(["nested", depth]))
    except OutcomeUnknown:
        assert depth > 900
    else:
        assert answer.tag == "deep"
        assert answer.to_dict()
    still_right(chat)


def test_answers_with_wrong_types_are_records_all_the_same(chat: SimplexChat) -> None:
    odd = {"type": "activeUser", "user": {"userId": "one", "profile": 7, "activeUser": "yes", "fullPreferences": []}}
    assert chat.send_command(steps(["answer", odd])).to_dict() == odd
    still_right(chat)


@pytest.mark.parametrize("chat_error", [None, "text", [], {}, {"type": 3}, {"type": "error", "errorType": "x"}])
def test_errors_with_wrong_types_are_command_errors(chat: SimplexChat, chat_error: Any) -> None:
    with pytest.raises(CommandError, match=r"^send_command: the CLI answered "):
        chat.send_command(steps(["answer", {"type": "chatCmdError", "chatError": chat_error}]))
    still_right(chat)


def test_answers_in_another_order_duplicated_and_with_strange_ids(chat: SimplexChat) -> None:
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = chat.send_command(steps(["later", {"type": f"answer{number}"}])).tag

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    duplicated = chat.send_command(steps(["answer", {"type": "one"}], ["answer", {"type": "two"}], ["flush"]))
    while any(thread.is_alive() for thread in threads):
        chat.send_command(steps(["flush"], ANSWER))  # for those that came after the first flush
    for thread in threads:
        thread.join(LONG)
    assert duplicated.tag == "one"
    assert answers == {number: f"answer{number}" for number in range(20)}
    still_right(chat)


def test_binary_frames_and_pings_are_taken(chat: SimplexChat) -> None:
    binary = Frame(Opcode.BINARY, json.dumps({"resp": {"type": "binary"}}).encode()).serialize(mask=False)
    ping = Frame(Opcode.PING, b"are you there?").serialize(mask=False)
    with chat.expect(events.UnknownEvent) as received:
        chat.send_command(steps(wire(ping), wire(binary), ANSWER))
    assert received.value.tag == "binary"
    still_right(chat)
