"""A member whose client sends what the member's role does not allow, or what makes no sense, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simplex_sync.simulator import delivery, groups
from tests.simulator.circles import Circle
from tests.simulator.worlds import Json, Peer, World


def slip(peer: Peer, name: str, event: str, params: Json, msg_id: str | None = "c29tZSBpZA==") -> None:
    """Send a chat message to one member, past all that a client checks."""

    def send() -> None:
        group = peer.sim.store.get("groups", 1) or {}
        for member, connection in groups.recipients(peer.sim, group):
            if member.get("localDisplayName") == name:
                delivery.send(peer.sim, connection, [{"event": event, "params": params, "msgId": msg_id}])

    peer.sim.transact(send)


def envelope(peer: Peer, name: str, kind: str, **content: Any) -> None:
    """Send a handshake envelope to one member."""

    def send() -> None:
        group = peer.sim.store.get("groups", 1) or {}
        for member, connection in groups.recipients(peer.sim, group):
            if member.get("localDisplayName") == name:
                delivery.post(peer.sim, connection, kind, **content)

    peer.sim.transact(send)


def member_ids(circle: Circle) -> dict[str, str]:
    """The ids that all members know."""
    found = {}
    for peer in circle.peers:
        for other in circle.peers:
            if other is not peer:
                found[other.name] = str(circle.member(peer, other.name)["memberId"])
    return found


@pytest.fixture
def circle(world: World) -> Circle:
    made = Circle(world, "ann", "ben", "cid")
    made.host.send("#1", "ann's words")
    made.take()
    return made


def state(circle: Circle) -> list[Json]:
    return [
        {
            "texts": peer.texts("#1"),
            "group": peer.do("/_groups1", "groupsList")["groups"][0]["groupInfo"]["groupProfile"],
            "members": [
                (member["memberId"], member["memberRole"], member["memberStatus"], member["blockedByAdmin"])
                for member in peer.do("/_members #1", "groupMembers")["group"]["members"]
            ],
        }
        for peer in circle.peers
    ]


FORBIDDEN: list[tuple[str, Json]] = [
    ("x.grp.info", {"groupProfile": {"displayName": "mine", "fullName": ""}}),
    ("x.grp.mem.role", {"memberRole": "owner", "changes": [{"memberId": "ben", "msgId": "eA=="}]}),
    ("x.grp.mem.role", {"memberRole": "owner", "changes": [{"memberId": "nobody", "msgId": "eA=="}]}),
    ("x.grp.mem.restrict", {"memberId": "ann", "blocked": True}),
    ("x.grp.mem.restrict", {"memberId": "nobody", "blocked": True}),
    ("x.grp.mem.del", {"memberId": "ann", "withMessages": True}),
    ("x.grp.mem.del", {"memberId": "nobody", "withMessages": True}),
    ("x.grp.mem.acpt", {"memberId": "ann", "memberRole": "member"}),
    ("x.grp.del", {}),
    ("x.msg.del", {"memberId": "ann"}),
    ("x.msg.del", {}),
    ("x.msg.update", {"content": {"type": "text", "text": "put into ann's mouth"}}),
    ("x.msg.react", {"memberId": "nobody", "reaction": {"type": "emoji", "emoji": "👍"}, "add": True}),
    ("x.grp.mem.new", {"memberInfo": {"memberId": "ann", "memberRole": "member", "profile": {}}, "pending": False}),
    ("x.grp.mem.intro", {"memberInfo": {"memberId": "ann", "memberRole": "member", "profile": {}}}),
    ("x.grp.mem.inv", {"memberId": "nobody", "queue": {}}),
    ("x.grp.mem.fwd", {"memberId": "ann", "queue": {}}),
    ("x.grp.mem.fwd", {"memberId": "nobody", "queue": {}}),
    ("x.grp.direct.inv", {"queue": {}}),
    ("x.info.probe.ok", {"probe": "never sent"}),
    ("x.file.cancel", {}),
    ("x.msg.file.descr", {"text": "", "storage": "x"}),
    ("x.grp.msg.forward", {"memberId": "nobody", "message": {"msgId": "eA=="}, "sentAt": "2026-01-01T00:00:00Z"}),
    ("x.unheard.of", {}),
]


@pytest.fixture(autouse=True)
def _no_faults(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A message that a handler stumbles over is told on the terminal: none may be."""
    yield
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("event", "params"), FORBIDDEN, ids=[event for event, _ in FORBIDDEN])
def test_what_a_member_may_not_do(world: World, circle: Circle, event: str, params: Json) -> None:
    before = state(circle)
    ids = member_ids(circle)
    known = circle.peers[2].do("/_get chat #1 count=1", "apiChat")["chat"]["chatItems"][0]["meta"]["itemSharedMsgId"]

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [named(inner) for inner in value]
        return ids.get(value, value) if isinstance(value, str) else value

    slip(circle.peers[1], "cid", event, named(params), msg_id=known)
    world.settle()
    assert state(circle) == before


