"""A migration that is killed at random moments and run again: each member is invited exactly once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simplex_sync import SimplexChat, events, types
from simplex_sync.testing import SimplexNetwork

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "examples" / "move_group.py"
PROCESSES, PROFILES = 3, 20
MEMBERS = PROCESSES * PROFILES
KILLS = 5
LONG = 60.0
ROLES = (types.GroupMemberRole.MEMBER, types.GroupMemberRole.OBSERVER, types.GroupMemberRole.ADMIN)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimplexNetwork]:
    monkeypatch.setenv("SIMPLEX_SIM_NETWORK", str(tmp_path / "network"))
    for name in ("SIMPLEX_CHAT_KEY", "SIMPLEX_SIM_FAULTS", "SIMPLEX_SIM_CLI_VERSION"):
        monkeypatch.delenv(name, raising=False)
    made = SimplexNetwork(tmp_path)
    yield made
    made.close()


def make_contacts(network: SimplexNetwork, mover: SimplexChat) -> list[SimplexChat]:
    """Return clients whose profiles, twenty each, are contacts of the mover."""
    link = mover.accept_contacts().link
    connected = mover.events(events.ContactConnected, timeout=LONG)
    crowd = []
    for number in range(PROCESSES):
        chat = network.client(f"p{number}m0")
        for profile in range(PROFILES):
            if profile:
                new = types.Profile(display_name=f"p{number}m{profile}", full_name="")
                chat.create_active_user(new_user=types.NewUser(profile=new, past_timestamp=False))
            chat.connect(conn_link_=link)
        crowd.append(chat)
    assert len([event for _, event in zip(range(MEMBERS), connected, strict=False)]) == MEMBERS
    return crowd


def make_group(mover: SimplexChat, crowd: list[SimplexChat]) -> types.GroupInfo:
    """Make a group of everybody, in several roles."""
    group = mover.create_group("Team")
    joined = mover.events(events.JoinedGroupMember, timeout=LONG)
    for number, contact in enumerate(mover.contacts()):
        mover.api_add_member(group.group_id, contact.contact_id, member_role=ROLES[number % len(ROLES)])
    for chat in crowd:
        for info in chat.list_users().users:
            chat.api_set_active_user(user_id=info.user.user_id)
            chat.api_join_group(next(chat.group_invitations(timeout=LONG)).group.group_id)
    assert len([event for _, event in zip(range(MEMBERS), joined, strict=False)]) == MEMBERS
    return group


def start(database: Path, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, str(SCRIPT), "--database", str(database), "--executable", "simulator", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run_and_kill(database: Path, moments: random.Random, *arguments: str) -> tuple[int, int]:
    """Kill a run after some of its steps; return how many it told, and its exit status."""
    with start(database, *arguments) as script:
        assert script.stdout is not None
        told = 0
        wanted = moments.randrange(1, MEMBERS // (KILLS + 2))
        for line in script.stdout:
            told += line.endswith(": done\n")
            if told >= wanted:
                break
        threading.Event().wait(moments.uniform(0, 0.004))
        script.kill()
        script.communicate()
    return told, script.returncode


def invitations(chat: SimplexChat, name: str) -> Counter[str]:
    """Return how many invitations into a group of that name each profile of a client has."""
    found: Counter[str] = Counter()
    for info in chat.list_users().users:
        chat.api_set_active_user(user_id=info.user.user_id)
        for contact in chat.contacts():
            for message in chat.history(contact, system=True):
                content = message.item.content
                if isinstance(content, types.CIContentRcvGroupInvitation):
                    found[info.user.local_display_name] += content.group_invitation.group_profile.display_name == name
    return found


def made_invitations(mover: SimplexChat, group: types.GroupInfo) -> list[int]:
    """Return the contacts to whom an invitation into a group was sent, once for each invitation."""
    return [
        contact.contact_id
        for contact in mover.contacts()
        for message in mover.history(contact, system=True)
        if isinstance(message.item.content, types.CIContentSndGroupInvitation)
        and message.item.content.group_invitation.group_id == group.group_id
    ]


def test_each_of_60_members_is_invited_exactly_once_however_often_it_is_killed(
    network: SimplexNetwork, tmp_path: Path
) -> None:
    mover = network.client("mover")
    crowd = make_contacts(network, mover)
    group = make_group(mover, crowd)
    roles = {member.local_display_name: str(member.member_role) for member in mover.members(group)}
    assert Counter(roles.values()) == {"member": 20, "observer": 20, "admin": 20}
    mover.close()

    database, moments = tmp_path / "mover" / "chat", random.Random(60)
    killed = [run_and_kill(database, moments, "#Team", "--name", "Team 2") for _ in range(KILLS)]
    assert [status for _, status in killed] == [-9] * KILLS  # none of them had come to its end
    with start(database, "#Team", "--name", "Team 2") as script:
        output, complaints = script.communicate(timeout=LONG)
    assert (script.returncode, complaints) == (0, "")
    assert sum(line.endswith(": done before") for line in output.splitlines()) >= KILLS
    assert f"missing in the new group: {MEMBERS}" in output  # invited, and nobody has joined yet
    assert "doubtful" not in output

    # As the one who moves sees it, and as each of those who are invited.
    mover.start()
    [new] = [each for each in mover.groups() if each.local_display_name == "Team 2"]
    members = mover.members(new)
    assert {member.local_display_name: str(member.member_role) for member in members} == roles
    assert len(made_invitations(mover, new)) == MEMBERS
    for chat in crowd:
        received = invitations(chat, "Team 2")
        assert len(received) == PROFILES
        assert set(received.values()) == {1}
    mover.close()

    # As if each step had been killed after its command and before its result, the last one in the middle of a line.
    [journal] = database.parent.glob("*.journal")
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"state"' not in line) + lines[-1][:20], "utf-8")
    with start(database, "#Team", "--name", "Team 2") as script:
        output, _ = script.communicate(timeout=LONG)
    assert script.returncode == 0
    assert ": done\n" not in output
    assert f"done before: {MEMBERS + 1}\n" in output
    mover.start()
    assert len([each for each in mover.groups() if each.group_profile.display_name == "Team 2"]) == 1
    assert len(made_invitations(mover, new)) == MEMBERS
