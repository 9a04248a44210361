"""Two peers exchange 2,000 numbered messages while their CLIs are killed again and again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, types
from simplex_sync.errors import ChildExited, ClientClosed, ConnectionLost

COUNT = 1000  # each way
KILL_EVERY = 90
LONG = 60.0


class Peer:
    """One side: says its numbers, hears the other's, and loses its CLI in between."""

    def __init__(self, chat: SimplexChat, other: str) -> None:
        self.chat = chat
        self.contact: types.Contact = chat.contact(other)
        self.ref = types.ChatRef(chat_type=types.ChatType("direct"), chat_id=self.contact.contact_id)
        self.heard: list[str] = []
        self.doubts = 0
        self.kills = 0
        self.failures: list[BaseException] = []

    def say(self) -> None:
        for number in range(COUNT):
            while not self._said(str(number)):
                self.doubts += 1

    def _said(self, text: str) -> bool:
        """Send a text; where that has no outcome, look whether it was sent, as the error says."""
        try:
            self.chat.send(self.contact, text)
        except (ClientClosed, ChildExited):
            raise
        except ConnectionLost:
            # All of the chat: hundreds of messages of the other side may have come in meanwhile.
            items = self.chat.api_get_chat(self.ref, types.ChatPaginationLast(count=3 * COUNT)).chat.chat_items
            return any(item.chat_dir.tag == "directSnd" and item.meta.item_text == text for item in items)
        return True

    def hear(self) -> None:
        for message in self.chat.messages(timeout=LONG):
            self.heard.append(message.text)
            if len(self.heard) % KILL_EVERY == 0:
                self._kill()
            if len(self.heard) == COUNT:
                return

    def _kill(self) -> None:
        session = self.chat._session
        assert session is not None
        assert session.process is not None
        if not session.process.poll():  # otherwise it is being started again, while old messages are read
            session.process._signal(signal.SIGKILL)
            self.kills += 1

    def threads(self) -> list[threading.Thread]:
        return [threading.Thread(target=self._watched, args=(work,)) for work in (self.say, self.hear)]

    def _watched(self, work: object) -> None:
        assert callable(work)
        try:
            work()
        except BaseException as error:
            self.failures.append(error)


@pytest.fixture
def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Peer, Peer]]:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    with (
        SimplexChat(tmp_path / "alice", display_name="alice", executable="simulator", timeout=LONG) as alice,
        SimplexChat(tmp_path / "bob", display_name="bob", executable="simulator", timeout=LONG) as bob,
    ):
        invitation = alice.invite()
        bob.connect_to(invitation.link)
        invitation.wait_connected(timeout=LONG)
        yield Peer(alice, "bob"), Peer(bob, "alice")


def test_every_message_is_seen_once_and_in_order(peers: tuple[Peer, Peer]) -> None:
    threads = [thread for peer in peers for thread in peer.threads()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert [peer.failures for peer in peers] == [[], []]
    assert not any(thread.is_alive() for thread in threads)
    for peer in peers:
        assert peer.heard == [str(number) for number in range(COUNT)]
        assert peer.kills >= 2
        assert peer.chat.restarts >= 2
        # Nothing more comes: no message was doubled behind the last one.
        assert [message.text for message in peer.chat.messages(timeout=0.3)] == []
