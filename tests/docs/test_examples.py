"""Every script in scripts/examples, run on the simulator as its user would run it."""

from __future__ import annotations

import ast
import hashlib
import json
import stat
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simplex_sync import SimplexChat, events, types
from simplex_sync.testing import SimplexNetwork
from tests.docs import examples
from tests.docs.examples import EXAMPLES, LONG, database, done, halved, run, running

SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[!_]*.py"))
MIGRATIONS = ["broadcast.py", "export_everything.py", "move_group.py", "tidy_contacts.py"]


def test_all_scripts_are_there_and_each_is_run_by_a_test() -> None:
    assert sorted([*MIGRATIONS, "echo_bot.py", "file_drop.py", "moderation_bot.py"]) == SCRIPTS
    own = Path(__file__).read_text("utf-8")
    for name in SCRIPTS:
        assert f'done("{name}"' in own or f'running("{name}"' in own


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_help_is_the_docstring_with_an_example(name: str) -> None:
    text = ast.get_docstring(ast.parse((EXAMPLES / name).read_text("utf-8")))
    assert text is not None
    assert f"\n  {name} --database" in text
    output = done(name, "--help")
    assert text in output
    for option in ("--database", "--executable", *(("--dry-run", "--journal") if name in MIGRATIONS else ())):
        assert option in output


@pytest.mark.parametrize("name", MIGRATIONS)
def test_without_a_database_it_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMPLEX_SYNC_DATABASE", raising=False)
    result = run(name, "something")
    assert result.returncode == 2
    assert "--database" in result.stderr


def texts(chat: SimplexChat, name: str) -> list[str]:
    return [message.text for message in chat.history(name)]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# export_everything.py


def make_something_to_export(network: SimplexNetwork, folder: Path) -> SimplexChat:
    alice, bob, _carol = network("alice", "bob", "carol", connect="first")
    group = alice.create_group("team")
    with alice.expect(events.JoinedGroupMember, timeout=LONG):
        alice.api_add_member(
            group.group_id, alice.contact("bob").contact_id, member_role=types.GroupMemberRole.MODERATOR
        )
        next(bob.group_invitations(timeout=LONG)).accept()
    alice.send("#team", "for everybody").wait_sent(LONG)
    alice.send_many("@bob", [f"text {number}" for number in range(120)])
    path = folder / f"plan: {'計' * 80}2.txt"  # almost as long as a name can be
    path.write_text("the plan", "utf-8")
    alice.send_file("@bob", path).wait(LONG)
    return alice


