"""`contacts`, `groups` and `members`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, types
from tests.unit.command_line.conftest import People


@pytest.fixture(scope="module")
def team(people: People) -> People:
    """Give people among whom Alice has a group with Bob."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPLEX_SIM_NETWORK", str(people.environment["SIMPLEX_SIM_NETWORK"]))
        with SimplexChat(people.alice, executable="simulator") as alice:
            profile = types.GroupProfile(display_name="team", full_name="The \x1b[31mteam")
            group = alice.api_new_group(group_profile=profile).group_info
            alice.api_add_member(group.group_id, people.bob_id, member_role=types.GroupMemberRole.ADMIN)
    return people


def test_contacts_are_lines_with_the_name_to_write_to(team: People) -> None:
    result = team.run("contacts")
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    name, _, state, since = line.split("\t")
    assert (name, state) == ("@bob", "ready")
    assert len(since) == len("2026-01-31")


def test_contacts_are_the_records_of_the_documents_with_json(team: People) -> None:
    [line] = team.run("contacts", "--json").stdout.splitlines()
    contact = types.Contact.from_json(line)
    assert contact.contact_id == team.bob_id


def test_groups_show_your_role_and_steer_no_terminal(team: People) -> None:
    result = team.run("groups")
    assert result.exit_code == 0, result.output
    name, full_name, role, status, _ = result.stdout.strip().split("\t")
    assert (name, full_name, role, status) == ("#team", r"The \x1b[31mteam", "owner", "creator")
    [line] = team.run("--json", "groups").stdout.splitlines()
    assert types.GroupInfo.from_json(line).local_display_name == "team"
    assert team.run("groups", "--json").stdout.splitlines() == [line]


def test_members_show_role_and_status(team: People) -> None:
    result = team.run("members", "#team")
    assert result.exit_code == 0, result.output
    assert result.stdout == "bob\t\tadmin\tinvited\n"
    [line] = team.run("members", "#team", "--json").stdout.splitlines()
    assert json.loads(line)["memberRole"] == "admin"


def test_a_group_that_is_not_there_is_refused(team: People) -> None:
    result = team.run("members", "#tame")
    assert result.exit_code == 1
    assert "team" in result.stderr


def test_no_contacts_are_no_lines(team: People, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = str(tmp_path_factory.mktemp("empty") / "chat")
    result = team.run("--database", empty, "--display-name", "Ann", "--bot", "contacts")
    assert (result.exit_code, result.stdout) == (0, "")
    assert Path(f"{empty}_chat.db").exists()
