#!/usr/bin/env python3
"""Export everything that a database holds, into a folder of JSON Lines with a manifest.

  manifest.json                  what is in the folder: counts, sizes and SHA-256 of each file
  profiles.jsonl                 the user profiles (User); for each of them a folder profile-N with
    contacts.jsonl               its contacts (Contact)
    groups.jsonl                 its groups (GroupInfo)
    members.jsonl                their members with their roles (GroupMember)
    chats/KIND-N.jsonl           the items of a contact, a group or the notes, the oldest first (ChatItem)
    attachments/KIND-N.jsonl     the files of these items, with the path of the copy where there is one
    files/N-NAME                 the copies

The folder comes into being whole or not at all: until it is, it is called FOLDER.part, and a run that was ended is
continued from there. What is exported is readable for its owner only; it is private and not encrypted. Hidden profiles,
support chats of single members and files that were never downloaded are not in it.

  export_everything.py --database notes backup
  export_everything.py --database notes backup --replace --no-files
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from _journal import DONE, Facts, Journal
from _tool import Progress, Refused, arguments, client, journal_path, run, seen, summary

from simplex_sync import SimplexChat, errors, types

FORMAT, VERSION = "simplex_sync export", 1
CHATS = 100_000  # more than anybody has
KINDS = {"direct": "contact", "group": "group", "local": "notes"}


def write(path: Path, records: Iterable[Facts]) -> Facts:
    """Write JSON Lines that are there whole or not at all; return what the manifest says about the file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(path.name + ".part")
    count, digest = 0, hashlib.sha256()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for record in records:
            line = json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
        size = file.tell()
        os.fsync(file.fileno())
    part.replace(path)
    return {"records": count, "bytes": size, "sha256": digest.hexdigest()}


def copy(source: Path, target: Path) -> Facts:
    """Copy a file that is there whole or not at all; return what the manifest says about it."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(target.name + ".part")
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as to:
        while block := read.read(1 << 20):
            digest.update(block)
            size += to.write(block)
        os.fsync(to.fileno())
    part.replace(target)
    return {"bytes": size, "sha256": digest.hexdigest()}


class Export:
    """One export, into FOLDER.part."""

    def __init__(self, chat: SimplexChat, folder: Path, journal: Journal, *, files: bool) -> None:
        self.chat = chat
        self.folder = folder
        self.journal = journal
        self.with_files = files
        self.files: dict[str, Facts] = {}
        self.not_copied: list[str] = []

    def has(self, name: str) -> bool:
        """Return whether an earlier run has written a file."""
        known = self.journal.result(name)
        return known is not None and known.state == DONE and (self.folder / name).is_file()

    def add(self, name: str, records: Iterable[Facts], *, anew: bool = False, **about: Any) -> None:
        """Write a file, unless an earlier run has, or it is to be written anew."""
        known = self.journal.result(name)
        if known is None or anew or not self.has(name):
            known = self.journal.note(name, DONE, {**write(self.folder / name, records), **about}, now=True)
        self.files[name] = known.facts

    def profile(self, user: types.User) -> list[types.ChatRef]:
        """Write what belongs to the active profile, except for its chats; return these."""
        chat, inside = self.chat, f"profile-{user.user_id}/"
        groups = chat.groups()
        contacts = {contact.contact_id: contact for contact in chat.contacts()}
        notes = []
        for each in chat.api_get_chats(types.PaginationByTimeLast(count=CHATS)).chats:
            info = each.chat_info
            if isinstance(info, types.ChatInfoDirect):  # among them those that are not connected any more
                contacts.setdefault(info.contact.contact_id, info.contact)
            elif isinstance(info, types.ChatInfoLocal):
                notes.append(info.note_folder.note_folder_id)
        self.add(inside + "contacts.jsonl", (contact.to_dict() for contact in contacts.values()))
        self.add(inside + "groups.jsonl", (group.to_dict() for group in groups))
        members = (member.to_dict() for group in groups for member in chat.members(group, former=True))
        self.add(inside + "members.jsonl", members)
        chats = [(types.ChatType.DIRECT, number) for number in contacts]
        chats += [(types.ChatType.GROUP, group.group_id) for group in groups]
        chats += [(types.ChatType.LOCAL, number) for number in notes]
        return [types.ChatRef(chat_type=kind, chat_id=number) for kind, number in chats]

    def items(self, user: types.User, ref: types.ChatRef) -> str:
        """Write the items of a chat, and copy their files; return the name of the chat's file."""
        kind = KINDS[str(ref.chat_type)]
        inside, name = f"profile-{user.user_id}/", f"chats/{kind}-{ref.chat_id}.jsonl"
        attached: list[Facts] = []

        def records() -> Iterator[Facts]:
            for message in self.chat.history(ref, system=True):
                if message.file is not None:
                    attached.append(self.attached(inside, message.id, message.file))
                yield message.item.to_dict()

        listed = f"{inside}attachments/{kind}-{ref.chat_id}.jsonl"
        # A run that ended between the two has left no list, and the items must be read again to make it.
        anew = not self.has(listed)
        self.add(inside + name, records(), anew=anew)
        self.add(listed, attached, anew=anew)
        for line in (self.folder / listed).read_text("utf-8").splitlines():
            about = json.loads(line)
            if about["path"] is not None:
                self.files[about["path"]] = {"bytes": about["bytes"], "sha256": about["sha256"]}
            elif self.with_files:
                self.not_copied.append(f"{seen(about['fileName'])}: {about['reason']}")
        return name

    def attached(self, inside: str, item_id: int, file: types.CIFile) -> Facts:
        """Copy the file of an item; return the line about it."""
        about: Facts = {"itemId": item_id, "fileId": file.file_id, "fileName": file.file_name}
        path = None if file.file_source is None else file.file_source.file_path
        if not self.with_files or path is None:
            return {**about, "path": None, "reason": "not downloaded" if self.with_files else "left out"}
        # The name comes from somebody else; the number alone tells the copies apart.
        harmless = "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in file.file_name)
        ending = harmless.encode("utf-8")[-100:].decode("utf-8", "ignore")  # file systems count bytes
        target = f"{inside}files/{file.file_id}-{ending.lstrip('. ')}"
        source = (self.chat.files_folder or Path()) / path
        try:
            return {**about, "path": target, **copy(source, self.folder / target)}
        except OSError as error:
            return {**about, "path": None, "reason": error.strerror or "cannot be read"}


