"""Simulators in this process: commands go in as text, answers and events come out, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simplex_sync.simulator import features
from simplex_sync.simulator.commands import parse
from simplex_sync.simulator.connectivity import start
from simplex_sync.simulator.engine import Simulator
from simplex_sync.simulator.links import random_id
from simplex_sync.simulator.network import Faults, Network, write_faults
from simplex_sync.simulator.options import VERSIONS, Options
from simplex_sync.simulator.publishing import restore
from simplex_sync.simulator.store import Store
from simplex_sync.simulator.users import create_user

Json = dict[str, Any]

assert features.__all__  # importing it registers all commands


class Peer:
    """One simulator, with what came out of it."""

    def __init__(self, world: World, name: str, version: str, options: Json) -> None:
        self.world = world
        self.name = name
        self.options = Options(
            world.folder / name, version=VERSIONS[version], network=world.folder / "network", **options
        )
        self.events: list[Json] = []
        self.open()

    def open(self) -> None:
        """Start, or start again."""
        store = Store(self.world.folder / f"{self.name}_chat.db", self.options.key)
        node = store.fact("node") or f"{self.name}{random_id(6)}".replace("-", "0").replace("_", "1")
        store.set_fact("node", node)
        self.sim = Simulator(store, Network(self.options.network, node), self.options)
        restore(self.sim)
        self.sim.transact(lambda: start(self.sim))

    def close(self) -> None:
        """Stop as a killed process does: nothing is finished."""
        self.sim.network.close()
        self.sim.store.close()

    def answer(self, text: str) -> Json:
        """Run a command and return its response."""
        command = parse(text, self.options.version[0])
        assert command is not None, f"not a command: {text.split()[0]}"
        response = self.sim.execute(command)
        self.sim.after_response()
        self.collect()
        return response

    def do(self, text: str, tag: str) -> Json:
        """Run a command, and return its response, which must be of a type."""
        response = self.answer(text)
        assert response["type"] == tag, response.get("chatError", response["type"])
        return response

    def fails(self, text: str) -> str:
        """Run a command that fails, and return the path of the error's tags."""
        failure = self.do(text, "chatCmdError")["chatError"]
        return error_path(failure)

    def collect(self) -> None:
        while self.sim.events:
            self.events.append(self.sim.events.popleft())

    def take(self) -> list[str]:
        """Return the types of the events since the last time."""
        tags = [event["type"] for event in self.events]
        self.events.clear()
        return tags

    def last(self, tag: str) -> Json:
        """Return the last event of a type."""
        return next(event for event in reversed(self.events) if event["type"] == tag)

    def send(self, chat: str, *texts: str, options: str = "") -> Json:
        messages = [{"msgContent": {"type": "text", "text": text}, "mentions": {}} for text in texts]
        return self.do(f"/_send {chat}{options} json {json.dumps(messages)}", "newChatItems")

    def texts(self, chat: str, count: int = 1000) -> list[str]:
        """Return the texts of the messages in a chat."""
        found = self.do(f"/_get chat {chat} count={count}", "apiChat")["chat"]["chatItems"]
        return [item["meta"]["itemText"] for item in found if "msgContent" in item["content"]]


def error_path(failure: Json) -> str:
    """Return the tags of an error and of the errors in it."""
    inner = next((value for value in failure.values() if isinstance(value, dict) and "type" in value), None)
    return str(failure["type"]) + ("" if inner is None else "." + error_path(inner))


class World:
    """A network folder and the simulators in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peers: list[Peer] = []

    def peer(self, name: str, *, bot: bool = False, version: str = "6.4", user: bool = True, **options: Any) -> Peer:
        """Start a simulator, with a user profile of that name."""
        peer = Peer(self, name, version, options)
        self.peers.append(peer)
        if user:
            profile = {"displayName": name, "fullName": ""} | ({"peerType": "bot"} if bot else {})
            peer.sim.transact(lambda: create_user(peer.sim, profile))
        return peer

    def settle(self) -> None:
        """Let all simulators work until there is nothing more to do."""
        before = -1
        while before != (before := sum(peer.sim.transactions for peer in self.peers)):
            for peer in self.peers:
                peer.sim.work()
                peer.collect()

    def connected(self, *, version: str = "6.4", **options: Any) -> tuple[Peer, Peer]:
        """Return two simulators, alice and bob, that are contacts (`@4` on either side)."""
        alice = self.peer("alice", bot=True, version=version, **options)
        bob = self.peer("bob", version=version, **options)
        link = alice.do("/_connect 1", "invitation")["connLinkInvitation"]["connFullLink"]
        bob.do(f"/_connect 1 {link}", "sentConfirmation")
        self.settle()
        assert alice.take()[:2] == ["contactConnecting", "contactConnected"]
        assert bob.take()[:2] == ["contactConnecting", "contactConnected"]
        return alice, bob

    def faults(self, **faults: Any) -> None:
        """Rehearse failures."""
        write_faults(self.folder / "network", Faults(**faults))

    def close(self) -> None:
        for peer in self.peers:
            peer.close()


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Make a world in a folder, and end it."""
    made = World(folder)
    try:
        yield made
    finally:
        made.close()
