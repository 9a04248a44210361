"""Which messages the CLI has taken and not sent yet."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from simplex_sync._internal.deadline import Deadline
from simplex_sync.command_line.unsent import UnsentMessages
from tests.children.fake import RECORDINGS


def body(tag: str, item_id: int, status: str, chat: str = "direct") -> dict[str, Any]:
    meta = {"itemId": item_id, "itemStatus": {"type": status}}
    return {"type": tag, "chatItems": [{"chatInfo": {"type": chat}, "chatItem": {"meta": meta}}]}


def answer(item_id: int, status: str = "sndNew", chat: str = "direct") -> dict[str, Any]:
    return body("newChatItems", item_id, status, chat)


def event(item_id: int, status: str) -> dict[str, Any]:
    return body("chatItemsStatusesUpdated", item_id, status)


def left(unsent: UnsentMessages) -> int:
    return unsent.wait(Deadline(0))


def test_messages_are_unsent_until_an_event_says_otherwise() -> None:
    unsent = UnsentMessages()
    unsent.answered(answer(1))
    unsent.answered(answer(2, chat="group"))
    unsent.happened(event(1, "sndWarning"))
    assert left(unsent) == 2
    unsent.happened(event(1, "sndSent"))
    assert left(unsent) == 1
    unsent.happened(event(2, "sndErrorAuth"))
    assert left(unsent) == 0


def test_the_event_may_be_seen_before_the_answer() -> None:
    unsent = UnsentMessages()
    unsent.happened(event(1, "sndSent"))
    unsent.answered(answer(1))
    assert left(unsent) == 0


@pytest.mark.parametrize(
    "other",
    [
        answer(1, "sndSent"),
        answer(1, "rcvNew"),
        answer(1, chat="local"),
        event(1, "sndNew"),
        {"type": "newChatItems", "chatItems": None},
        {"type": "newChatItems", "chatItems": [None, {}, {"chatInfo": {"type": "direct"}}]},
    ],
)
def test_other_answers_are_nothing_to_wait_for(other: dict[str, Any]) -> None:
    unsent = UnsentMessages()
    unsent.answered(other)
    unsent.happened(answer(1))
    assert left(unsent) == 0


@pytest.mark.parametrize("client", ["alice", "bob"])
def test_all_messages_of_a_recording_were_sent(client: str) -> None:
    lines = [json.loads(line) for line in (RECORDINGS / "messages.jsonl").read_text("utf-8").splitlines()]
    frames = [line["frame"] for line in lines if line.get("client") == client and line["dir"] == "recv"]
    unsent, most = UnsentMessages(), 0
    for frame in frames:
        (unsent.answered if "corrId" in frame else unsent.happened)(frame["resp"])
        most = max(most, left(unsent))
    assert most > 0
    assert left(unsent) == 0


def test_waiting_ends_with_the_last_one() -> None:
    unsent, found = UnsentMessages(), list[int]()
    unsent.answered(answer(1))
    waiter = threading.Thread(target=lambda: found.append(unsent.wait(Deadline(30))))
    waiter.start()
    unsent.happened(event(1, "sndRcvd"))
    waiter.join(30)
    assert found == [0]