def test_export_everything(simplex_network: SimplexNetwork, tmp_path: Path) -> None:
    alice = make_something_to_export(simplex_network, tmp_path)
    prefix, folder = database(alice), tmp_path / "backup"
    contacts, groups = alice.contacts(), alice.groups()
    history = [message.item.to_dict() for message in alice.history("@bob", system=True)]
    members = alice.members("#team")
    alice.close()

    assert "groups of the active profile: 1\n" in done(
        "export_everything.py", "--database", prefix, "--dry-run", folder
    )
    assert not folder.exists()
    output = done("export_everything.py", "--database", prefix, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert f"items: {manifest['counts']['items']}\n" in output
    for name, about in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == about["sha256"]
        assert len(content) == about["bytes"]
        assert about.get("records", content.count(b"\n")) == content.count(b"\n")
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {*manifest["files"], "manifest.json"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    inside = folder / "profile-1"
    exported = {record["contactId"]: record for record in read_lines(inside / "contacts.jsonl")}
    assert {contact.contact_id for contact in contacts} <= set(exported)
    assert [record["groupId"] for record in read_lines(inside / "groups.jsonl")] == [groups[0].group_id]
    [member] = read_lines(inside / "members.jsonl")
    assert (member["memberRole"], member["groupMemberId"]) == ("moderator", members[0].group_member_id)
    bob = next(contact for contact in contacts if contact.local_display_name == "bob").contact_id
    assert read_lines(inside / f"chats/contact-{bob}.jsonl") == history
    [attached] = read_lines(inside / f"attachments/contact-{bob}.jsonl")
    assert (folder / attached["path"]).read_text("utf-8") == "the plan"
    assert manifest["counts"]["files"] == 1


def test_an_export_goes_on_where_it_was_ended_and_replaces_only_exports(
    simplex_network: SimplexNetwork, tmp_path: Path
) -> None:
    alice = make_something_to_export(simplex_network, tmp_path)
    prefix, folder = database(alice), tmp_path / "backup"
    alice.close()
    whole = done("export_everything.py", "--database", prefix, folder)
    assert whole.count(": done\n") > 3

    # As if the second run had been killed before its end.
    journal = tmp_path / "journal.jsonl"
    again = ("--database", prefix, "--replace", "--journal", journal, folder)
    first = done("export_everything.py", *again)
    folder.rename(tmp_path / "backup.part")
    (tmp_path / "backup.part" / "manifest.json").unlink()
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    # Of the chat that has a file, only the items, and not yet the list of its files.
    [attachments] = [path for path in tmp_path.glob("backup.part/*/attachments/*") if path.stat().st_size]
    name = f"attachments/{attachments.name}"
    journal.write_text("".join(line for line in lines if name not in line), "utf-8")
    second = done("export_everything.py", *again)
    assert second.count(": done\n") == 1 < second.count(": done before\n") < first.count(": done\n")
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["counts"]["files"] == 1

    taken = run("export_everything.py", "--database", prefix, folder)
    assert taken.returncode == 1
    assert "--replace" in taken.stderr
    other = tmp_path / "photos"
    other.mkdir()
    assert run("export_everything.py", "--database", prefix, "--replace", other).returncode == 1
    assert other.is_dir()


# move_group.py


def test_move_group_sends_the_link_once_to_members_who_are_no_contacts(simplex_network: SimplexNetwork) -> None:
    alice, bob, carol = simplex_network("alice", "bob", "carol", connect="none")
    simplex_network.connect(alice, bob)
    alice.create_group("team")
    with alice.expect(events.JoinedGroupMember, timeout=LONG):
        alice.api_add_member(
            alice.group("team").group_id, alice.contact("bob").contact_id, member_role=types.GroupMemberRole.ADMIN
        )
        next(bob.group_invitations(timeout=LONG)).accept()
    with alice.expect(events.JoinedGroupMember, timeout=LONG):
        carol.connect_to(alice.group_link("#team").link, timeout=LONG)
    prefix = database(alice)
    alice.close()
    arguments = ("--database", prefix, "#team", "--name", "crew")

    assert "would invite bob as admin" in done("move_group.py", *arguments, "--dry-run")
    assert not list(prefix.parent.glob("*.journal"))
    output = done("move_group.py", *arguments)
    assert "bob: invited" in output
    assert "carol: can join by the link" in output
    [announcement] = [text for text in texts(carol, "#team") if "crew" in text]
    [journal] = prefix.parent.glob("*.journal")
    assert "simplex" not in journal.read_text("utf-8")  # a link is as good as a key
    halved(journal)
    assert "link sent into the old group: done before" in done("move_group.py", *arguments)
    next(bob.group_invitations(timeout=LONG))
    assert [text for text in texts(carol, "#team") if "crew" in text] == [announcement]

    alice.start()
    assert len(alice.groups()) == 2
    with alice.expect(events.JoinedGroupMember, timeout=LONG):
        carol.connect_to(announcement.rpartition(" ")[2], timeout=LONG)
    assert [str(member.member_role) for member in alice.members("#crew")] == ["admin", "member"]
    # A new group that was deleted is not made again behind anybody's back.
    ref = types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=alice.group("crew").group_id)
    alice.api_delete_chat(ref, types.ChatDeleteModeFull())
    alice.close()
    refused = run("move_group.py", *arguments)
    assert refused.returncode == 1
    assert str(journal) in refused.stderr


# broadcast.py


def test_broadcast_sends_each_contact_the_text_once(simplex_network: SimplexNetwork, tmp_path: Path) -> None:
    alice, bob, carol = simplex_network("alice", "bob", "carol", connect="first")
    prefix, results, names = database(alice), tmp_path / "results.jsonl", tmp_path / "names"
    names.write_text("# who\n@bob\n\ncarol\n", "utf-8")
    alice.close()
    options = ("--database", prefix, "--rate", "inf")

    assert "would send to carol" in done("broadcast.py", *options, "--all", "--dry-run", "hello")
    unknown = run("broadcast.py", *options, "--to", "@bob", "--to", "@dave", "hello")
    assert unknown.returncode == 1
    assert "dave" in unknown.stderr
    done("broadcast.py", *options, "--to", "@bob", "hello")
    assert texts(bob, "@alice") == ["hello"]
    output = done("broadcast.py", *options, "--to-file", names, "--delivered", "--results", results, "-", stdin="hello")
    assert "bob: done before\ncarol: done\n" in output
    assert {line["name"]: line["outcome"] for line in read_lines(results)} == {"bob": "delivered", "carol": "delivered"}
    [journal] = prefix.parent.glob("*.journal")
    assert "hello" not in journal.read_text("utf-8")
    done("broadcast.py", "--database", prefix, "--rate", 4, "--all", "--journal", tmp_path / "slow", "slowly")
    moments = [datetime.fromisoformat(line["at"]) for line in read_lines(tmp_path / "slow") if "state" in line]
    assert moments[1] - moments[0] > timedelta(seconds=0.2)
    halved(journal)
    assert "sent: 2\n" in done("broadcast.py", *options, "--all", "hello")
    assert (texts(bob, "@alice"), texts(carol, "@alice")) == (["hello", "slowly"], ["hello", "slowly"])

    other = run("broadcast.py", *options, "--all", "--journal", journal, "something else")
    assert other.returncode == 1
    assert "another migration" in other.stderr
    assert run("broadcast.py", *options, "hello").returncode == 2
    assert run("broadcast.py", *options, "--all", " ").returncode == 2


# tidy_contacts.py


def test_tidy_contacts_deletes_what_was_approved_and_nothing_else(
    simplex_network: SimplexNetwork, tmp_path: Path
) -> None:
    alice, bob, carol, dave = simplex_network("alice", "bob", "carol", "dave", connect="first")
    prefix, found = database(alice), tmp_path / "stale.txt"
    alice.close()
    tidy = ("--database", prefix)

    assert "stale: 0\n" in done("tidy_contacts.py", *tidy, "find", "--days", "1", "--dry-run", found)
    assert not found.exists()
    done("tidy_contacts.py", *tidy, "find", "--days", "0", found)
    lines = found.read_text("utf-8")
    assert lines.count("\nkeep ") == 3
    assert "stale.txt" in run("tidy_contacts.py", *tidy, "find", found).stderr
    # Nothing happens without approval; who has written since is kept.
    assert "would delete: 0\n" in done("tidy_contacts.py", *tidy, "delete", "--dry-run", found)
    found.write_text(
        "".join(
            line.replace("keep", "delete") if line.rstrip().endswith(("bob", "carol")) else line
            for line in lines.splitlines(keepends=True)
        ),
        "utf-8",
    )
    carol.send("@alice", "I am here").wait_sent(LONG)
    alice.start()
    assert next(alice.messages(timeout=LONG, chat="@carol")).text == "I am here"
    alice.close()
    with bob.expect(events.ContactDeletedByContact, timeout=LONG):
        output = done("tidy_contacts.py", *tidy, "delete", found)
    assert "bob: done\n" in output
    assert "kept in spite of the list: 1\n  carol: there are newer messages" in output
    assert "bob: done before\n" in done("tidy_contacts.py", *tidy, "delete", found)
    [journal] = prefix.parent.glob("*.journal")
    halved(journal)
    assert "bob: done before\n" in done("tidy_contacts.py", *tidy, "delete", "--silent", found)
    alice.start()
    assert {contact.local_display_name for contact in alice.contacts()} == {"carol", "dave"}
    assert [contact.local_display_name for contact in dave.contacts()] == ["alice"]

    alice.close()
    found.write_text("burn 1 never 0 quiet bob\n", "utf-8")
    refused = run("tidy_contacts.py", *tidy, "delete", found)
    assert refused.returncode == 1
    assert "burn" in refused.stderr


# The bots


def test_echo_bot(simplex_chat: SimplexChat, tmp_path: Path) -> None:
    with running("echo_bot.py", "--database", tmp_path / "echo") as (link, _):
        bot = simplex_chat.connect_to(link, timeout=LONG)
        messages = simplex_chat.messages(timeout=LONG, chat=bot)
        assert "/help" in next(messages).text
        for text, answer in (("hello", "hello"), ("/ping", "pong"), ("/help", "Write anything")):
            sent = simplex_chat.send(bot, text)
            reply = next(messages)
            assert reply.text.startswith(answer)
            assert reply.quoted is not None
            assert sent.id < reply.id


def test_moderation_bot(simplex_network: SimplexNetwork, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("# not here\nfoul word\n", "utf-8")
    alice, bob = simplex_network("alice", "bob")
    arguments = ("--database", tmp_path / "guard", "--words", words, "--owner", "alice", "--strikes", 2)
    with running("moderation_bot.py", *arguments) as (link, process):
        guard = alice.connect_to(link, timeout=LONG)
        assert isinstance(guard, types.Contact)
        group = alice.create_group("team")
        for contact, role in (
            (guard, types.GroupMemberRole.ADMIN),
            (alice.contact("bob"), types.GroupMemberRole.MEMBER),
        ):
            with alice.expect(events.JoinedGroupMember, timeout=LONG):
                alice.api_add_member(group.group_id, contact.contact_id, member_role=role)
                if contact is not guard:
                    with bob.expect(events.ConnectedToGroupMember, timeout=LONG):  # the guard
                        next(bob.group_invitations(timeout=LONG)).accept()
        with alice.expect(events.MemberRole, timeout=LONG) as silenced:
            alice.send(group, "a foul word of an owner").wait_sent(LONG)
            for text in ("a fine word", "a FOUL word", "foul wording"):
                bob.send("#team", text).wait_sent(LONG)
            bob.send("#team", "harmless").wait_sent(LONG).edit("no: foul word!")
        assert silenced.value.to_role == "observer"
        assert process.stdout is not None
        assert [process.stdout.readline().rpartition(", ")[2].strip() for _ in range(2)] == ["strike 1", "strike 2"]
        kept = [message.text for message in alice.history("#team") if message.item.meta.item_deleted is None]
        assert kept == ["a foul word of an owner", "a fine word", "foul wording"]


def test_file_drop(simplex_chat: SimplexChat, tmp_path: Path) -> None:
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(b"0123456789" * 100)
    large.write_bytes(bytes(20_000))
    arguments = ("--database", tmp_path / "drop", "--max-size", 0.01, "--any-server", tmp_path / "incoming")
    with running("file_drop.py", *arguments) as (link, process):
        bot = simplex_chat.connect_to(link, timeout=LONG)
        messages = simplex_chat.messages(timeout=LONG, chat=bot)
        next(messages)
        simplex_chat.send_file(bot, large)
        assert "too large" in next(messages).text
        simplex_chat.send_file(bot, small)
        assert hashlib.sha256(small.read_bytes()).hexdigest() in next(messages).text
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
    assert path.is_relative_to(tmp_path / "incoming")
    assert path.read_bytes() == small.read_bytes()


def test_examples_say_nothing_of_this_machine() -> None:
    for path in examples.EXAMPLES.iterdir():
        if path.suffix in (".py", ".ipynb"):
            text = path.read_text("utf-8")
            assert "/work" not in text
            assert "/root" not in text
