#!/usr/bin/env python3
"""Find stale contacts, and delete those that you approve.

`find` writes a list, one contact a line, with the day of its last message and why it is stale: nothing was written for
--days days, or the contact has deleted you. Every line begins with `keep`. Change it to `delete` where the contact
shall go, and give the list to `delete`. A contact that has written since the list was made is kept, and so is one whose
name does not fit the number in the list any more. A deleted contact is told so, perhaps only when the CLI runs next;
with --silent never.

  tidy_contacts.py --database notes find --days 365 stale.txt
  tidy_contacts.py --database notes delete stale.txt --dry-run
  tidy_contacts.py --database notes delete stale.txt
"""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from _journal import Facts, Journal
from _tool import Progress, Refused, arguments, client, digest, journal_path, names_in, run, seen, summary

from simplex_sync import SimplexChat, errors, types

NEVER = "never"


class Line(NamedTuple):
    """A line of the list: `keep 12 2025-03-01 item 345 quiet alice`."""

    verdict: str
    contact_id: int
    day: str
    item: int
    reason: str
    name: str

    def __str__(self) -> str:
        return f"{self.verdict} {self.contact_id} {self.day} {self.item} {self.reason} {self.name}"


def last_message(chat: SimplexChat, contact: types.Contact) -> tuple[int, datetime | None]:
    """Return the number and the time of the newest message of a contact's chat; 0 and None where there is none."""
    for message in chat.history(contact, newest_first=True):
        return message.id, message.sent_at
    return 0, None


def stale(chat: SimplexChat, days: int) -> list[Line]:
    """Return the stale contacts, those first that were quiet for the longest time."""
    limit = datetime.now(timezone.utc) - timedelta(days=days)
    found = []
    for contact in chat.contacts():
        item, when = last_message(chat, contact)
        reason = ""
        if str(contact.contact_status) == "deleted":
            reason = "deleted-you"
        elif (when or contact.created_at.datetime) <= limit:
            reason = "quiet"
        if reason:
            day = NEVER if when is None else f"{when:%Y-%m-%d}"
            found.append(Line("keep", contact.contact_id, day, item, reason, seen(contact.local_display_name)))
    return sorted(found, key=lambda line: (line.day != NEVER, line.day, line.contact_id))


def find(chat: SimplexChat, options: argparse.Namespace) -> bool:
    """Write the list."""
    found = stale(chat, options.days)
    if not options.dry_run:
        try:
            descriptor = os.open(options.list, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refused(f"{options.list} exists already; name another file") from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("# keep or delete, number, last message, its number, reason, name\n")
            file.writelines(f"{line}\n" for line in found)
    for line in found:
        print(line)
    summary({"contacts": len(chat.contacts()), "stale": len(found), "list": None if options.dry_run else options.list})
    return True


def read(path: Path) -> list[Line]:
    """Return the lines of an approved list.

    Raises:
        Refused: A line cannot be read; nothing was done.
    """
    lines = []
    with path.open(encoding="utf-8") as file:
        for text in names_in(file):
            try:
                verdict, number, day, item, reason, name = text.split(" ", 5)
                line = Line(verdict, int(number), day, int(item), reason, name)
            except ValueError:
                raise Refused(f"{path}: this is no line of a list: {seen(text)}") from None
            if verdict not in ("keep", "delete"):
                raise Refused(f"{path}: a line begins with keep or delete, not with {seen(verdict)}")
            lines.append(line)
    return lines


def approved(chat: SimplexChat, lines: list[Line]) -> tuple[list[Line], list[str]]:
    """Return which of the lines still hold, and the lines about those that do not."""
    contacts = {contact.contact_id: contact for contact in chat.contacts()}
    holding, kept = [], []
    for line in lines:
        contact = contacts.get(line.contact_id)
        if line.verdict == "keep":
            continue
        if contact is None:
            holding.append(line)  # gone already; the journal knows whether it was by this list
        elif seen(contact.local_display_name) != line.name:
            kept.append(f"{line.name}: number {line.contact_id} is another contact now")
        elif last_message(chat, contact)[0] != line.item:
            kept.append(f"{line.name}: there are newer messages")
        else:
            holding.append(line)
    return holding, kept


def delete(chat: SimplexChat, options: argparse.Namespace) -> bool:
    """Delete what was approved; return whether everything was."""
    lines = read(options.list)
    holding, kept = approved(chat, lines)
    if options.dry_run:
        for line in holding:
            print(f"would delete {line.name}")
        summary({"would delete": len(holding), "kept in spite of the list": kept})
        return True
    subject = {"user": chat.user.user_id, "list": digest(*lines)}
    path = journal_path(options, "tidy_contacts", *subject.values())
    with Journal(path, "tidy_contacts", subject) as journal, Progress(len(holding), "delete") as progress:
        for line in holding:
            ref = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=line.contact_id)

            def act(ref: types.ChatRef = ref) -> Facts:
                chat.api_delete_chat(ref, types.ChatDeleteModeFull(notify=not options.silent))
                return {}

            def look(_intent: Facts, ref: types.ChatRef = ref) -> Facts | None:
                try:
                    chat.api_get_chat(ref, types.ChatPaginationLast(count=1))
                except errors.CommandError as error:
                    if error.tag == "contactNotFound":
                        return {}
                    raise
                return None

            progress.step(line.name, journal.do(f"delete:{line.contact_id}", act, look))
        summary({**progress.counts, "kept in spite of the list": kept, "journal": path})
        return progress.complete


def main() -> bool:
    """Run the script; return whether everything is done."""
    parser = arguments(__doc__ or "")
    steps = parser.add_subparsers(required=True, metavar="find|delete")
    finding = steps.add_parser("find", help="write the list of stale contacts")
    finding.add_argument("--days", type=int, default=365, metavar="NUMBER", help="quiet for so many days (365)")
    finding.set_defaults(work=find)
    deleting = steps.add_parser("delete", help="delete the contacts whose line begins with delete")
    deleting.add_argument("--silent", action="store_true", help="do not tell the contacts")
    deleting.set_defaults(work=delete)
    for step in (finding, deleting):
        step.add_argument("list", type=Path, metavar="LIST", help="the file of the list")
        step.add_argument(
            "--dry-run", action="store_true", default=argparse.SUPPRESS, help="say what would be done, and do nothing"
        )
    options = parser.parse_args()
    with client(options) as chat:
        done: bool = options.work(chat, options)
        return done


if __name__ == "__main__":
    run(main)
