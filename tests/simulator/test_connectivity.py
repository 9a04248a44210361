"""The start of the chat, and servers that go and come back."""

from __future__ import annotations

import json
import time

import pytest

from simplex_sync.simulator import connectivity
from tests.simulator.worlds import Peer, World

MESSAGE = json.dumps([{"msgContent": {"type": "text", "text": "queued"}}])


def test_what_a_start_tells(world: World) -> None:
    alice, _ = world.connected()
    alice.do("/_address 1", "userContactLinkCreated")
    alice.close()
    alice.open()
    alice.collect()
    assert [event["type"] for event in alice.events] == [
        "contactSubSummary",
        "userContactSubSummary",
        "terminalEvent",
        "terminalEvent",
    ]
    assert [entry["contact"]["contactId"] for entry in alice.events[0]["contactSubscriptions"]] == [4]
    assert len(alice.events[1]["userContactSubscriptions"]) == 1


def test_a_start_without_a_profile_tells_nothing(world: World) -> None:
    alice = world.peer("alice", user=False)
    alice.collect()
    assert alice.events == []


def test_an_outage(world: World) -> None:
    alice, bob = world.connected()
    world.faults(unreachable=True)
    world.settle()
    assert alice.take() == bob.take() == ["contactsDisconnected", "chatError"]
    assert alice.fails("/_address 1") == "errorAgent.BROKER.NETWORK.connectError"
    assert alice.fails("/_connect 1") == "errorAgent.BROKER.NETWORK.connectError"
    status = alice.do("/_network_statuses", "networkStatuses")["networkStatuses"][0]["networkStatus"]
    assert status == {"type": "disconnected"}
    alice.do(f"/_send @4 json {MESSAGE}", "newChatItems")
    world.settle()
    assert alice.take() == []
    world.faults()
    world.settle()
    assert alice.take() == ["contactsSubscribed", "chatItemsStatusesUpdated", "chatItemsStatusesUpdated"]
    assert bob.take() == ["contactsSubscribed", "newChatItems"]
    assert alice.do("/_address 1", "userContactLinkCreated")


def test_a_long_outage_is_told_less_and_less_often(world: World) -> None:
    alice, _ = world.connected()
    world.faults(unreachable=True)
    now = time.time()
    tries = []
    for _ in range(5):
        due = connectivity.watch(alice.sim, now)
        assert due is not None
        assert connectivity.watch(alice.sim, (now + due) / 2) == due
        tries.append(due - now)
        now = due
    alice.collect()
    assert alice.take() == ["contactsDisconnected"] + ["chatError"] * 5
    assert tries == sorted(tries)
    assert tries[0] == pytest.approx(2)


def test_slow_servers_keep_messages_on_their_way(world: World) -> None:
    alice, bob = world.connected()
    world.faults(delay=60_000)
    alice.send("@4", "late")
    world.settle()
    assert bob.texts("@4") == []
    assert bob.sim.work() == pytest.approx(60, abs=5)
    world.faults(delay=0)
    alice.send("@4", "later")
    world.settle()
    assert bob.texts("@4") == []  # order is kept


def test_lossy_servers_lose_receipts_only(world: World) -> None:
    alice, bob = world.connected()
    world.faults(loss=1)
    alice.send("@4", "try")
    assert alice.sim.work() == pytest.approx(0.5)
    world.faults(loss=0)
    world.settle()
    assert bob.texts("@4") == ["try"]
    assert alice.take() == ["chatItemsStatusesUpdated"] * 2
    alice.send("@4", "again")
    alice.sim.work()
    world.faults(loss=1)
    bob.sim.work()
    world.faults()
    world.settle()
    assert bob.texts("@4") == ["try", "again"]
    assert alice.take() == ["chatItemsStatusesUpdated"]  # sent, but never received


@pytest.fixture
def full(world: World) -> tuple[Peer, Peer]:
    return world.connected(queue_size=3)


def test_no_more_is_taken_in_when_nobody_takes_the_events(full: tuple[Peer, Peer]) -> None:
    alice, bob = full
    for number in range(9):
        alice.send("@4", f"text {number}")
    alice.sim.work()
    for _ in range(5):
        bob.sim.work()
    assert len(bob.sim.events) == 3
    assert bob.sim.event_queue_full()
    while bob.sim.events:
        bob.collect()
        bob.sim.work()
    assert bob.texts("@4") == [f"text {number}" for number in range(9)]
