"""The program: what it prints and asks, how it starts, and every way that it ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simplex_sync.simulator.__main__ import main
from simplex_sync.simulator.failure import CommandStops
from simplex_sync.simulator.server import Server
from tests.simulator.programs import Program, bot, connected, message

PROMPT = "\ndisplay name: "


def run(folder: Path, *options: str, answers: str = "") -> tuple[int, str]:
    """Run the program to its end, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "simplex_sync.simulator", "-d", str(folder / "x"), *options],
        input=answers,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "SIMPLEX_SIM_NETWORK": str(folder / "network")},
    )
    return done.returncode, done.stdout + done.stderr


def test_the_first_start_asks_for_a_name(tmp_path: Path) -> None:
    with Program(tmp_path, "x", "-p", "0") as program:
        assert program.until(PROMPT).splitlines()[0] == "No user profiles found, it will be created now."
        program.child.sendline("#bad@name")
        assert "you could use this one: bad@name" in program.until(PROMPT)
        program.child.sendline("")
        assert "display name can't be empty" in program.until(PROMPT)
        program.child.sendline("###")
        assert "invalid display name: ###" in program.until(PROMPT)
        program.child.sendline("zoë")
        program.ready("zoë")
        user = program.do("/user", "activeUser")["user"]
        assert user["localDisplayName"] == "zoë"
        assert "peerType" not in user["profile"]
    with Program(tmp_path, "x", "-p", "0") as again:
        again.ready("zoë")


def test_bots(tmp_path: Path) -> None:
    with bot(tmp_path, "strict") as strict, bot(tmp_path, "open", "--create-bot-allow-files") as generous:
        profiles = [one.do("/user", "activeUser")["user"]["profile"] for one in (strict, generous)]
    assert [profile["peerType"] for profile in profiles] == ["bot", "bot"]
    assert profiles[0]["preferences"] == {"files": {"allow": "no"}}
    assert "preferences" not in profiles[1]


def test_one_of_several_profiles_is_chosen(tmp_path: Path) -> None:
    with bot(tmp_path, "first") as program:
        program.do(
            '/_create user {"profile": {"displayName": "second", "fullName": "Second One"}, "pastTimestamp": false}',
            "activeUser",
        )
        program.do(
            '/_create user {"profile": {"displayName": "third", "fullName": ""}, "pastTimestamp": false}', "activeUser"
        )
        program.do("/_user 1", "activeUser")
    with closing(sqlite3.connect(tmp_path / "first_chat.db")) as database:
        database.execute("UPDATE users SET activeUser = 0, doc = json_set(doc, '$.activeUser', json('false'))")
        database.commit()
    with Program(tmp_path, "first", "-p", "0") as program:
        asked = program.until("user number (1 .. 3): ")
        assert asked.splitlines() == ["Select user profile:", "1: first", "2: second (Second One)", "3: third"]
        program.child.sendline("9")
        program.until("user number (1 .. 3): ")
        program.child.sendline("two")
        program.until("user number (1 .. 3): ")
        program.child.sendline("2")
        program.ready("second")


def test_version_7_asks_without_a_colon_or_not_at_all(tmp_path: Path) -> None:
    with Program(tmp_path, "x", "-p", "0", version="7.0") as program:
        program.until("display name ")
        program.child.sendline("alice")
        program.ready("alice")
        assert program.do("/version", "versionInfo")["versionInfo"]["version"] == "7.0.2.0"
    with Program(tmp_path, "y", "-p", "0", "--user-display-name", "bob", "--headless", version="7.0") as program:
        program.ready("bob")
    with Program(tmp_path, "z", "--headless", version="7.0") as program:
        assert "--user-display-name" in program.rest()
        assert program.child.exitstatus == 1
    with Program(tmp_path, "z", "--user-display-name", "#", version="7.0") as program:
        assert "invalid display name" in program.rest()


