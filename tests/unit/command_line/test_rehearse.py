"""`simplex-sync rehearse`: a script on a copy of an export, and the report of what it did."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from simplex_sync import SimplexChat, events, types
from simplex_sync.command_line.program import program
from simplex_sync.testing import SimplexNetwork
from tests.unit.command_line.conftest import ROOT, environment, full_environment

EXAMPLES = ROOT / "scripts" / "examples"
LONG = 60.0

# What is rehearsed: a script that does one thing of each kind.
MIGRATION = """
import sys
from pathlib import Path
from simplex_sync import SimplexChat, types
from simplex_sync.errors import CommandError

with SimplexChat(__import__("os").environ["SIMPLEX_SYNC_DATABASE"]) as chat:
    chat.send("@bob", "hello Bob").wait_delivered(60)
    chat.send("#team", "hello all").wait_delivered(60)
    path = Path(sys.argv[1])
    path.write_text("a file")
    chat.send_file("@carol", path).wait(60)
    own = next(message for message in chat.history("#team") if message.is_own)
    own.edit("changed")
    next(message for message in chat.history("@bob") if message.is_own).delete(for_everyone=False)
    team = chat.group("team")
    numbers = {member.local_display_name: member.group_member_id for member in chat.members(team)}
    chat.api_members_role(team.group_id, [numbers["bob"]], member_role=types.GroupMemberRole.ADMIN)
    chat.api_remove_members(team.group_id, [numbers["carol"]])
    crew = chat.create_group("crew")
    chat.api_add_member(crew.group_id, chat.contact("bob").contact_id, member_role=types.GroupMemberRole.MEMBER)
    chat.group_link(crew)
    carol = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=chat.contact("carol").contact_id)
    chat.api_delete_chat(carol, types.ChatDeleteModeFull())
    for _ in range(2):
        try:
            chat.api_list_members(999)
        except CommandError:
            pass
    try:
        chat.send_command("/_no such command")
    except CommandError:
        pass
"""


@dataclass
class Backup:
    """Exports of Alice's database, of both versions, made once."""

    folder: Path
    environment: dict[str, str | None]
    exports: dict[str, Path]


def make_chats(network: SimplexNetwork, version: str) -> SimplexChat:
    """Return Alice, with two contacts, a group, messages of all, a reply, a reaction and files."""
    name = f"simulator:{version}"
    alice, bob, carol = (network.client(each, executable=name) for each in ("alice", "bob", "carol"))
    for other in (bob, carol):
        network.connect(alice, other)
    alice.create_group("team")
    for other, contact in zip((bob, carol), ("bob", "carol"), strict=True):
        with alice.expect(events.JoinedGroupMember, timeout=LONG):
            number = alice.contact(contact).contact_id
            alice.api_add_member(alice.group("team").group_id, number, member_role=types.GroupMemberRole.MEMBER)
            next(other.group_invitations(timeout=LONG)).accept()
    received = alice.messages(timeout=LONG)
    alice.send("#team", "first").wait_delivered(LONG)
    bob.send("#team", "second")
    next(received).reply("third").wait_delivered(LONG)
    carol.send("@alice", "fourth")
    next(received).react("👍")
    alice.send("@bob", "fifth").wait_delivered(LONG)
    for sender, to, text in ((alice, "@carol", "sent"), (bob, "@alice", "received")):
        path = network.folder / f"{text}.txt"
        path.write_text(text)
        sender.send_file(to, path).wait(LONG)
    next(received).download().wait(LONG)
    alice.api_set_contact_alias(alice.contact("bob").contact_id, local_alias="Bobby")
    # A second profile, which stays inactive.
    at_work = types.Profile(display_name="alice at work", full_name="")
    alice.create_active_user(new_user=types.NewUser(profile=at_work, past_timestamp=False))
    alice.api_set_active_user(user_id=1)
    return alice


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    folder = tmp_path_factory.mktemp("rehearsal")
    changes = environment(folder)
    exports = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        for version in ("6.4", "7.0"):
            network = SimplexNetwork(folder / version)
            make_chats(network, version)
            network.close()
            exports[version] = folder / f"backup-{version}"
            export(folder / version / "alice" / "chat", exports[version], {"SIMPLEX_CHAT_BIN": f"simulator:{version}"})
    return Backup(folder, changes, exports)


def export(database: Path | None, to: Path, changes: dict[str, str]) -> None:
    line = [sys.executable, str(EXAMPLES / "export_everything.py"), str(to)]
    if database is not None:
        line += ["--database", str(database)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **changes}
    subprocess.run(line, env=surroundings, check=True, capture_output=True, timeout=LONG)


Rehearse = Callable[..., Result]


@pytest.fixture
def rehearse(backup: Backup, tmp_path: Path) -> Rehearse:
    """Give a function that rehearses on a folder of the test's own."""

    def run(*arguments: object, version: str = "6.4", folder: str = "rehearsal") -> Result:
        line = ["rehearse", str(backup.exports[version]), "--folder", str(tmp_path / folder), *map(str, arguments)]
        changes = full_environment(backup.environment)
        return CliRunner().invoke(program, line, env=changes)

    return run


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


NOTHING: dict[str, Any] = {
    "messages": {"sent": 0, "received": 0, "notSent": 0, "to": {}, "edited": 0, "deleted": 0},
    "members": [],
    "groups": {"made": [], "changed": [], "deleted": []},
    "contacts": {"made": [], "changed": [], "deleted": []},
    "files": [],
    "links": 0,
    "errors": [],
}


