"""Two simulators that know each other, for all tests of the friendly verbs, in both versions of the CLI."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, types

VERSIONS = ["6.4", "7.0"]
TIMEOUT = 30.0
_numbers = itertools.count(1)


def unique(word: str) -> str:
    """Return a text that no other test has."""
    return f"{word} {next(_numbers)}"


@dataclass
class Pair:
    """Two users who are contacts of each other."""

    alice: SimplexChat
    bob: SimplexChat
    folder: Path
    version: str

    @property
    def bob_at_alice(self) -> types.Contact:
        return self.alice.contact("bob")

    @property
    def alice_at_bob(self) -> types.Contact:
        return self.bob.contact("alice")


def simulator(folder: Path, name: str, **options: object) -> SimplexChat:
    """Return a client of a simulator, not started."""
    arguments: dict[str, object] = {"display_name": name, "timeout": TIMEOUT, **options}
    return SimplexChat(folder / name, executable="simulator", **arguments)  # type: ignore[arg-type]  # a test's words


def connect(alice: SimplexChat, bob: SimplexChat) -> None:
    """Make two users contacts of each other."""
    invitation = alice.invite()
    bob.connect_to(invitation.link)
    invitation.wait_connected()


@pytest.fixture(scope="session", params=VERSIONS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    alice, bob = simulator(folder, "alice"), simulator(folder, "bob")
    try:
        # Set for the start only: the simulators live as long as the session, in which other tests have other settings.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SIMPLEX_SIM_NETWORK", str(folder / "network"))
            patch.setenv("SIMPLEX_SIM_CLI_VERSION", request.param)
            alice.start()
            bob.start()
        connect(alice, bob)
        yield Pair(alice, bob, folder, request.param)
    finally:
        alice.close()
        bob.close()


@pytest.fixture
def make_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SimplexChat]]:
    """Return a function that starts a simulator in a network of this test; all are closed at the end."""
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    made: list[SimplexChat] = []

    def make(name: str, **options: object) -> SimplexChat:
        made.append(simulator(tmp_path, name, **options))
        return made[-1].start()

    yield make
    for chat in made:
        chat.close()


@pytest.fixture(params=VERSIONS)
def make_any_chat(
    request: pytest.FixtureRequest, make_chat: Callable[..., SimplexChat], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., SimplexChat]:
    """Return the same, once for each version of the CLI."""
    monkeypatch.setenv("SIMPLEX_SIM_CLI_VERSION", request.param)
    return make_chat