def test_starts_quickly(tmp_path: Path) -> None:
    with bot(tmp_path, "alice"):
        pass
    times = []
    for _ in range(3):
        begin = time.monotonic()
        with Program(tmp_path, "alice", "-p", "0") as program:
            program.ready("alice")
            times.append(time.monotonic() - begin)
    assert min(times) < 0.6


def test_ends_that_are_told(tmp_path: Path) -> None:
    assert run(tmp_path, "--nonsense")[0] == 1
    assert "Usage:" in run(tmp_path, "--nonsense")[1]
    assert run(tmp_path, "-h") == (0, run(tmp_path, "--help")[1])
    assert run(tmp_path, "--version") == (0, "SimpleX Chat v6.4.5.1\n")
    status, text = run(tmp_path)
    assert (status, text.splitlines()[-1]) == (1, PROMPT[1:] + "simplex-chat: <stdin>: hGetLine: end of file")
    status, text = run(tmp_path / "missing")
    assert status == 1
    assert "does not exist" in text
    status, text = run(tmp_path, "--files-folder", str(tmp_path / "missing"))
    assert "does not exist" in text


def test_keys_and_files_that_are_no_databases(tmp_path: Path) -> None:
    with Program(tmp_path, "x", "-k", "secret", "-p", "0") as program:
        program.until(PROMPT)
        program.child.sendline("alice")
        program.ready("alice")
    for options in ((), ("-k", "wrong")):
        status, text = run(tmp_path, *options)
        assert status == 1
        assert "ErrorNotADatabase" in text
        assert text.endswith("file is not a database\n")
    with Program(tmp_path, "x", "-k", "secret", "-p", "0") as program:
        program.ready("alice")
    (tmp_path / "x_chat.db").write_bytes(b"garbage" * 1000)
    assert "ErrorNotADatabase" in run(tmp_path, "-k", "secret")[1]
    with closing(sqlite3.connect(tmp_path / "real_chat.db")) as other:
        other.execute("CREATE TABLE t (x)")
        other.commit()
    with Program(tmp_path, "real") as program:
        assert "leaves it alone" in program.rest()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with bot(tmp_path, "alice") as alice, Program(tmp_path, "bob", "-p", str(alice.port)) as bob:
        bob.until(PROMPT)
        bob.child.sendline("bob")
        assert "bind: resource busy (Address already in use)" in bob.rest()
        assert bob.child.exitstatus == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_at_once(tmp_path: Path, number: int) -> None:
    with bot(tmp_path, "alice") as alice:
        begin = time.monotonic()
        alice.kill(number)
        assert time.monotonic() - begin < 2
        assert alice.child.signalstatus == number


def test_ctrl_c_and_the_end_of_the_terminal(tmp_path: Path) -> None:
    with Program(tmp_path, "x", "-p", "0") as program:
        program.until(PROMPT)
        program.child.sendintr()
        program.rest()
        assert program.child.signalstatus == signal.SIGINT
    with Program(tmp_path, "x", "-p", "0") as program:
        program.until(PROMPT)
        program.child.ptyproc.fileobj.close()
        assert os.waitpid(program.child.pid, 0)[1] == signal.SIGHUP
        for owner in (program.child, program.child.ptyproc):  # they need not look for it any more
            owner.closed = owner.terminated = True


def test_stop(tmp_path: Path) -> None:
    with bot(tmp_path, "alice") as alice:
        alice.send("/_stop")
        alice.child.wait()
        alice.end()
        assert alice._drained.decode().replace("\r\n", "\n").endswith("simplex-chat: AsyncCancelled\n")


def test_it_stops_when_nobody_reads_its_terminal(tmp_path: Path) -> None:
    with Program(tmp_path, "alice", "-p", "0", "--create-bot-display-name", "alice", read=False) as alice:
        alice.ready("alice")
        count = 3000
        for _ in range(count):
            alice.send("/user")
        answered = 0
        try:
            while True:
                answered += "corrId" in alice.frame(1)
        except TimeoutError:
            assert 100 < answered < count
        alice.child.timeout = 30
        for number in range(1, count + 1):
            alice.child.expect_exact(f'received command "{number}"')
        while answered < count:
            answered += "corrId" in alice.frame()


