"""Recordings with something wrong in them, against the decoders and the whole client; and arguments of any kind."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simplex_sync import EventStream, SimplexChat, commands, events, responses, types
from simplex_sync._conversation.inbox import Inbox
from simplex_sync._conversation.receiving import message_of, selection
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.router import Router
from simplex_sync.errors import InvalidArgument
from tests.children.fake import RECORDINGS, FakeCli, recorded_frames, steps
from tests.unit._conversation.recorded import frame_of, item, new_items

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FRAMES = [frame for path in sorted(RECORDINGS.glob("*.jsonl")) for frame in recorded_frames(path.stem)]
#: One frame of each tag, the shortest: what is mutated need not be long.
SAMPLES = list({frame["resp"]["type"]: frame for frame in sorted(FRAMES, key=lambda each: -len(str(each)))}.values())

odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 2**70, 1.5, "", "\x00", "ü\u2028", [], {}, [[]], [None], {"type": 5}, {"type": "odd"}, "x" * 500]
)


@st.composite
def mutated_values(draw: st.DrawFn, samples: list[dict[str, Any]] = SAMPLES) -> dict[str, Any]:
    """A recorded frame in which some values are odd, missing or more."""
    frame: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        node: Any = frame["resp"]
        while isinstance(node, dict) and node:
            key = draw(st.sampled_from(sorted(node)))
            inner = node[key]
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                inner = inner[0]
            if isinstance(inner, dict) and inner and draw(st.integers(0, 3)):
                node = inner
                continue
            match draw(st.integers(0, 2)):
                case 0:
                    del node[key]
                case 1:
                    node[key] = copy.deepcopy(draw(odd_values))
                case _:
                    node[key + "New"] = copy.deepcopy(draw(odd_values))
            break
    return frame


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """The text of a recorded frame in which some bytes are wrong."""
    text = json.dumps(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 1, 5, 200])))
        text = (
            text[:start]
            + draw(st.sampled_from(["", '"', "{", "}", "\\", "\x00", "é", "\udcff", "9" * 30]))
            + text[end:]
        )
    return text


@settings(FUZZ, max_examples=400)
@given(mutated_values())
def test_decoders_take_anything_and_give_it_back(frame: dict[str, Any]) -> None:
    wire = frame["resp"]
    for decode in (events.decode, responses.decode):
        record = decode(wire)
        assert json.dumps(record.to_dict(), sort_keys=True) == json.dumps(wire, sort_keys=True)
        assert len(repr(record)) < 1000


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimplexChat]:
    folder: Path = tmp_path_factory.mktemp("fuzzing")
    with FakeCli(folder).client() as client:
        yield client


@FUZZ
@given(st.lists(mutated_values().map(json.dumps) | mutated_texts(), min_size=1, max_size=15))
@example(["{", "", "\x00", '{"resp":{}}'])
def test_mutated_frames_pass_through_the_client(chat: SimplexChat, payloads: list[str]) -> None:
    # With a corrId of its own each is an event and not an answer to a later call.
    texts = [["text", text.replace('"corrId": "', '"corrId": "of no call ')] for text in payloads]
    with chat.events(timeout=20) as stream:
        answer = chat.send_command(steps(*texts, ["event", {"type": "last"}], ["answer", {"type": "right"}]))
        assert answer.tag == "right"
        received = _until_last(stream)
    assert len(received) == len(payloads)
    for event in received:
        assert isinstance(event, events.Event)
        assert isinstance(event.to_dict(), dict)
        assert repr(event)
    assert chat.send_command("/x").tag == "cmdOk"


def _until_last(stream: EventStream[events.Event]) -> list[events.Event]:
    received: list[events.Event] = []
    while (event := next(stream)).tag != "last":
        received.append(event)
    return received


@FUZZ
@given(mutated_values())
def test_mutated_answers_end_their_call(chat: SimplexChat, frame: dict[str, Any]) -> None:
    wire = {**frame["resp"], "type": frame["resp"].get("type")}
    if wire["type"] == "chatCmdError":
        return
    answer = chat.send_command(steps(["answer", wire]))
    assert json.dumps(answer.to_dict(), sort_keys=True) == json.dumps(wire, sort_keys=True)


# Readers

NEW_ITEMS = [frame for frame in FRAMES if frame["resp"]["type"] == "newChatItems"]
NOTHING_STORED: Any = SimpleNamespace(
    user=SimpleNamespace(user_id=1), api_get_chat_items=lambda _: SimpleNamespace(chat_items=[])
)


@settings(FUZZ, max_examples=300)
@given(st.lists(mutated_values(NEW_ITEMS), min_size=1, max_size=5))
def test_no_event_keeps_messages_from_those_that_follow(frames: list[dict[str, Any]]) -> None:
    router = Router()
    inbox = Inbox(router, "key", selection(types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=4), True, True))
    inbox.prepare(NOTHING_STORED)
    wanted = range(10**6, 10**6 + len(frames))
    for number, frame in zip(wanted, frames, strict=True):
        router.publish(frame_of({**frame["resp"], "type": "newChatItems"}))
        router.publish(new_items(item(number)))
    given: list[int] = []
    while True:
        entry, inbox.position = inbox.look(NOTHING_STORED, Deadline(0))
        if entry is None:
            break
        assert isinstance(entry, types.AChatItem)
        message = message_of(NOTHING_STORED, entry)
        assert repr(message)
        assert isinstance(message.text, str)
        given.append(message.id)
    assert [number for number in given if number in wanted] == list(wanted)


# Arguments

MARK = "MARK"
hostile = st.text(max_size=12) | st.lists(
    st.sampled_from(
        [
            "\n",
            "\r",
            "\t",
            "\0",
            "\u2028",
            '"',
            "'",
            "\\",
            "@",
            "#",
            "*",
            " ",
            " json ",
            "on",
            "/_stop",
            "=",
            "{",
            "é",
            MARK,
        ]
    ),
    max_size=6,
).map("".join)

#: Commands with a text in them, as functions of it.
WITH_TEXT: list[Callable[[str], commands.Command]] = [
    lambda text: commands.Connect(conn_link_=text),
    lambda text: commands.APIConnectPlan(user_id=1, connection_link=text),
    lambda text: commands.APISetContactAlias(contact_id=2, local_alias=text),
    lambda text: commands.APIListGroups(user_id=1, search=text),
    lambda text: commands.ReceiveFile(file_id=3, file_path=text),
    lambda text: commands.APIHideUser(user_id=1, view_pwd=text),
    lambda text: commands.APIUnhideUser(user_id=1, view_pwd=text),
    lambda text: commands.APIUpdateProfile(user_id=1, profile=types.Profile(display_name=text, full_name="")),
    lambda text: commands.APISendMessages(
        send_ref=types.ChatRef(chat_type=types.ChatType("direct"), chat_id=4),
        composed_messages=[types.ComposedMessage(msg_content=types.MsgContentText(text=text), mentions={})],
    ),
    lambda text: commands.APISetContactCustomData(contact_id=4, custom_data={"note": text}),
]


@pytest.mark.parametrize("number", range(len(WITH_TEXT)))
@settings(FUZZ, max_examples=150)
@given(hostile)
def test_no_text_can_change_the_command_around_it(number: int, text: str) -> None:
    make = WITH_TEXT[number]
    template = make(MARK).command_string()
    before, after = template.split(MARK)
    refusal = ""
    try:
        command = make(text).command_string()
    except InvalidArgument as error:
        refusal = str(error)
    if refusal:
        assert len(text) < 3 or text not in refusal
        return
    assert not any(ord(letter) < 32 for letter in command)
    if before.endswith('"') and after.startswith('"'):
        inside = command[len(before) - 1 : len(command) - len(after) + 1]
        assert json.loads(inside) == text
        assert command == before[:-1] + inside + after[1:]
    else:
        assert command == before + text + after
