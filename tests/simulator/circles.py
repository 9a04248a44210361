"""Groups for the tests: who is in one, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

from tests.simulator.worlds import Peer, World

Json = dict[str, Any]


class Circle:
    """A group that its first member made, with the others come in through its link.

    The groups' ids are 1; `ids` tells by which id each member knows each other one.
    """

    def __init__(self, world: World, *names: str, version: str = "6.4", **profile: Any) -> None:
        self.world = world
        self.peers = [world.peer(name, bot=number == 0, version=version) for number, name in enumerate(names)]
        self.host = self.peers[0]
        about = {"displayName": "circle", "fullName": "", **profile}
        self.host.do(f"/_group 1 {json.dumps(about)}", "groupCreated")
        created = self.host.do("/_create link #1 member", "groupLinkCreated")
        self.link = created["groupLink"]["connLinkContact"]["connShortLink"]
        for peer in self.peers[1:]:
            self.join(peer)
        for peer in self.peers:
            peer.take()

    def join(self, peer: Peer) -> None:
        peer.do(f"/connect {self.link}", "sentInvitation")
        self.world.settle()

    def id_of(self, at: Peer, name: str) -> int:
        """The id by which one member knows another."""
        return int(self.member(at, name)["groupMemberId"])

    def member(self, at: Peer, name: str) -> Json:
        members = at.do("/_members #1", "groupMembers")["group"]["members"]
        return next(member for member in members if member["memberProfile"]["displayName"] == name)

    def take(self) -> dict[str, list[str]]:
        """What each member was told since the last time."""
        self.world.settle()
        return {peer.name: peer.take() for peer in self.peers}
