"""From the first line to the open port, with shells in the place of the CLI. See also tests/faults/test_starting.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from simplex_sync._internal import startup as module
from simplex_sync._internal.deadline import Deadline
from simplex_sync._internal.output import OutputTail
from simplex_sync._internal.process import CliProcess
from simplex_sync._internal.startup import Startup
from simplex_sync.errors import ClientClosed, CliExited, DatabaseKeyError, InvalidDisplayName, StartError, StartTimeout

LONG = 20.0
#: Asks, prints what was typed, and passes for a CLI with an open port from then on.
TYPED = 'read typed; echo "typed: $typed"; echo opened; read end'


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Startup]]:
    """A function that leads a shell script through its start; its port is open once it has printed `opened`."""
    started: list[CliProcess] = []

    def make(script: str, name: str | None = "alice", *, seconds: float = LONG, stopped: bool = False) -> Startup:
        process = CliProcess(["/bin/sh", "-c", script], OutputTail())
        started.append(process)
        startup = Startup(process, name, Deadline(seconds), lambda: stopped)

        def ports(*, family: bool = True) -> list[int]:
            return [4711] if "opened" in startup._text + process.spawn.buffer.decode("utf-8", "replace") else []

        monkeypatch.setattr(process, "listening_ports", ports)
        return startup

    yield make
    for process in started:
        process.stop()
        process.close_terminal()


def printed(startup: Startup) -> str:
    return startup._process.tail.text()


def test_a_profile_that_exists(start: Callable[..., Startup]) -> None:
    startup = start("echo 'Current user: alice'; echo opened; read end")
    assert startup.port() == 4711
    assert "Current user: alice" in printed(startup)


@pytest.mark.parametrize(
    "prompt", ["display name: ", "\ndisplay name:", "Please give a Display Name> ", "display name"]
)
def test_the_first_run_types_the_name(start: Callable[..., Startup], prompt: str) -> None:
    startup = start(f"echo 'No user profiles found'; printf '{prompt}'; {TYPED}", "Zoë")
    assert startup.port() == 4711
    assert "typed: Zoë" in startup._text + startup._process.spawn.buffer.decode()


def test_the_first_run_without_a_name(start: Callable[..., Startup]) -> None:
    startup = start(f"printf 'display name: '; {TYPED}", None)
    with pytest.raises(InvalidDisplayName, match=r'pass display_name="…"') as caught:
        startup.port()
    assert caught.value.output == "display name:"


@pytest.mark.parametrize(
    ("answer", "suggestion"),
    [
        ("echo 'invalid display name: @x'; echo 'you could use this one: x'; printf 'display name: '", "x"),
        ("echo \"display name can't be empty\"; printf 'display name: '", ""),
        ("printf 'display name: '", ""),
        ("echo 'invalid display name: @x'; exit 1", ""),
    ],
)
def test_a_refused_name_is_typed_once(start: Callable[..., Startup], answer: str, suggestion: str) -> None:
    startup = start(f"printf 'display name: '; read typed; {answer}; read again; echo again", "@x")
    with pytest.raises(InvalidDisplayName, match=r"^start: the CLI refuses the display name '@x'") as caught:
        startup.port()
    assert (caught.value.display_name, caught.value.suggestion) == ("@x", suggestion)
    assert "again" not in startup._text


@pytest.mark.parametrize("newer", ["", "echo 'you could use this one: x';"])
def test_a_name_that_is_refused_at_the_end(
    start: Callable[..., Startup], monkeypatch: pytest.MonkeyPatch, newer: str
) -> None:
    # As when the line does not end as it did in the versions that are known.
    startup = start(f"printf 'invalid display name @x\\n'; {newer} exit 1", "@x")
    with pytest.raises(InvalidDisplayName, match=r"refuses the display name") as caught:
        startup.port()
    assert caught.value.suggestion == ("x" if newer else "")


CHOICES = "echo 'Select user profile:'; echo '1: alice'; echo '2: bob (active)'; printf 'user number (1 .. 2): '"


@pytest.mark.parametrize(("name", "number"), [("alice", "1"), ("bob", "2")])
def test_one_of_several_profiles(start: Callable[..., Startup], name: str, number: str) -> None:
    startup = start(f"{CHOICES}; {TYPED}", name)
    startup.port()
    assert f"typed: {number}" in startup._text + startup._process.spawn.buffer.decode()


@pytest.mark.parametrize(("name", "said"), [(None, "pass display_name="), ("carol", "none of them is 'carol'")])
def test_none_of_several_profiles(start: Callable[..., Startup], name: str | None, said: str) -> None:
    with pytest.raises(InvalidDisplayName, match=rf"\('alice', 'bob'\) and none is active: {said}"):
        start(f"{CHOICES}; {TYPED}", name).port()


def test_a_question_that_should_not_come(start: Callable[..., Startup]) -> None:
    with pytest.raises(StartError, match=r"asks a question"):
        start(f"printf 'Confirm (y/N): '; {TYPED}").port()


@pytest.mark.parametrize(
    ("script", "kind", "status", "said"),
    [
        ("echo 'x: file is not a database'; exit 1", DatabaseKeyError, 1, "key="),
        ("echo 'Usage: simplex-chat'; exit 1", CliExited, 1, "extra_args="),
        ("echo last; exit 7", CliExited, 7, "ended with status 7 before it took commands; it printed last: last"),
        ("kill -9 $$", CliExited, -9, "was ended by signal 9 before it took commands; it printed last: nothing"),
    ],
)
def test_the_cli_ends(
    start: Callable[..., Startup], script: str, kind: type[StartError], status: int, said: str
) -> None:
    with pytest.raises(kind) as caught:
        start(script).port()
    assert type(caught.value) is kind
    assert caught.value.exit_status == status
    assert said in str(caught.value)


def test_the_port_stays_shut(start: Callable[..., Startup]) -> None:
    with pytest.raises(StartTimeout, match=r"did not open its port in 1\.0 seconds") as caught:
        start("echo here; read end", seconds=1.0).port()
    assert caught.value.output == "here"


def test_somebody_closes_the_client_meanwhile(start: Callable[..., Startup]) -> None:
    with pytest.raises(ClientClosed, match=r"^start: "):
        start("read end", stopped=True).port()


def test_a_flood_takes_no_memory(start: Callable[..., Startup], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FLOOD", 5000)
    startup = start('i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done; read end', seconds=1.5)
    with pytest.raises(StartTimeout) as caught:
        startup.port()
    assert len(startup._process.spawn.before) <= 5000
    assert caught.value.output.endswith("line 1998\nline 1999")
    assert len(startup._text) <= 20_000
