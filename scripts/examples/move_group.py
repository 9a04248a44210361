#!/usr/bin/env python3
"""Move a group: a new group with the profile, preferences and roles of an old one.

Members that are contacts are invited, each in the role that he has in the old group. Nobody else can be invited, so
for those one message with the link of the new group is sent into the old group, where every member can read it.
Whoever joins by the link gets one role for all (--link-role): a display name proves nothing, so giving the other roles
is left to you; the closing summary names them. It also names everybody who is missing in the new group.

Run it again at any time: it goes on where it was ended, invites and sends nothing twice, and tells who has joined. Its
journal is kept beside the database. The old group is left as it is.

  move_group.py --database notes '#team' --dry-run
  move_group.py --database notes '#team' --name 'Team 2'
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from _journal import DONE, Doubt, Facts, Journal, Result
from _tool import Progress, Refused, arguments, client, journal_path, newest_item, run, seen, summary

from simplex_sync import SentMessage, SimplexChat, errors, events, types

CURRENT = {"introduced", "intro-inv", "accepted", "announced", "connected", "complete", "creator"}
FORMER = {"removed", "left", "deleted", "rejected"}
SOON = 2.0  # seconds
MESSAGE = "This group moves to {name}. If you have no invitation yet, join here: {link}"


class Plan(NamedTuple):
    """Who is in the old group, and how each gets into the new one.

    Attributes:
        old: The old group.
        profile: The profile of the new group.
        invited: The members that are contacts, with their contacts.
        linked: The members that are not.
        absent: Those who were invited into the old group and have never joined it.
    """

    old: types.GroupInfo
    profile: types.GroupProfile
    invited: list[tuple[types.GroupMember, types.Contact]]
    linked: list[types.GroupMember]
    absent: list[types.GroupMember]


def plan(chat: SimplexChat, name: str, new_name: str | None) -> Plan:
    """Return what is to be done; this only reads."""
    old = chat.group(name)
    contacts = {
        contact.contact_id: contact
        for contact in chat.contacts()
        if contact.active_conn is not None and contact.active_conn.conn_status == "ready"
    }
    invited, linked, absent = [], [], []
    for member in chat.members(old):
        contact = contacts.get(member.member_contact_id or 0)
        if str(member.member_status) not in CURRENT:
            absent.append(member)
        elif contact is None:
            linked.append(member)
        else:
            invited.append((member, contact))
    was = old.group_profile
    # Only what describes the group: its links and keys belong to the old one.
    profile = types.GroupProfile(
        display_name=new_name or was.display_name,
        full_name="" if new_name else was.full_name,
        short_descr=was.short_descr,
        description=was.description,
        image=was.image,
        group_preferences=was.group_preferences,
        member_admission=was.member_admission,
    )
    return Plan(old, profile, invited, linked, absent)


class Move:
    """The steps, each in the journal."""

    def __init__(self, chat: SimplexChat, planned: Plan, journal: Journal, timeout: float) -> None:
        self.chat = chat
        self.plan = planned
        self.journal = journal
        self.timeout = timeout
        self.newest = newest_item(chat)
        self.new_id = 0

    # The new group.

    def create(self) -> None:
        """Make the new group, once."""
        known = [group.group_id for group in self.chat.groups()]
        made = self.journal.do("create", self._create, self._find_group, groups=known)
        if made.state != DONE:
            raise Refused(f"the new group could not be made: {made.reason}")
        self.new_id = int(made.facts["group"])
        if all(group.group_id != self.new_id for group in self.chat.groups()):
            raise Refused(f"the new group is not there any more; to make another, delete {self.journal.path}")

    def _create(self) -> Facts:
        return {"group": self.chat.api_new_group(self.plan.profile).group_info.group_id}

    def _find_group(self, intent: Facts) -> Facts | None:
        found = [
            group.group_id
            for group in self.chat.groups()
            if group.group_id not in intent["groups"]
            and group.group_profile.display_name == self.plan.profile.display_name
            and str(group.membership.member_status) == "creator"
        ]
        if len(found) > 1:
            raise Doubt(f"several groups of that name have been made since: {len(found)}")
        return {"group": found[0]} if found else None

    # Invitations.

    def members(self) -> dict[int, types.GroupMember]:
        """Return who is or was in the new group, or is invited, by the number of the contact."""
        found = self.chat.members(self._new_ref, former=True)
        return {member.member_contact_id: member for member in found if member.member_contact_id is not None}

    @property
    def _new_ref(self) -> types.ChatRef:
        return types.ChatRef(chat_type=types.ChatType.GROUP, chat_id=self.new_id)

    def invite(self, member: types.GroupMember, contact: types.Contact, present: bool) -> Result:
        """Invite a contact, once."""
        step = f"invite:{contact.contact_id}"

        def act() -> Facts:
            sent = self.chat.api_add_member(self.new_id, contact.contact_id, member_role=member.member_role)
            return {"member": sent.member.group_member_id}

        def look(intent: Facts) -> Facts | None:
            added = self.members().get(contact.contact_id)
            if added is None:
                return None
            # Who has answered has got the invitation; of the others, the chat must show that it was made.
            if str(added.member_status) == "invited" and self._invitation(contact, intent["after"]) is None:
                raise Doubt("the member was added, but there is no sign of an invitation: ask, or invite in the app")
            return {"member": added.group_member_id}

        if present and self.journal.result(step) is None and self.journal.intent(step) is None:
            return self.journal.note(step, DONE, {})  # somebody else invited this contact
        return self.journal.do(step, act, look, after=self.newest)

    def _invitation(self, contact: types.Contact, after: int) -> SentMessage | None:
        for message in self.chat.history(contact, after=after, newest_first=True, system=True):
            content = message.item.content
            if isinstance(content, types.CIContentSndGroupInvitation) and (
                content.group_invitation.group_id == self.new_id
            ):
                return SentMessage(self.chat, message.record)
        return None

    def _made_invitation(self, contact: types.Contact, after: int) -> SentMessage | None:
        """Return the invitation that was just made; its item may come into being a moment after the answer."""
        coming = self.chat.expect(events.NewChatItems, timeout=SOON)
        try:
            message = self._invitation(contact, after)
            if message is None:
                coming.wait()
                message = self._invitation(contact, after)
            return message
        except errors.EventTimeout:
            return None
        finally:
            coming.close()

    # The link.

    def announce(self, role: str, text: str) -> Result:
        """Send the link of the new group into the old one, once."""
        # The link is made where it is missing, so asking for it can be repeated.
        link = self.chat.group_link(self._new_ref, role).link
        words = text.format(name=self.plan.profile.display_name, link=link)

        def act() -> Facts:
            return {"item": self.chat.send(self.plan.old, words).id}

        def look(intent: Facts) -> Facts | None:
            for message in self.chat.history(self.plan.old, after=intent["after"], newest_first=True):
                if message.is_own and link in message.text:
                    return {"item": message.id}
            return None

        return self.journal.do("announce", act, look, after=self.newest)

    # The end.

    def wait_sent(self) -> list[str]:
        """Wait until everything has left, since the CLI ends with this script; return what has not."""
        waiting = []
        present = self.members()
        for _, contact in self.plan.invited:
            step = f"invite:{contact.contact_id}"
            result, intent, added = (
                self.journal.result(step),
                self.journal.intent(step),
                present.get(contact.contact_id),
            )
            # Those of earlier runs as well, which may have been ended before these had left.
            if result is None or result.state != DONE or intent is None:
                continue
            if added is None or str(added.member_status) != "invited":
                continue
            name = seen(contact.local_display_name)
            message = self._made_invitation(contact, intent["after"])
            try:
                if message is None:
                    waiting.append(f"{name}: no sign of an invitation")
                else:
                    message.wait_sent(self.timeout)
            except (errors.EventTimeout, errors.DeliveryError) as error:
                waiting.append(f"{name}: {type(error).__name__}")
        announced = self.journal.result("announce")
        if announced is not None and announced.state == DONE:
            item = int(announced.facts["item"])
            for sent in self.chat.history(self.plan.old, after=item - 1, before=item + 1):
                try:
                    SentMessage(self.chat, sent.record).wait_sent(self.timeout)
                except (errors.EventTimeout, errors.DeliveryError) as error:
                    waiting.append(f"the link: {type(error).__name__}")
        return waiting

    def missing(self) -> list[str]:
        """Return the lines about who of the old group is not in the new one."""
        present = self.members()
        lines = []
        for member, contact in self.plan.invited:
            added = present.get(contact.contact_id)
            if added is None or str(added.member_status) not in CURRENT:
                status = "not invited" if added is None else str(added.member_status)
                lines.append(f"{seen(member.local_display_name)}: {status}")
        lines += [f"{seen(member.local_display_name)}: can join by the link" for member in self.plan.linked]
        return lines


def show(planned: Plan, link: bool) -> None:
    """Print what would be done."""
    print(f"would make the group {seen(planned.profile.display_name)}")
    for member, contact in planned.invited:
        print(f"would invite {seen(contact.local_display_name)} as {member.member_role}")
    if planned.linked and link:
        names = ", ".join(seen(member.local_display_name) for member in planned.linked)
        print(f"would send the link into the old group, for {names}")
    summary({"invitations": len(planned.invited), "members who need the link": len(planned.linked)})


def main() -> bool:
    """Run the script; return whether everything is done."""
    parser = arguments(__doc__ or "")
    parser.add_argument("group", metavar="GROUP", help="the old group, by its local display name: '#team'")
    parser.add_argument("--name", help="the display name of the new group (that of the old one)")
    parser.add_argument("--link-role", default="member", help="the role of those who join by the link (member)")
    parser.add_argument("--no-link", action="store_true", help="send no link")
    parser.add_argument("--message", default=MESSAGE, help="what is sent with the link: a text with {link} in it")
    options = parser.parse_args()
    if "{link}" not in options.message:
        parser.error("--message must have {link} in it")
    with client(options) as chat:
        planned = plan(chat, options.group, options.name)
        if options.dry_run:
            show(planned, not options.no_link)
            return True
        return move(chat, planned, options)


def move(chat: SimplexChat, planned: Plan, options: argparse.Namespace) -> bool:
    """Do it; return whether everything is done."""
    subject = {
        "user": chat.user.user_id,
        "old": planned.old.group_id,
        "name": planned.profile.display_name,
    }
    path = journal_path(options, "move_group", *subject.values())
    with Journal(path, "move_group", subject) as journal, Progress(len(planned.invited) + 1, "move") as progress:
        steps = Move(chat, planned, journal, options.timeout)
        steps.create()
        progress.step(f"new group {seen(planned.profile.display_name)}", journal.result("create"))
        present = steps.members()
        for member, contact in planned.invited:
            result = steps.invite(member, contact, contact.contact_id in present)
            progress.step(f"{seen(contact.local_display_name)} as {member.member_role}", result)
        if planned.linked and not options.no_link:
            progress.step("link sent into the old group", steps.announce(options.link_role, options.message))
        waiting = steps.wait_sent()
        by_hand = [
            f"{seen(member.local_display_name)}: {member.member_role}"
            for member in planned.linked
            if str(member.member_role) != options.link_role
        ]
        summary(
            {
                **progress.counts,
                "not sent yet; start the CLI again": waiting,
                "missing in the new group": steps.missing(),
                "roles to give by hand": by_hand,
                "never joined the old group": [seen(member.local_display_name) for member in planned.absent],
                "journal": path,
            }
        )
        return progress.complete and not waiting


if __name__ == "__main__":
    run(main)
