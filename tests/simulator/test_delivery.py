"""Envelopes survive any end of a process: once, in order, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simplex_sync.simulator import delivery, publishing
from simplex_sync.simulator.failure import error
from tests.simulator.worlds import Peer, World


def numbers(peer: Peer) -> list[int]:
    return [int(text.removeprefix("text ")) for text in peer.texts("@4")]


def restart(peer: Peer) -> None:
    peer.close()
    peer.open()


def test_what_was_not_handed_over_goes_after_the_restart(world: World) -> None:
    alice, bob = world.connected()
    alice.send("@4", "text 0")
    restart(alice)
    world.settle()
    assert numbers(bob) == [0]
    assert "chatItemsStatusesUpdated" in alice.take()


def test_a_hand_over_that_was_not_noted_is_not_taken_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = world.connected()
    alice.send("@4", "text 0")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_note_sent", killed)
        with pytest.raises(KeyboardInterrupt):
            alice.sim.work()
    restart(alice)
    alice.send("@4", "text 1")
    world.settle()
    assert numbers(bob) == [0, 1]


def test_a_message_whose_effect_was_not_kept_is_taken_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = world.connected()
    for number in range(3):
        alice.send("@4", f"text {number}")
    alice.sim.work()
    taken = []
    update = bob.sim.store.update

    def killed_at_the_second(table: str, id: int, **changes: object) -> object:
        taken.append(table)
        if taken.count("mailboxes") == 2:
            raise KeyboardInterrupt
        return update(table, id, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(bob.sim.store, "update", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            bob.sim.work()
    restart(bob)
    assert numbers(bob) == [0]
    world.settle()
    assert numbers(bob) == [0, 1, 2]


def test_a_line_that_is_cut_off_is_skipped(world: World) -> None:
    alice, bob = world.connected()
    mailbox = Path(world.folder / "network" / "nodes" / bob.sim.network.node)
    (file,) = mailbox.glob("alice*.log")
    with file.open("ab") as log:
        log.write(b'{"seq": 3, "to": "')
    restart(alice)
    alice.send("@4", "text 0")
    world.settle()
    assert numbers(bob) == [0]


def test_a_fault_in_a_handler_is_told_and_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alice, bob = world.connected()

    def broken(*_: object) -> bool:
        bob.sim.emit({"type": "never seen"})
        raise LookupError("broken on purpose")

    with monkeypatch.context() as patch:
        patch.setitem(delivery._CHAT_EVENTS, ("contact", "x.msg.new"), broken)
        alice.send("@4", "text 0")
        world.settle()
    alice.send("@4", "text 1")
    world.settle()
    assert numbers(bob) == [1]
    assert "never seen" not in bob.take()
    told = capsys.readouterr().err
    assert "a message of kind messages failed: LookupError" in told
    assert "text 0" not in told
    assert "on purpose" not in told.replace('raise LookupError("broken on purpose")', "")


def test_a_backlog_is_taken_in_small_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = world.connected()
    for number in range(20):
        alice.send("@4", f"text {number}")
    alice.sim.work()
    monkeypatch.setattr(delivery, "TAKE_IN", 0)
    before = bob.sim.transactions
    assert bob.sim.work() == 0  # at once again, after the clients had their turn
    assert bob.sim.transactions - before < 5
    world.settle()
    assert numbers(bob) == list(range(20))


def test_unknown_messages_and_queues_are_ignored(world: World) -> None:
    alice, bob = world.connected()
    connection = alice.sim.store.first("connections", entityType="contact")
    assert connection is not None
    alice.sim.transact(lambda: delivery.send(alice.sim, connection, [{"event": "x.unknown", "params": {}}]))
    gone = {"node": bob.sim.network.node, "queue": "unheard of"}
    alice.sim.transact(lambda: delivery.post(alice.sim, connection, "contact.ready", to=gone))
    alice.sim.transact(lambda: delivery.post(alice.sim, connection, "receipt", ref="unheard of"))
    world.settle()
    assert bob.take() == alice.take() == []


@pytest.mark.parametrize("kind", ["contact.accept", "contact.ready", "invitation.join", "invitation.joined"])
def test_handshakes_out_of_turn_change_nothing(world: World, kind: str) -> None:
    alice, bob = world.connected()
    address = bob.do("/_address 1", "userContactLinkCreated")["connLinkContact"]["connFullLink"]
    alice.do(f"/connect {address}", "sentInvitation")
    world.settle()
    bob.take()
    mine = alice.sim.store.first("connections", entityType="pending")
    theirs = bob.sim.store.first("connections", entityType="userContact")
    assert mine is not None
    assert theirs is not None
    node = {"node": bob.sim.network.node, "queue": theirs["queue"]}
    profile = {"displayName": "x", "fullName": ""}
    alice.sim.transact(lambda: delivery.post(alice.sim, mine, kind, to=node, profile=profile))
    world.settle()
    assert bob.take() == []


def test_a_command_that_fails_leaves_nothing_behind(world: World) -> None:
    alice = world.peer("alice")
    names = ["q:x", "s:x"]

    def fail() -> None:
        publishing.put_link(alice.sim, names, {"owner": [alice.sim.network.node, 1]})
        alice.sim.emit({"type": "never"})
        raise error("userUnknown")

    with pytest.raises(Exception, match="error"):
        alice.sim.transact(fail)
    assert alice.sim.network.get_link("q:x") is None
    assert not alice.sim.events


def test_links_are_brought_in_order_at_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = world.peer("alice")
    link = alice.do("/_address 1", "userContactLinkCreated")["connLinkContact"]["connFullLink"]
    (published,) = alice.sim.store.find("publishedLinks")
    alice.sim.network.delete_link(published["names"])
    restart(alice)
    assert alice.sim.network.get_link(published["name"]) is not None
    with monkeypatch.context() as patch:  # killed between the commit and what follows it
        patch.setattr(publishing, "_finish", lambda *_: None)
        alice.do("/_delete_address 1", "userContactLinkDeleted")
    restart(alice)
    bob = world.peer("bob")
    assert bob.fails(f"/_connect plan 1 {link}") == "errorAgent.SMP.AUTH"
    assert alice.sim.store.find("publishedLinks") == []


def test_nothing_private_is_in_the_names_of_files(world: World) -> None:
    alice, _ = world.connected()
    link = alice.do("/_address 1", "userContactLinkCreated")["connLinkContact"]["connShortLink"]
    names = json.dumps([str(path) for path in world.folder.rglob("*")])
    assert link.partition("#")[2][:10] not in names
