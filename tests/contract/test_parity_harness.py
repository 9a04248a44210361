"""The parity test itself can fail: recordings agree with themselves, and any change to one is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.parity_mapping import Links, Mapping
from tests.contract.parity_replay import Replay
from tests.contract.parity_scenario import Scenario, load, tag_of
from tests.contract.recordings import OWN_FOLDER, paths

Json = Any
Frames = dict[str, list[dict[str, Json]]]


def compared_with(scenario: Scenario, folder: Path, change: Callable[[Frames], None]) -> dict[str, int]:
    """What the comparison says of a run that received just what was recorded, but for one change."""
    replay = Replay(scenario, folder)
    frames: Frames = {name: [] for name in scenario.clients}
    for step in scenario.steps:
        if step.action == "receive":
            frames[step.client].append(copy.deepcopy(step.frame))
    change(frames)
    for name, side in replay.sides.items():
        side.cli.frames = frames[name]
        for step in scenario.steps:
            if step.action == "receive" and step.client == name:
                side.expect(step.frame, "/command")
    return replay.compare()


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_recording_agrees_with_itself(path: Path, tmp_path: Path) -> None:
    assert compared_with(load(path), tmp_path, lambda frames: None) == {}


def _position(frames: list[dict[str, Json]], tag: str) -> int:
    return next(index for index, frame in enumerate(frames) if tag_of(frame) == tag)


def _pick(frames: Frames, tag: str) -> tuple[list[dict[str, Json]], int]:
    return next((found, _position(found, tag)) for found in frames.values() if tag in map(tag_of, found))


def lose(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    del found[index]


def double(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    found.insert(index, found[index])


def swap(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    before = _position(found, "contactConnecting")
    found[before], found[index] = found[index], found[before]


def drop_key(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    del found[index]["resp"]["contact"]["profile"]["displayName"]


def add_key(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    found[index]["resp"]["contact"]["more"] = True


def change_type(frames: Frames) -> None:
    found, index = _pick(frames, "contactConnected")
    found[index]["resp"]["contact"]["contactId"] = "4"


def change_answer(frames: Frames) -> None:
    found, index = _pick(frames, "connectionPlan")
    found[index]["resp"]["type"] = "sentConfirmation"


def lose_status(frames: Frames) -> None:
    found, index = _pick(frames, "chatItemsStatusesUpdated")
    found[index]["resp"]["chatItems"].pop()


CHANGES = [
    (lose, "event contactConnected in direct: missing"),
    (double, "event contactConnected in direct: surplus"),
    (swap, "event contactConnected in direct: surplus"),
    (drop_key, "event contactConnected: lacks .resp.contact.profile.displayName: string"),
    (add_key, "event contactConnected: adds .resp.contact.more: boolean"),
    (change_type, "event contactConnected: lacks .resp.contact.contactId: number"),
    (change_answer, "answer to /command: connectionPlan became sentConfirmation"),
    (lose_status, "event chatItemsStatusesUpdated sndSent complete in sent: missing"),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_changes_are_found(change: Callable[[Frames], None], expected: str, tmp_path: Path) -> None:
    assert expected in compared_with(load(OWN_FOLDER / "messages.jsonl"), tmp_path, change)


def splits_removals(frames: Frames) -> None:
    """One event about two queues comes as two events."""
    for found in frames.values():
        for index, frame in enumerate(found):
            queues = frame["resp"].get("deletedRcvQueues", [])
            if len(queues) > 1:
                other = copy.deepcopy(frame)
                frame["resp"]["deletedRcvQueues"] = queues[:1]
                other["resp"]["deletedRcvQueues"] = queues[1:]
                found.insert(index + 1, other)
                return
    raise AssertionError("nothing to split")


def turn_round_members(frames: Frames) -> None:
    """What came from one member comes before what came from another."""
    found = frames["dave"]
    position = [index for index, frame in enumerate(found) if tag_of(frame) == "connectedToGroupMember"]
    first, second = position[:2]
    found[first - 1 : second + 1] = found[first + 1 : second + 1] + found[first - 1 : first + 1]


def hide_a_step(frames: Frames) -> None:
    """A receipt overtakes the delivery to another member."""
    found = frames["alice"]
    steps = [index for index, frame in enumerate(found) if tag_of(frame) == "chatItemsStatusesUpdated"]
    partly = [
        index
        for index in steps
        if found[index]["resp"]["chatItems"][0]["chatItem"]["meta"]["itemStatus"]["sndProgress"] == "partial"
    ]
    del found[partly[0]]


def other_luck(frames: Frames) -> None:
    """A late report fails in the other way."""
    for frame in frames["bob"]:
        error = frame["resp"].get("chatError", {})
        if error.get("errorType", {}).get("type") == "noConnectionUser":
            about = {"type": "connectionNotFound", "agentConnId": error["errorType"]["agentConnId"]}
            frame["resp"]["chatError"] = {"type": "errorStore", "storeError": about}


@pytest.mark.parametrize("change", [splits_removals, turn_round_members, hide_a_step, other_luck])
def test_what_differs_between_two_runs_is_no_difference(change: Callable[[Frames], None], tmp_path: Path) -> None:
    assert compared_with(load(OWN_FOLDER / "groups.jsonl"), tmp_path, change) == {}


def test_ids_links_and_paths_are_mapped(tmp_path: Path) -> None:
    mapping = Mapping(Links(), tmp_path)
    recorded = {
        "contact": {"contactId": 4},
        "chatItem": {"meta": {"itemId": 9}, "file": {"fileId": 2}},
        "groupInfo": {"groupId": 1, "membership": {"groupMemberId": 3}},
        "connLink": {"connFullLink": "simplex:/invitation#/?v=1", "connShortLink": "https://host.example/i#ab/cd"},
    }
    simulated = {
        "contact": {"contactId": 5},
        "chatItem": {"meta": {"itemId": 19}, "file": {"fileId": 7}},
        "groupInfo": {"groupId": 8, "membership": {"groupMemberId": 30}},
        "connLink": {"connFullLink": "simplex:/invitation#/?v=2", "connShortLink": "https://other.example/i#x/y"},
    }
    mapping.learn(recorded, simulated)
    for old, new in [
        ("/_send @4 json []", "/_send @5 json []"),
        ("/_update item @4 9 live=on json {}", "/_update item @5 19 live=on json {}"),
        ("/_delete item @4 9,10 broadcast", "/_delete item @5 19,10 broadcast"),
        ("/_send #1(_support:3) json []", "/_send #8(_support:30) json []"),
        ("/_member role #1 3,9999 admin", "/_member role #8 30,9999 admin"),
        ('/_send #1 json [{"mentions": {"bob": 3}}]', '/_send #8 json [{"mentions": {"bob": 30}}]'),
        ("/freceive 2 encrypt=on", "/freceive 7 encrypt=on"),
        ("/freceive 2 /data/b/else where.bin", f"/freceive 7 {tmp_path}/data/b/else where.bin"),
        ("/connect https://host.example/i#ab/cd", "/connect https://other.example/i#x/y"),
        ("/_connect 1 simplex:/invitation#/?v=1", "/_connect 1 simplex:/invitation#/?v=2"),
        ("/_set alias @4 my friend #1", "/_set alias @5 my friend #1"),
        ("/_groups1 @4", "/_groups1 @5"),
    ]:
        assert mapping.command(old) == new
