"""`pipe`: the CLI's own commands from stdin, its answers and events as JSON Lines on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from simplex_sync import events
from tests.children.fake import FakeCli
from tests.unit.command_line.conftest import People, Run, full_environment, program_line


def lines_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def answers_of(result: Result) -> list[tuple[int, str]]:
    """Return the line and the tag of each answer, or the type of the error."""
    return [
        (line["line"], line["response"]["type"] if "response" in line else line["error"]["type"])
        for line in lines_of(result.stdout)
        if "line" in line
    ]


def send_command(people: People, text: str) -> str:
    """Return the command that sends a text to Bob."""
    message = [{"msgContent": {"type": "text", "text": text}, "mentions": {}}]
    return f"/_send @{people.bob_id} json {json.dumps(message, ensure_ascii=False)}"


def test_each_answer_has_the_number_of_its_line(people: People) -> None:
    result = people.run("pipe", stdin="/user\n\n   \n/_contacts 1\r\n/version")
    assert result.exit_code == 0, result.output
    assert answers_of(result) == [(1, "activeUser"), (4, "contactsList"), (5, "versionInfo")]


def test_the_answer_is_the_record_as_it_came(people: People) -> None:
    result = people.run("pipe", "--no-events", stdin="/_contacts 1\n")
    [line] = lines_of(result.stdout)
    [contact] = line["response"]["contacts"]
    assert (contact["localDisplayName"], contact["activeConn"]["connStatus"]) == ("bob", "ready")


def test_an_error_of_the_cli_is_an_answer_and_stops_nothing(people: People) -> None:
    result = people.run("pipe", stdin="# not a comment\n/_get chat @999 count=1\n/user\n")
    assert result.exit_code == 0
    assert answers_of(result) == [(1, "chatCmdError"), (2, "chatCmdError"), (3, "activeUser")]


def test_a_line_that_is_not_text_is_refused_before_it_is_sent(people: People) -> None:
    result = people.run("pipe", stdin=b"/user\n\xff\n/user\n")
    assert result.exit_code == 1
    assert answers_of(result) == [(1, "activeUser"), (2, "InvalidArgument"), (3, "activeUser")]
    assert "UTF-8" in result.stdout


def test_letters_of_all_kinds_pass_through(people: People) -> None:
    text = "grüße 👋 \u2028 end"
    stdin = f"{send_command(people, text)}\n/_get chat @{people.bob_id} count=1\n"
    with people.bob.expect(events.NewChatItems, timeout=30) as received:
        result = people.run("pipe", "--no-events", stdin=stdin)
    assert received.value.chat_items[0].chat_item.meta.item_text == text
    lines = lines_of(result.stdout)
    assert lines[1]["response"]["chat"]["chatItems"][0]["meta"]["itemText"] == text


def test_events_come_as_they_are(people: People) -> None:
    result = people.run("pipe", stdin="/user\n")
    tags = [line["event"]["type"] for line in lines_of(result.stdout) if "event" in line]
    assert "contactSubSummary" in tags


def test_events_can_be_left_out(people: People) -> None:
    result = people.run("pipe", "--no-events", stdin="/user\n")
    assert all("line" in line for line in lines_of(result.stdout))


def test_nothing_in_is_nothing_out(people: People) -> None:
    result = people.run("pipe", "--no-events", stdin="\n\n")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("window", ["1", "7"])
def test_effects_keep_their_order_with_any_number_in_flight(people: People, window: str) -> None:
    texts = [f"{window}-{number}" for number in range(20)]
    stdin = "\n".join(send_command(people, text) for text in texts)
    result = people.run("pipe", "--window", window, "--no-events", stdin=stdin)
    sent = [line["response"]["chatItems"][0]["chatItem"]["meta"]["itemText"] for line in lines_of(result.stdout)]
    assert sent == texts


def test_an_answer_that_does_not_come_in_time_is_told_and_the_next_one_waited_for(
    run: Run, make_fake: Callable[..., FakeCli]
) -> None:
    fake = make_fake()
    options = ("--executable", str(fake.path), "--database", str(fake.folder / "db"))
    result = run(*options, "pipe", "--timeout", "1", stdin="/user\n![]\n/user\n")
    assert answers_of(result) == [(1, "activeUser"), (2, "CommandTimeout"), (3, "activeUser")]
    assert "its outcome is unknown" in result.stdout
    assert fake.count("![]") == 1
    assert result.exit_code == 3


def test_it_ends_when_what_it_sent_has_left_the_machine(people: People) -> None:
    stdin = "\n".join(send_command(people, f"many {number}") for number in range(10))
    assert people.run("pipe", "--no-events", stdin=stdin).exit_code == 0
    shown = people.run("pipe", "--no-events", stdin=f"/_get chat @{people.bob_id} count=10")
    items = lines_of(shown.stdout)[0]["response"]["chat"]["chatItems"]
    assert len(items) == 10
    assert {item["meta"]["itemStatus"]["type"] for item in items} <= {"sndSent", "sndRcvd"}


def test_messages_that_cannot_be_sent_in_time_are_counted(people: People) -> None:
    people.environment["SIMPLEX_SIM_FAULTS"] = '{"unreachable": true}'
    try:
        late = people.run("pipe", "--timeout", "1", stdin=send_command(people, "private words"))
        early = people.run("pipe", "--no-events", "--no-wait", stdin=send_command(people, "more words"))
    finally:
        people.environment["SIMPLEX_SIM_FAULTS"] = None
    assert (late.exit_code, early.exit_code) == (3, 0)
    assert late.stderr.startswith("Error: 1 messages are not sent yet")
    assert "private" not in late.stderr


def test_what_was_lost_with_the_connection_is_not_sent_again(run: Run, make_fake: Callable[..., FakeCli]) -> None:
    fake = make_fake(on={"/die": ["exit"]})
    options = ("--executable", str(fake.path), "--database", str(fake.folder / "db"))
    result = run(*options, "pipe", "--window", "1", stdin="/die\n/user\n")
    assert answers_of(result) == [(1, "OutcomeUnknown"), (2, "activeUser")]
    assert fake.count("/die") == 1
    assert result.exit_code == 1
    assert "trying to get it back" in result.stderr


def test_it_takes_two_thousand_commands_a_second(people: People, tmp_path: Path) -> None:
    count = 6_000
    commands = tmp_path / "commands.txt"
    commands.write_text("/user\n" * count)
    line, environment = people.command("pipe", "--no-events")
    with (
        commands.open("rb") as stdin,
        subprocess.Popen(line, stdin=stdin, stdout=subprocess.PIPE, env=environment) as process,
    ):
        assert process.stdout is not None
        lines = [process.stdout.readline()]  # it has started
        started = time.monotonic()
        lines += process.stdout
        seconds = time.monotonic() - started
        assert process.wait(30) == 0
    assert [json.loads(each)["line"] for each in lines] == list(range(1, count + 1))
    assert count / seconds > 2000, f"{count} commands took {seconds:.1f} seconds"


def test_it_answers_a_program_that_waits_for_each_answer(people: People) -> None:
    line, environment = people.command("pipe", "--no-events")
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2, 3):
            process.stdin.write(b"/user\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["line"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(30) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_without_a_word(people: People, number: signal.Signals, code: int) -> None:
    line, environment = people.command("pipe", "--no-events")
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"/user\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == b""


def test_it_ends_quietly_when_nobody_reads_any_more(people: People) -> None:
    line, environment = people.command("pipe", "--no-events")
    read, write = os.pipe()
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(write)
        os.close(read)
        _, said = process.communicate(b"/user\n" * 100, timeout=30)
        assert process.returncode == 141
        assert said == b""


def test_the_database_is_free_afterwards(people: People) -> None:
    line, environment = people.command("doctor", "--json")
    done = subprocess.run(line, capture_output=True, env=environment, timeout=60, check=True)
    assert {"check": "in use", "state": "ok", "found": "by nobody", "advice": ""} in lines_of(done.stdout.decode())


def test_a_first_run_without_a_name_says_which_option_it_needs(tmp_path: Path) -> None:
    environment = full_environment({"SIMPLEX_CHAT_BIN": "simulator", "SIMPLEX_SIM_NETWORK": str(tmp_path / "net")})
    line = program_line("--database", str(tmp_path / "new"), "pipe")
    done = subprocess.run(line, input=b"", capture_output=True, env=environment, timeout=60, check=False)
    assert done.returncode == 1
    assert b"--display-name" in done.stderr
    assert b"Traceback" not in done.stderr