def count(chat: SimplexChat) -> bool:
    """Print what would be exported."""
    for info in chat.list_users().users:
        print(f"profile {seen(info.user.local_display_name)}")
    groups = chat.groups()
    summary({"contacts of the active profile": len(chat.contacts()), "groups of the active profile": len(groups)})
    return True


def export(chat: SimplexChat, options: argparse.Namespace) -> bool:
    """Export; return whether all was."""
    folder: Path = options.folder
    part = folder.with_name(folder.name + ".part")
    part.mkdir(parents=True, exist_ok=True, mode=0o700)
    options.journal = options.journal or part / "journal.jsonl"
    active = chat.user.user_id
    subject = {"files": not options.no_files, "cli": chat.cli_version}
    path = journal_path(options, "export_everything")
    with Journal(path, "export_everything", subject) as journal, Progress(0, "export") as progress:
        made = Export(chat, part, journal, files=not options.no_files)
        users = [info.user for info in chat.list_users().users]
        made.add("profiles.jsonl", (user.to_dict() for user in users))
        try:
            for user in users:
                if user.view_pwd_hash is not None and user.user_id != active:
                    print(f"{seen(user.local_display_name)}: hidden, so it is left out")
                    continue
                if user.user_id != chat.user.user_id:
                    chat.api_set_active_user(user_id=user.user_id)
                for ref in made.profile(user):
                    name = made.items(user, ref)
                    progress.step(
                        f"{seen(user.local_display_name)} {name}", journal.result(f"profile-{user.user_id}/{name}")
                    )
        finally:
            _go_back(chat, active)
        _tidy(part, {*made.files, path.name})
        counts = _counts(made.files)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "madeAt": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "cliVersion": chat.cli_version,
            "activeUser": active,
            "counts": counts,
            "files": made.files,
        }
        (part / "manifest.json.part").write_text(json.dumps(manifest, indent=1), "utf-8")
        (part / "manifest.json.part").chmod(0o600)
        (part / "manifest.json.part").replace(part / "manifest.json")
    _put_in_place(part, folder, replace=options.replace)
    summary({**counts, "files without a copy": made.not_copied, "written to": folder})
    return True


def _go_back(chat: SimplexChat, user_id: int) -> None:
    try:
        if chat.user.user_id != user_id:
            chat.api_set_active_user(user_id=user_id)
    except errors.SimplexError:
        print(f"the active profile is another one now: it was number {user_id}")


def _counts(files: dict[str, Facts]) -> Facts:
    """Return how many records of each kind there are, in all profiles."""
    counts: Facts = dict.fromkeys(("profiles", "contacts", "groups", "members", "items", "files"), 0)
    for name, about in files.items():
        parts = name.split("/")
        if parts[-1].removesuffix(".jsonl") in counts and len(parts) < 3:
            counts[parts[-1].removesuffix(".jsonl")] += about["records"]
        elif len(parts) == 3 and parts[1] == "chats":
            counts["items"] += about["records"]
        elif "records" not in about:
            counts["files"] += 1
    return counts


def _tidy(part: Path, wanted: set[str]) -> None:
    """Delete what an earlier run has left that belongs to this export no more."""
    for path in part.rglob("*"):
        if path.is_file() and str(path.relative_to(part)) not in wanted and not path.name.startswith("journal.jsonl"):
            path.unlink()


def _put_in_place(part: Path, folder: Path, *, replace: bool) -> None:
    for name in ("journal.jsonl", "journal.jsonl.lock"):
        (part / name).unlink(missing_ok=True)
    old = folder.with_name(folder.name + ".old")
    if replace and folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def main() -> bool:
    """Run the script; return whether everything is done."""
    parser = arguments(__doc__ or "")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the export goes")
    parser.add_argument("--replace", action="store_true", help="replace an export that is there")
    parser.add_argument("--no-files", action="store_true", help="copy no files")
    options = parser.parse_args()
    if not options.folder.name:
        parser.error("FOLDER must have a name of its own")
    if options.folder.exists():
        if not options.replace:
            raise Refused(f"{options.folder} exists already; say --replace, or name another folder")
        if not (options.folder / "manifest.json").is_file():
            raise Refused(f"{options.folder} is no export, so it is not replaced")
    with client(options) as chat:
        return count(chat) if options.dry_run else export(chat, options)


if __name__ == "__main__":
    run(main)
