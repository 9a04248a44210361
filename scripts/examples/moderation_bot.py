#!/usr/bin/env python3
"""A bot that keeps order in groups: it takes away messages with words from a list, and silences who goes on.

Invite it into a group as moderator or admin: it joins, and only where --owner invited it. A message that holds one of
the words, or is changed to hold one, is deleted for everyone. At --strikes of them the member becomes an observer, who
can only read (the bot must be an admin for that). Owners, admins and moderators are left alone. The strikes are kept
beside the database, by the numbers of the members.

  moderation_bot.py --database guard --words words.txt --owner alice
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

from _tool import arguments, names_in, run

from simplex_sync import Message, SimplexChat, events, types
from simplex_sync.errors import CommandError

ABOVE = {"moderator", "admin", "owner"}


def pattern(path: Path) -> re.Pattern[str]:
    """Return what finds the words of a file, a word or phrase a line, in any capitals."""
    with path.open(encoding="utf-8") as lines:
        words = [re.escape(word) for word in names_in(lines)]
    if not words:
        raise SystemExit(f"{path} holds no words")
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


class Strikes:
    """How many messages of each member were taken away, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self._counts: Counter[str] = Counter(known)

    def add(self, member: types.GroupMember) -> int:
        """Count one more, and return how many there are now."""
        key = str(member.group_member_id)
        self._counts[key] += 1
        part = self._path.with_name(self._path.name + ".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._counts, file)
        part.replace(self._path)
        return self._counts[key]


def main() -> bool:
    """Run the bot until Ctrl-C."""
    parser = arguments(__doc__ or "", migration=False)
    parser.add_argument("--words", type=Path, required=True, metavar="FILE", help="the words, one a line")
    parser.add_argument("--owner", metavar="NAME", help="the only contact who can invite it into groups (anybody)")
    parser.add_argument("--strikes", type=int, default=3, metavar="NUMBER", help="after how many one can only read (3)")
    options = parser.parse_args()
    forbidden = pattern(options.words)
    strikes = Strikes(options.database.with_name(options.database.name + "_strikes.json"))
    with SimplexChat(
        options.database,
        display_name=options.display_name or "Guard",
        bot=True,
        executable=options.executable,
        timeout=options.timeout,
    ) as chat:

        @chat.on(events.ReceivedGroupInvitation)
        def join(event: events.ReceivedGroupInvitation) -> None:
            if options.owner in (None, event.contact.local_display_name):
                chat.api_join_group(event.group_info.group_id)

        @chat.on_message
        def moderate(message: Message) -> None:
            member = message.sender
            if not isinstance(member, types.GroupMember) or str(member.member_role) in ABOVE:
                return
            if not forbidden.search(message.text):
                return
            message.delete(for_everyone=True)
            count = strikes.add(member)
            print(f"group {message.chat_ref.chat_id}: message {message.id} deleted, strike {count}", flush=True)
            if count >= options.strikes:
                silence(chat, message.chat_ref.chat_id, member)

        @chat.on(events.ChatItemUpdated)
        def look_again(event: events.ChatItemUpdated) -> None:
            moderate(Message(chat, event.chat_item))

        print(chat.accept_contacts().link, flush=True)
        chat.run()
    return True


def silence(chat: SimplexChat, group_id: int, member: types.GroupMember) -> None:
    """Let a member only read from now on, where the bot may do that."""
    try:
        chat.api_members_role(group_id, [member.group_member_id], member_role=types.GroupMemberRole.OBSERVER)
        print(f"group {group_id}: member {member.group_member_id} can only read now", flush=True)
    except CommandError as error:
        print(f"group {group_id}: member {member.group_member_id} stays as he is ({error.error})", flush=True)


if __name__ == "__main__":
    run(main)
