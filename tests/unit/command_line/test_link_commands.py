"""`address`, `invite` and `connect`: how people come together."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from simplex_sync import events
from tests.unit.command_line.conftest import People, program_line

BLOCKS = set("█▀▄ ")


def test_the_address_stays_the_same(people: People) -> None:
    first, second = people.run("address"), people.run("address")
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout
    [link] = first.stdout.splitlines()
    assert link.startswith("https://")


def test_the_address_can_be_a_qr_code_and_json(people: People) -> None:
    shown = people.run("address", "--qr").stdout.splitlines()
    assert shown[0].startswith("https://")
    assert len(shown) > 10
    assert BLOCKS & set("".join(shown[1:]))
    found = json.loads(people.run("address", "--json").stdout)
    assert found["link"] == shown[0]
    assert found["fullLink"]


def test_with_auto_accept_others_connect_while_the_cli_runs(people: People, tmp_path: Path) -> None:
    link = people.run("address", "--auto-accept").stdout.strip()
    line, environment = people.command("pipe")
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment) as alice:
        carol = program_line("--database", str(tmp_path / "carol"), "--display-name", "carol", "connect", "-")
        done = subprocess.run(carol, input=link.encode(), capture_output=True, env=environment, timeout=60, check=False)
        alice.communicate(b"", timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"connected: @alice\n"
    again = subprocess.run([*carol[:-1], link, "--json"], capture_output=True, env=environment, timeout=60, check=True)
    assert json.loads(again.stdout)["localDisplayName"] == "alice"


def test_connect_prints_the_name_to_write_to(people: People, tmp_path: Path) -> None:
    carol = ("--database", str(tmp_path / "carol"), "--display-name", "carol", "connect")
    result = people.run(*carol, people.bob.invite().link)
    assert (result.exit_code, result.stdout) == (0, "connected: @bob\n")
    group = people.bob.create_group("readers")
    result = people.run(*carol, "-", "--timeout", "30", stdin=people.bob.group_link(group).link + "\n")
    assert (result.exit_code, result.stdout) == (0, "connected: #readers\n")


def test_an_invitation_waits_for_the_other_side(people: People) -> None:
    line, environment = people.command("invite", "--wait", "--timeout", "60")
    with subprocess.Popen(line, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        link = process.stdout.readline().decode().strip()
        with people.bob.expect(events.ContactConnected, timeout=30):
            people.bob.connect(conn_link_=link)
        said = process.stdout.read().decode()
        assert process.wait(30) == 0
    assert said == "connected: @bob_1\n"


def test_an_invitation_that_nobody_takes_stays_valid(people: People) -> None:
    result = people.run("invite", "--wait", "--timeout", "0.3")
    assert result.exit_code == 3
    assert "stays valid" in result.stderr
    assert result.stdout.startswith("https://")
    assert result.stdout.strip() not in result.stderr


def test_an_invitation_can_be_a_qr_code_and_json(people: People) -> None:
    assert len(people.run("invite", "--qr").stdout.splitlines()) > 10
    assert set(json.loads(people.run("invite", "--json").stdout)) == {"link", "fullLink"}


def test_a_link_that_is_none_is_refused_and_not_shown(people: People) -> None:
    result = people.run("connect", "https://example.org/private", "--timeout", "20")
    assert result.exit_code == 1
    assert "private" not in result.output


def test_nobody_at_the_other_side_ends_with_3(people: People) -> None:
    link = people.bob.address().link
    result = people.run("connect", link, "--timeout", "0.5")
    assert result.exit_code == 3
    assert link not in result.output