def test_five_thousand_commands_in_a_row(tmp_path: Path) -> None:
    with bot(tmp_path, "alice") as alice:
        begin = time.monotonic()
        for _ in range(5000):
            alice.do("/user", "activeUser")
        assert time.monotonic() - begin < 20


def test_a_thousand_messages_in_order(tmp_path: Path) -> None:
    with bot(tmp_path, "alice") as alice, bot(tmp_path, "bob") as bob:
        connected(alice, bob)
        begin = time.monotonic()
        for number in range(1000):
            alice.do(message(str(number)), "newChatItems")
        texts: list[str] = []
        while len(texts) < 1000:
            for item in bob.event("newChatItems")["chatItems"]:
                if "msgContent" in item["chatItem"]["content"]:
                    texts.append(item["chatItem"]["meta"]["itemText"])
        assert time.monotonic() - begin < 20
        assert texts == [str(number) for number in range(1000)]


def test_events_wait_for_the_next_client(tmp_path: Path) -> None:
    with bot(tmp_path, "alice") as alice, bot(tmp_path, "bob") as bob:
        connected(alice, bob)
        while bob.event("newChatItems")["chatItems"][-1]["chatItem"]["content"]["type"] != "rcvChatFeature":
            pass
        assert bob.socket is not None
        bob.socket.close()
        alice.do(message("while you were away"), "newChatItems")
        alice.event("chatItemsStatusesUpdated")
        alice.event("chatItemsStatusesUpdated")
        bob.open()
        item = bob.event("newChatItems")["chatItems"][0]["chatItem"]
        assert item["meta"]["itemText"] == "while you were away"


def test_a_network_folder_deeper_than_a_socket_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    with bot(deep, "alice") as alice, bot(deep, "bob") as bob:
        connected(alice, bob)
        alice.do(message("deep"), "newChatItems")
        alice.event("chatItemsStatusesUpdated")


def test_main_in_this_process(capfd: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    main(["-h"])
    with pytest.raises(SystemExit):
        main(["--nonsense"])
    told = capfd.readouterr()
    assert told.out.startswith("SimpleX Chat v6.4.5.1\nsimplex-sync-simulator")
    assert json.dumps("Invalid option `--nonsense'")[1:-1] in told.err


@pytest.fixture
def signals() -> Iterator[None]:
    """Keep this process's handlers of the signals that the program takes over."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    kept = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_whole_run_in_this_process(
    tmp_path: Path, signals: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    options = ["-d", str(tmp_path / "x"), "--create-bot-display-name", "alice", "-p"]

    def stop(server: Server) -> None:
        assert server.listener is not None
        with pytest.raises(SystemExit):
            main([*options, str(server.listener.getsockname()[1])])  # the port is taken
        raise CommandStops

    monkeypatch.setattr(Server, "run", stop)
    with pytest.raises(SystemExit) as caught:
        main([*options, "0"])
    assert caught.value.code == 1
    told = capfd.readouterr()
    assert told.out == "Current user: alice\n" * 2
    assert told.err.splitlines() == [
        "simplex-chat: Network.Socket.bind: resource busy (Address already in use)",
        "simplex-chat: AsyncCancelled",
    ]
    (tmp_path / "bad_chat.db").write_bytes(b"no database" * 99)
    for path, complaint in ((tmp_path / "missing" / "x", "does not exist"), (tmp_path / "bad", "ErrorNotADatabase")):
        with pytest.raises(SystemExit):
            main(["-d", str(path)])
        assert complaint in capfd.readouterr().err
    with closing(sqlite3.connect(tmp_path / "other_chat.db")) as other:
        other.execute("CREATE TABLE t (x)")
    with pytest.raises(SystemExit):
        main(["-d", str(tmp_path / "other")])
    assert "leaves it alone" in capfd.readouterr().err