@pytest.mark.parametrize("kind", ["member.join", "member.joined", "member.meet", "member.met", "member.ready"])
def test_handshakes_are_over_once_connected(world: World, circle: Circle, kind: str) -> None:
    before = state(circle)
    circle.take()
    envelope(circle.peers[1], "cid", kind, memberId=member_ids(circle)["cid"])
    world.settle()
    assert circle.peers[2].take() == []
    assert state(circle) == before


def test_who_has_left_is_not_heard(world: World, circle: Circle) -> None:
    ben, cid = circle.peers[1:]
    slip(ben, "cid", "x.grp.leave", {})
    world.settle()
    assert "leftMember" in cid.take()
    slip(ben, "cid", "x.grp.leave", {})
    slip(ben, "cid", "x.msg.new", {"content": {"type": "text", "text": "still here"}})
    world.settle()
    assert "newChatItems" not in cid.take()


def test_an_observer_is_not_heard(world: World, circle: Circle) -> None:
    ann, ben, cid = circle.peers
    ann.do(f"/_member role #1 {circle.id_of(ann, 'ben')} observer", "membersRoleUser")
    world.settle()
    slip(ben, "cid", "x.msg.new", {"content": {"type": "text", "text": "loud"}})
    world.settle()
    assert cid.texts("#1") == ["ann's words"]


EVENTS = sorted(
    {event for event, _ in FORBIDDEN} | {"x.msg.new", "x.grp.leave", "x.grp.link.mem", "x.grp.link.acpt", "x.info"}
)


@pytest.mark.parametrize("event", EVENTS)
def test_messages_of_a_member_who_is_unknown(world: World, circle: Circle, event: str) -> None:
    ben, cid = circle.peers[1:]
    member_id = circle.id_of(cid, "ben")
    cid.sim.transact(lambda: cid.sim.store.delete("groupMembers", member_id))
    params: Json = {"profile": {}, "content": {}, "changes": [], "memberId": "x", "groupProfile": {}, "memberInfo": {}}
    slip(ben, "cid", event, params)
    world.settle()
    assert cid.take() == []


@pytest.mark.parametrize("kind", ["member.join", "member.joined", "member.met", "member.ready"])
def test_handshakes_of_a_member_who_is_unknown(world: World, circle: Circle, kind: str) -> None:
    ben, cid = circle.peers[1:]
    member_id = circle.id_of(cid, "ben")

    def forget() -> None:
        connection = cid.sim.store.first("connections", entityType="member", entityId=member_id) or {}
        status = "new" if kind == "member.ready" else "joined"
        cid.sim.store.update("connections", connection["connId"], connStatus=status)
        cid.sim.store.delete("groupMembers", member_id)

    cid.sim.transact(forget)
    envelope(ben, "cid", kind, memberId="x")
    world.settle()
    assert cid.take() == []
