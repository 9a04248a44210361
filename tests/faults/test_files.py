"""Files whose sender or receiver loses its CLI on the way: whole at the end, whatever was not told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simplex_sync import Message, SimplexChat
from simplex_sync._internal.codec import Frame
from simplex_sync.testing import SimplexNetwork

LONG = 30.0
CONTENT = bytes(range(256)) * 80_000  # five parts
Pair = tuple[SimplexChat, SimplexChat]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    for name in ("SIMPLEX_CHAT_KEY", "SIMPLEX_SIM_FAULTS", "SIMPLEX_SIM_CLI_VERSION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").write_bytes(CONTENT)
    network = SimplexNetwork(tmp_path)
    alice, bob = network("alice", "bob")
    yield alice, bob
    network.close()


def kill_at(chat: SimplexChat, monkeypatch: pytest.MonkeyPatch, tag: str, *, untold: bool) -> list[str]:
    """Kill the CLI of a client at the first event of a tag; return the list that the tags of what is told go to."""
    session = chat._session
    assert session is not None
    publish, told, pid = session.router.publish, [], chat.pid
    assert pid is not None

    def hook(frame: Frame) -> None:
        first = frame.tag == tag and tag not in told
        told.append(frame.tag)
        if first:
            os.kill(pid, signal.SIGKILL)
            if untold:  # as when the CLI had taken it for the connection that was lost with it
                return
        publish(frame)

    monkeypatch.setattr(session.router, "publish", hook)
    return told


def received(pair: Pair, tmp_path: Path) -> tuple[Any, Message]:
    alice, bob = pair
    sending = alice.send_file("@bob", tmp_path / "file")
    return sending, next(message for message in bob.messages(timeout=LONG) if message.file is not None)


@pytest.mark.parametrize("how", ["wait", "progress"])
@pytest.mark.parametrize(("tag", "untold"), [("rcvFileProgressXFTP", False), ("rcvFileComplete", True)])
def test_the_cli_of_who_receives_is_killed(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str, untold: bool, how: str
) -> None:
    sending, message = received(pair, tmp_path)
    bob = pair[1]
    told = kill_at(bob, monkeypatch, tag, untold=untold)
    transfer = message.download(tmp_path / "copy", approved_relays=True)
    if how == "wait":
        transfer.wait(timeout=LONG)
    else:
        steps = list(transfer.progress(timeout=LONG))
        assert steps == sorted(steps)
        assert steps[-1].done == steps[-1].total > len(CONTENT)
    assert transfer.path == tmp_path / "copy"
    assert transfer.path.read_bytes() == CONTENT
    assert tag in told
    assert bob.restarts == 1
    assert sending.wait(timeout=LONG).done


@pytest.mark.parametrize(("tag", "untold"), [("sndFileProgressXFTP", False), ("sndFileCompleteXFTP", True)])
def test_the_cli_of_who_sends_is_killed(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str, untold: bool
) -> None:
    alice, bob = pair
    told = kill_at(alice, monkeypatch, tag, untold=untold)
    sending, message = received(pair, tmp_path)
    assert sending.wait(timeout=LONG).done
    assert tag in told
    assert message.download(tmp_path / "copy", approved_relays=True).wait(timeout=LONG).done
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert alice.restarts == 1
    assert bob.restarts == 0
