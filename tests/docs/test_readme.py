"""The README's code runs, on the simulator, with somebody at the other end where it needs one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simplex_sync import SimplexChat

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"<!-- example: (\w+) -->\n```python\n(.*?)```", README, re.DOTALL))
SECONDS = 60.0


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, and simulated servers of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIMPLEX_CHAT_BIN", "simulator")
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    monkeypatch.delenv("SIMPLEX_CHAT_KEY", raising=False)
    return tmp_path


@contextmanager
def running(name: str) -> Iterator[subprocess.Popen[str]]:
    """Run an example as a script of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", BLOCKS[name]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as script:
        try:
            yield script
        finally:
            if script.poll() is None:
                script.kill()


def output(script: subprocess.Popen[str], *, status: int = 0) -> list[str]:
    out, err = script.communicate(timeout=SECONDS)
    assert script.returncode == status, err
    assert not err
    return out.splitlines()


def with_contact(database: str, name: str, act: Callable[[SimplexChat, SimplexChat], None]) -> None:
    """Make the database of an example, with bob as a contact, and do something with both."""
    with SimplexChat(database, display_name=name) as own, SimplexChat("bob", display_name="bob") as bob:
        bob.connect_to(own.accept_contacts().link, timeout=SECONDS)
        act(own, bob)


def test_every_block_is_an_example_that_is_tested() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    elsewhere = [block for block in blocks if "def test_greeting" in block]  # runs in test_testing.py
    assert len(blocks) - len(elsewhere) == len(BLOCKS)
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(BLOCKS) <= tests


def test_the_first_commands_are_there() -> None:
    commands = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[0].split("\n")
    assert [line.split()[0] for line in commands if line] == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / line.split()[0], os.X_OK) for line in commands if line)


def test_what_is_guaranteed_names_a_test_for_each_row() -> None:
    table = README.partition("## What is guaranteed")[2].partition("\n\nTests without a folder")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 30
    for row in rows:
        references = re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])
        assert references, row
        folder, file = ROOT / "tests" / "faults", ""
        for reference in references:
            named, _, test = reference.partition("::")
            file = named or file  # `::test` is one of the file before it
            source = ((ROOT if "/" in file else folder) / file).read_text("utf-8")
            assert not test or f"def {test}(" in source, reference


def test_ten_lines() -> None:
    with running("ten_lines") as script, SimplexChat("bob", display_name="bob") as bob:
        assert script.stdout is not None
        assert script.stdout.readline().startswith("Notes ")
        contact = bob.connect_to(script.stdout.readline().strip(), timeout=SECONDS)
        assert next(bob.messages(timeout=SECONDS)).text == "Hello, write to me."
        bob.send(contact, "a word")
        assert script.stdout.readline().startswith("bob ")
        assert next(bob.messages(timeout=SECONDS)).text == "you said a word"
        script.send_signal(signal.SIGINT)
        script.wait(timeout=SECONDS)


def test_echo_bot() -> None:
    with running("echo_bot") as script, SimplexChat("bob", display_name="bob") as bob:
        assert script.stdout is not None
        contact = bob.connect_to(script.stdout.readline().strip(), timeout=SECONDS)
        messages = bob.messages(timeout=SECONDS)
        assert next(messages).text == "Hello, I am an echo."
        bob.send(contact, "hello")
        assert next(messages).text == "you said hello"
        script.send_signal(signal.SIGINT)
        assert output(script) == []


def test_broadcast() -> None:
    with_contact("news", "News", lambda own, bob: None)
    with running("broadcast") as script:
        assert output(script) == ["sent to bob"]
    with SimplexChat("bob") as bob:
        stream = bob.messages(timeout=SECONDS)
        assert [next(stream).text, next(stream).text] == ["Release 1.2 is out.", "Read about it on our page."]


def test_send_file(world: Path) -> None:
    content = b"%PDF" * 5000
    (world / "report.pdf").write_bytes(content)
    with_contact("notes", "Notes", lambda own, bob: None)
    with SimplexChat("bob") as bob, running("send_file") as script:
        message = next(bob.messages(timeout=SECONDS))
        message.download(world / "got.pdf", approved_relays=True).wait(timeout=SECONDS)
        assert (world / "got.pdf").read_bytes() == content
        lines = output(script)
        assert lines[-1] == "the servers have it, and Bob knows"
        assert lines[-2].endswith(" bytes")


def test_export(world: Path) -> None:
    def chatter(own: SimplexChat, bob: SimplexChat) -> None:
        own.send("@bob", "the invoice <1>").wait_delivered(timeout=SECONDS)

    with_contact("notes", "Notes", chatter)
    with running("export") as script:
        lines = output(script)
    assert lines[0].startswith("bob ")
    assert lines[1].endswith(" the invoice <1>")
    assert "the invoice &lt;1&gt;" in (world / "bob.html").read_text("utf-8")


def test_rehearse() -> None:
    with running("rehearse") as script:
        assert output(script) == ["Bob", "Welcome!", "hello"]


def test_one_to_one() -> None:
    with running("one_to_one") as script:
        lines = output(script)
    assert lines[0].startswith("https://")
    assert lines[1:] == ["errorStore.duplicateContactLink", "Notes", "userContactLink"]
