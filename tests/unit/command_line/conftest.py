"""Alice, whose database the commands use, and Bob, a running client that she knows: both on the simulator."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simplex_sync import SimplexChat
from simplex_sync.command_line.program import program
from simplex_sync.testing import SimplexNetwork

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = (
    "SIMPLEX_CHAT_BIN",
    "SIMPLEX_CHAT_KEY",
    "SIMPLEX_SIM_CLI_VERSION",
    "SIMPLEX_SIM_FAULTS",
    "SIMPLEX_SYNC_DATABASE",
    "SIMPLEX_SYNC_DISPLAY_NAME",
    "SIMPLEX_SYNC_SMP_SERVERS",
    "SIMPLEX_SYNC_TIMEOUT",
    "SIMPLEX_SYNC_XFTP_SERVERS",
)

Run = Callable[..., Result]


def environment(folder: Path) -> dict[str, str | None]:
    """Return what is changed in the environment: a network and data folders in `folder`, and the simulator."""
    changes: dict[str, str | None] = dict.fromkeys(VARIABLES)
    changes |= {
        "SIMPLEX_CHAT_BIN": "simulator",
        "SIMPLEX_SIM_NETWORK": str(folder / "network"),
        "XDG_DATA_HOME": str(folder / "data"),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    return changes


@dataclass
class People:
    """What a module's tests share.

    Attributes:
        environment: What is changed in the environment.
        alice: The prefix of Alice's database, which is in use only while a command runs.
        bob: Bob's client.
        bob_id: The number of the contact Bob in Alice's database.
    """

    environment: dict[str, str | None]
    alice: Path
    bob: SimplexChat
    bob_id: int

    def run(self, *arguments: str, stdin: bytes | str | None = None) -> Result:
        """Run a command as Alice, in this process."""
        options = ["--database", str(self.alice), *arguments]
        return CliRunner().invoke(program, options, input=stdin, env=self.environment)

    def command(self, *arguments: str) -> tuple[Sequence[str], dict[str, str]]:
        """Return the command line and the environment of a command as Alice, for a process of its own."""
        return program_line("--database", str(self.alice), *arguments), full_environment(self.environment)


def program_line(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "simplex_sync.command_line", *arguments]


def full_environment(changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Give Alice's database and Bob's running client: contacts of each other."""
    folder = tmp_path_factory.mktemp("people")
    changes = environment(folder)
    network = SimplexNetwork(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        alice, bob = network("alice", "bob")
    [contact] = alice.api_list_contacts().contacts
    alice.close()
    yield People(changes, folder / "alice" / "chat", bob, contact.contact_id)
    network.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a function that runs a command in this process, with data folders of its own."""

    def run_command(*arguments: str, stdin: bytes | str | None = None, **changes: str | None) -> Result:
        return CliRunner().invoke(program, arguments, input=stdin, env={**environment(tmp_path), **changes})

    return run_command