@pytest.mark.parametrize("version", ["6.4", "7.0"])
def test_the_copy_exports_to_what_it_was_made_of(
    rehearse: Rehearse, backup: Backup, tmp_path: Path, version: str
) -> None:
    again = tmp_path / "again"
    script = (sys.executable, EXAMPLES / "export_everything.py", again)
    result = rehearse("--json", "--", *script, version=version)
    assert report_of(result) == NOTHING
    original = backup.exports[version]
    names = sorted(str(path.relative_to(original)) for path in original.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(again)) for path in again.rglob("*") if path.is_file()) == names
    for name in names:
        if "/files/" in name:
            assert (again / name).read_bytes() == (original / name).read_bytes()
        elif name.endswith(".jsonl"):
            ours, theirs = (read_lines(each / name) for each in (again, original))
            for record in (*ours, *theirs):
                record.pop("updatedAt", None)  # a copy of a file has another path, which is all that may differ
                if "file" in record:
                    record["file"].pop("fileSource", None)
                for key in ("path", "chatTs"):
                    record.pop(key, None)
            assert ours == theirs, name


def test_the_report_tells_of_everything_that_was_done(rehearse: Rehearse, tmp_path: Path) -> None:
    script = tmp_path / "migration.py"
    script.write_text(MIGRATION)
    first = report_of(rehearse("--json", "--", sys.executable, script, tmp_path / "file.txt"))
    # Carol is gone, and with her what was sent to her.
    assert first["messages"] == {
        "sent": 2,
        "received": 2,
        "notSent": 0,
        "to": {"@bob": 1, "#team": 1},
        "edited": 1,
        "deleted": 1,
    }
    changes = {(each["group"], each["member"], each["change"], each["role"]) for each in first["members"]}
    assert changes == {
        ("team", "bob", "role", "admin"),
        ("team", "carol", "removed", "member"),
        ("crew", "bob", "invited", "member"),
    }
    assert first["groups"] == {"made": ["crew"], "changed": [], "deleted": []}
    assert first["contacts"] == {"made": [], "changed": [], "deleted": ["carol"]}
    assert [(file["name"], file["bytes"], file["state"]) for file in first["files"]] == [("file.txt", 6, "complete")]
    assert first["links"] == 1
    assert {(each["error"], each["times"]) for each in first["errors"]} == {
        ("errorStore.groupNotFound", 2),
        ("error.commandError", 1),
        ("errorStore.groupLinkNotFound", 1),  # the question that comes before a link is made
    }

    later = rehearse("--report")
    assert later.exit_code == 0
    for line in (
        "messages sent: 2",
        "  #team: 1",
        "  #team bob: from member to admin",
        "  #crew bob: invited, member",
        "groups made: crew",
        "contacts deleted: carol",
        "file.txt, 6 bytes, complete",
        "errors: 4",
        "  list members: errorStore.groupNotFound (2 times)",
    ):
        assert line in later.stdout
    assert "hello" not in later.output


def test_it_goes_on_where_it_was_or_begins_anew(rehearse: Rehearse, tmp_path: Path) -> None:
    send = ("--", sys.executable, EXAMPLES / "broadcast.py", "--rate", "inf", "--all")
    assert "messages sent: 2 (received: 2" in rehearse(*send, "one").stdout
    assert "messages sent: 4 (received: 4" in rehearse(*send, "two").stdout
    assert "messages sent: 2 (received: 2" in rehearse("--again", *send, "three").stdout
    failed = rehearse("--", sys.executable, "-c", "raise SystemExit(3)")
    assert failed.exit_code == 1
    assert "messages sent: 2" in failed.stdout
    assert "code 3" in failed.stderr
    assert rehearse("--", "no-such-program").exit_code == 1


def test_without_a_program_it_prints_the_environment_for_a_shell(rehearse: Rehearse, tmp_path: Path) -> None:
    result = rehearse(version="7.0")
    assert result.exit_code == 0
    assert "2 profiles" in result.stderr
    assert "2 members" in result.stderr
    shown = subprocess.run(
        ["/bin/sh", "-c", f'{result.stdout}\necho "$SIMPLEX_SYNC_DATABASE|$SIMPLEX_CHAT_BIN|$SIMPLEX_CHAT_KEY"'],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SIMPLEX_CHAT_KEY": "secret"},
        timeout=LONG,
    )
    assert shown.stdout == f"{tmp_path / 'rehearsal' / 'chat'}|simulator:7.0|\n"


def test_what_is_no_export_or_no_rehearsal_is_left_alone(rehearse: Rehearse, backup: Backup, tmp_path: Path) -> None:
    assert rehearse("--report", "--again").exit_code == 2
    nothing = rehearse("--report")
    assert nothing.exit_code == 1
    assert "no database that was filled" in nothing.stderr
    other = tmp_path / "photos"
    other.mkdir()
    kept = rehearse("--again", "--", "true", folder="photos")
    assert kept.exit_code == 1
    assert other.is_dir()
    result = CliRunner().invoke(program, ["rehearse", str(other)], env=full_environment(backup.environment))
    assert result.exit_code == 1
    assert "is no export" in result.stderr

    damaged = tmp_path / "damaged"
    shutil.copytree(backup.exports["6.4"], damaged)
    (damaged / "profile-1" / "members.jsonl").write_text('{"groupMemberId": \n', "utf-8")
    result = CliRunner().invoke(program, ["rehearse", str(damaged)], env=full_environment(backup.environment))
    assert result.exit_code == 1
    assert "members.jsonl: not what the manifest says" in result.stderr
    assert not (tmp_path / "damaged.rehearsal").exists()
