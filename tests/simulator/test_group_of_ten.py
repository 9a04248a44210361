"""Ten simulators in a group, one killed every second: all members end with the same messages.

The full run (200 messages, 20 seconds of kills) is
``SIMPLEX_SIM_KILL_SECONDS=20 SIMPLEX_SIM_KILL_MESSAGES=200 pytest tests/simulator/test_group_of_ten.py``;
by default it is shorter.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.contract.parity_cli import Cli, Pool

Json = Any
MEMBERS = 10
SECONDS = float(os.environ.get("SIMPLEX_SIM_KILL_SECONDS", "5"))
MESSAGES = int(os.environ.get("SIMPLEX_SIM_KILL_MESSAGES", "80"))
DEADLINE = 60.0


class Member:
    """One member, who sends his share of the messages and sees to it that none is sent twice."""

    def __init__(self, number: int, folder: Path, network: Path, pool: Pool) -> None:
        name = f"member{number}"
        options = ["--create-bot-display-name", name, "--create-bot-allow-files"]
        self.cli = Cli(name, folder / name, options, {"SIMPLEX_SIM_NETWORK": str(network)})
        self.to_send = [f"{name} says {index}" for index in range(MESSAGES // MEMBERS)]
        self.pending: str | None = None
        self.pool = pool
        self._number = 0
        pool.clients[name] = self.cli

    def ask(self, command: str) -> Json:
        """The response to a command."""
        corr_id = self.tell(command)
        assert self.pool.wait(lambda: self.answer(corr_id) is not None, DEADLINE), f"no answer to {command}"
        return self.answer(corr_id)

    def tell(self, command: str) -> str:
        self._number += 1
        corr_id = f"{self._number}"
        self.cli.send_text(json.dumps({"corrId": corr_id, "cmd": command}))
        return corr_id

    def answer(self, corr_id: str | None) -> Json:
        return next((frame["resp"] for frame in self.cli.frames if frame.get("corrId") == corr_id), None)

    def send_next(self) -> None:
        content = {"msgContent": {"type": "text", "text": self.to_send[0]}, "mentions": {}}
        self.pending = self.tell(f"/_send #1 json {json.dumps([content])}")

    def see_answer(self) -> None:
        response = self.answer(self.pending) if self.pending else None
        if response is not None:
            assert response["type"] == "newChatItems", response["type"]
            del self.to_send[0]
            self.pending = None

    def texts(self) -> list[str]:
        """The texts of all messages in the group, in their order."""
        chat = self.ask(f"/_get chat #1 count={10 * MESSAGES}")["chat"]
        contents = [item["content"].get("msgContent") for item in chat["chatItems"]]
        return [content["text"] for content in contents if content is not None]

    def die_and_rise(self) -> None:
        """Be killed, start again, and find out which of the own messages were sent."""
        self.cli.end(signal.SIGKILL)
        self.cli.frames.clear()
        self.pending = None
        self.cli.output = b""
        self.cli.spawn()
        self.pool.connect(self.cli)
        known = set(self.texts())
        self.to_send = [text for text in self.to_send if text not in known]


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    pool = Pool()
    network = tmp_path / "network"
    network.mkdir()
    found = [Member(number, tmp_path, network, pool) for number in range(MEMBERS)]
    try:
        for member in found:
            member.cli.spawn()
        for member in found:
            pool.connect(member.cli)
        yield found
    finally:
        pool.close()


def connected(member: Member) -> int:
    tags = ("connectedToGroupMember", "joinedGroupMember", "userJoinedGroup")
    return sum(frame["resp"]["type"] in tags for frame in member.cli.frames)


def all_connected(members: list[Member]) -> bool:
    return all(connected(member) == len(members) - 1 for member in members)


def make_group(members: list[Member], pool: Pool) -> None:
    host = members[0]
    assert host.ask('/_group 1 {"displayName": "ten", "fullName": ""}')["type"] == "groupCreated"
    link = host.ask("/_create link #1 member")["groupLink"]["connLinkContact"]["connShortLink"]
    for count, member in enumerate(members[1:], start=1):
        assert member.ask(f"/connect {link}")["type"] == "sentInvitation"
        assert pool.wait(partial(all_connected, members[: count + 1]), DEADLINE)


@pytest.mark.timeout(300)
def test_kills_lose_nothing_and_double_nothing(members: list[Member]) -> None:
    pool = members[0].pool
    make_group(members, pool)
    share = MESSAGES // MEMBERS
    begin = time.monotonic()
    kills = 0

    def due(member: Member) -> float:
        return begin + (share - len(member.to_send)) * SECONDS / share

    while any(member.to_send for member in members) or kills < int(SECONDS):
        now = time.monotonic()
        assert now < begin + SECONDS + DEADLINE, "the messages could not be sent"
        if now >= begin + kills + 1 and kills < int(SECONDS):
            members[kills * 3 % MEMBERS].die_and_rise()
            kills += 1
        for member in members:
            member.see_answer()
            if member.to_send and member.pending is None and due(member) <= time.monotonic():
                member.send_next()
        pool.wait_for_frame(0.05)

    expected = sorted(f"member{number} says {index}" for number in range(MEMBERS) for index in range(share))
    deadline = time.monotonic() + DEADLINE
    for member in members:
        while sorted(member.texts()) != expected and time.monotonic() < deadline:
            pool.wait_for_frame(1.0)
        texts = member.texts()
        assert sorted(texts) == expected
        for other in members:
            own = [text for text in texts if text.startswith(other.cli.name + " ")]
            assert own == sorted(own, key=lambda text: int(text.split()[-1])), "out of order"
