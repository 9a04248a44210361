"""The network folder: mailboxes that survive anything, links, wake-ups and rehearsed failures."""

from __future__ import annotations

import json
import os
import select
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from simplex_sync.simulator import network as module
from simplex_sync.simulator.network import Faults, Network, Position, wake, write_faults


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Network, Network]]:
    with ExitStack() as stack:
        yield (
            stack.enter_context(closing(Network(tmp_path, "ann"))),
            stack.enter_context(closing(Network(tmp_path, "ben"))),
        )


def read(reader: Network, sender: str = "ann", position: Position | None = None) -> list[bytes]:
    return [line for line, _ in reader.read(sender, position or Position())]


def test_lines_arrive_in_order(two: tuple[Network, Network]) -> None:
    ann, ben = two
    assert ben.senders() == []
    ann.deliver("ben", [b"1", b"2"])
    ann.deliver("ben", [b"3"])
    assert ben.senders() == ["ann"]
    assert read(ben) == [b"1", b"2", b"3"]


def test_reading_goes_on_where_it_ended(two: tuple[Network, Network]) -> None:
    ann, ben = two
    ann.deliver("ben", [b"1", b"2"])
    (_, after), _ = ben.read("ann", Position())
    assert read(ben, position=after) == [b"2"]
    *_, (_, end) = ben.read("ann", Position())
    assert read(ben, position=end) == []
    ann.deliver("ben", [b"3"])
    assert read(ben, position=end) == [b"3"]


def test_a_line_that_was_cut_off_ends_where_the_next_begins(two: tuple[Network, Network], tmp_path: Path) -> None:
    ann, ben = two
    ann.deliver("ben", [b"1"])
    with (tmp_path / "nodes" / "ben" / "ann.0.log").open("ab") as file:
        file.write(b'{"seq": 2, "cut')
    assert read(ben) == [b"1"]  # it has no end yet
    with closing(Network(tmp_path, "ann")) as again:  # the sender was killed, and starts again
        again.deliver("ben", [b"2"])
    assert read(ben) == [b"1", b'{"seq": 2, "cut', b"2"]


def test_files_that_were_read_are_deleted(
    two: tuple[Network, Network], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT_SIZE", 5)
    ann, ben = two
    for number in range(5):
        ann.deliver("ben", [b"line %d" % number, b"x"])
    mailbox = tmp_path / "nodes" / "ben"
    assert len(list(mailbox.glob("ann.*.log"))) == 6
    found = list(ben.read("ann", Position()))
    position = found[-1][1]
    assert [line for line, _ in found] == [line for number in range(5) for line in (b"line %d" % number, b"x")]
    assert [path.name for path in mailbox.glob("ann.*.log")] == ["ann.5.log"]
    with closing(Network(tmp_path, "ann")) as again:  # it goes on in the last file
        again.deliver("ben", [b"more"])
    assert read(ben, position=position) == [b"more"]


def test_long_lines(two: tuple[Network, Network], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SIZE", 7)
    ann, ben = two
    ann.deliver("ben", [b"a" * 50, b"b", b"c" * 20])
    assert read(ben) == [b"a" * 50, b"b", b"c" * 20]


def test_a_delivery_wakes_the_reader(two: tuple[Network, Network]) -> None:
    ann, ben = two
    assert ben.wake_descriptor is not None
    assert select.select([ben.wake_descriptor], [], [], 0)[0] == []
    ann.deliver("ben", [b"1"])
    assert select.select([ben.wake_descriptor], [], [], 5)[0] == [ben.wake_descriptor]
    ben.drain_wake_ups()
    assert select.select([ben.wake_descriptor], [], [], 0)[0] == []


def test_waking_nobody_is_no_error(tmp_path: Path) -> None:
    wake(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    wake(tmp_path / "pipe")  # nobody reads it
    (tmp_path / "file").write_bytes(b"")
    wake(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b""


def test_a_full_pipe_is_no_error(two: tuple[Network, Network], tmp_path: Path) -> None:
    ben = two[1]
    assert ben.wake_descriptor is not None
    while select.select([], [ben.wake_descriptor], [], 0)[1]:
        os.write(ben.wake_descriptor, b"\0" * 4096)
    wake(tmp_path / "nodes" / "ben" / "wake")


def test_a_folder_without_pipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise OSError("no pipes here")

    monkeypatch.setattr(os, "mkfifo", refuse)
    with closing(Network(tmp_path, "ann")) as ann:
        assert ann.wake_descriptor is None
        ann.drain_wake_ups()
        ann.deliver("ben", [b"1"])


def test_a_folder_that_was_cleared_away(two: tuple[Network, Network], tmp_path: Path) -> None:
    ann, ben = two
    shutil.rmtree(tmp_path)
    assert ben.senders() == []
    ann.deliver("ben", [b"1"])
    assert ben.senders() == ["ann"]


# Links.


def test_links(two: tuple[Network, Network]) -> None:
    ann, ben = two
    names = ["q:queue", "s:short"]
    assert ben.get_link("q:queue") is None
    ann.put_link(names, {"kind": "a", "version": 1})
    ann.put_link(names, {"kind": "a", "version": 2})
    assert ben.get_link("q:queue") == ben.get_link("s:short") == {"names": names, "kind": "a", "version": 2}
    ann.delete_link(names)
    ann.delete_link(names)
    assert ben.get_link("s:short") is None


def test_a_one_time_link_is_for_one(two: tuple[Network, Network]) -> None:
    ann, ben = two
    ann.put_link(["q:x", "s:x"], {})
    assert ben.claim_link("q:x", "ben/1")
    assert not ann.claim_link("q:x", "ann/1")
    assert ben.claim_link("q:x", "ben/1")  # the same one again, after it was killed


# Failures.


def test_faults_come_from_the_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_FAULTS", '{"delay": 5}')
    with closing(Network(tmp_path, "ann")) as ann:
        assert ann.faults() == Faults(delay=5)
        write_faults(tmp_path, Faults(unreachable=True))
        assert ann.faults() == Faults(unreachable=True)
        assert ann.wake_descriptor is not None
        assert select.select([ann.wake_descriptor], [], [], 5)[0]
        write_faults(tmp_path, Faults(loss=0.5))
        assert ann.faults() == Faults(loss=0.5)
        (tmp_path / "faults.json").unlink()
        assert ann.faults() == Faults(delay=5)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"delay": []}', json.dumps({"unreachable": False})])
def test_faults_that_make_no_sense_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "faults.json").write_text(text, "utf-8")
    with closing(Network(tmp_path, "ann")) as ann:
        assert ann.faults() == Faults()
