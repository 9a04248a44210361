"""pytest fixtures for tests of your own bots and scripts, on simulated clients that need no network.

Put one line into the `conftest.py` at the root of your tests::

    pytest_plugins = ["simplex_sync.testing"]

and write, for example::

    def test_greeting(simplex_pair):
        alice, bob = simplex_pair
        alice.send("@bob", "Hello Bob")
        message = next(bob.messages(timeout=30))
        assert message.text == "Hello Bob"
        message.reply("Hello Alice").wait_delivered(timeout=30)
        assert [each.text for each in alice.history("@bob")] == ["Hello Bob", "Hello Alice"]


    def test_three_that_know_each_other(simplex_network):
        alice, bob, carol = simplex_network("alice", "bob", "carol")
        assert {contact.local_display_name for contact in carol.contacts()} == {"alice", "bob"}

================  ====================================================================================================
`simplex_chat`    one started client, `alice`, without contacts
`simplex_pair`    two started clients, `alice` and `bob`, each a contact of the other
`simplex_network` a `SimplexNetwork`: makes and connects any number of clients
================  ====================================================================================================

Each test has a network of its own in its `tmp_path`; at its end all clients are closed. While such a fixture is in use,
`SIMPLEX_CHAT_BIN` names the simulator, so that a client that your own code starts is a simulated one on the same
network, and a database key in the environment is left out. `SIMPLEX_SIM_CLI_VERSION=7.0` runs the tests on the forms
of CLI 7.x.

pytest is not installed together with this package; only this module needs it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from simplex_sync.api import events, types
from simplex_sync.client import SimplexChat
from simplex_sync.errors import InvalidArgument

__all__ = ["SimplexNetwork", "simplex_chat", "simplex_network", "simplex_pair"]

_CONNECT_SECONDS = 30.0


class SimplexNetwork:
    """Simulated clients that reach each other, and nobody else; the fixture `simplex_network` makes it.

    Attributes:
        folder: The folder that holds the databases of the clients, one folder for each.
        clients: The clients by their names, in the order in which they were made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: dict[str, SimplexChat] = {}
        self._open = contextlib.ExitStack()

    def __call__(self, *names: str, connect: Literal["all", "first", "none"] = "all") -> list[SimplexChat]:
        """Start clients and make them contacts of each other.

        Args:
            names: The display names of their user profiles.
            connect: `"all"` connects each with each, `"first"` only the first with all others, `"none"` nobody.

        Returns:
            The started clients, in the order of their names.

        Raises:
            InvalidArgument: A name was used before, or `connect` is something else.
        """
        if connect not in ("all", "first", "none"):
            raise InvalidArgument('simplex_network: connect must be "all", "first" or "none"', argument="connect")
        clients = [self.client(name) for name in names]
        pairs = itertools.combinations(clients, 2) if connect == "all" else ((clients[0], each) for each in clients[1:])
        if connect != "none":
            for one, other in pairs:
                self.connect(one, other)
        return clients

    def client(self, name: str, **options: Any) -> SimplexChat:
        """Start one client.

        Args:
            name: The display name of its user profile, and the name of its folder.
            options: Further arguments for `SimplexChat`, such as `bot=True` or `executable="simulator:7.0"`.

        Returns:
            The started client; it is closed at the end of the test.

        Raises:
            InvalidArgument: The name was used before, or cannot be part of a path.
        """
        if name in self.clients:
            raise InvalidArgument("simplex_network: there is a client of that name already", argument="name")
        if name in ("", "..") or Path(name).name != name:
            raise InvalidArgument("simplex_network: a name must also do as the name of a folder", argument="name")
        options = {"display_name": name, "executable": "simulator", **options}
        chat = SimplexChat(self.folder / name / "chat", **options)
        self.clients[name] = self._open.enter_context(chat)
        return chat

    def connect(self, one: SimplexChat, other: SimplexChat) -> tuple[types.Contact, types.Contact]:
        """Make two clients contacts of each other.

        Args:
            one: A started client.
            other: Another one.

        Returns:
            The contact that the first one has of the second, and the contact that the second one has of the first.
        """
        link = one.api_add_contact().conn_link_invitation
        with (
            one.expect(events.ContactConnected, _is(other), timeout=_CONNECT_SECONDS) as at_one,
            other.expect(events.ContactConnected, _is(one), timeout=_CONNECT_SECONDS) as at_other,
        ):
            other.connect(conn_link_=link.conn_short_link or link.conn_full_link)
        return at_one.value.contact, at_other.value.contact

    def close(self) -> None:
        """Close all clients, the last one first. Can be called again."""
        self._open.close()


def _is(chat: SimplexChat) -> Any:
    name = chat.user.profile.display_name

    def has_that_name(event: events.ContactConnected) -> bool:
        return event.contact.profile.display_name == name

    return has_that_name


@pytest.fixture
def simplex_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimplexNetwork]:
    """Give the network of the test, which makes and connects simulated clients when it is called with names."""
    folder = tmp_path / "simplex"
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(folder / "network"))
    monkeypatch.setenv("SIMPLEX_CHAT_BIN", "simulator")
    for name in ("SIMPLEX_CHAT_KEY", "SIMPLEX_SIM_FAULTS", "SIMPLEX_SIM_COMMAND_DELAY"):
        monkeypatch.delenv(name, raising=False)
    network = SimplexNetwork(folder)
    try:
        yield network
    finally:
        network.close()


@pytest.fixture
def simplex_chat(simplex_network: SimplexNetwork) -> SimplexChat:
    """Give a started client, `alice`, without contacts."""
    return simplex_network.client("alice")


@pytest.fixture
def simplex_pair(simplex_network: SimplexNetwork) -> tuple[SimplexChat, SimplexChat]:
    """Give two started clients, `alice` and `bob`, each a contact of the other."""
    alice, bob = simplex_network("alice", "bob")
    return alice, bob
