"""`simplex-sync contacts`, `groups` and `members`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from simplex_sync.api import types
from simplex_sync.command_line.options import Options, chat_name, json_option, pass_options
from simplex_sync.command_line.output import write_json, write_table

CONTACTS_HELP = """List the contacts: the name to write to, the full name, the state of the connection, since when.

Examples:

\b
  simplex-sync contacts
  simplex-sync contacts --json | jq -r .localDisplayName
"""

GROUPS_HELP = """List the groups: the name to write to, the full name, your role and status, since when.

Examples:

\b
  simplex-sync groups
  simplex-sync groups --json | jq -r .groupProfile.displayName
"""

MEMBERS_HELP = """List the members of GROUP, written #NAME, yourself left out: name, full name, role, status.

Examples:

\b
  simplex-sync members '#team'
  simplex-sync members '#team' --json | jq -r .memberProfile.displayName
"""


@click.command(name="contacts", help=CONTACTS_HELP, short_help="List the contacts.")
@json_option
@pass_options
def contacts(options: Options) -> None:
    """Run the command."""
    with options.started() as chat:
        found = chat.contacts()
    _show(options, ("contact", "full name", "connection", "since"), found, _contact_row)


@click.command(name="groups", help=GROUPS_HELP, short_help="List the groups.")
@json_option
@pass_options
def groups(options: Options) -> None:
    """Run the command."""
    with options.started() as chat:
        found = chat.groups()
    _show(options, ("group", "full name", "your role", "your status", "since"), found, _group_row)


@click.command(name="members", help=MEMBERS_HELP, short_help="List the members of a group.")
@click.argument("group", callback=chat_name("#"))
@json_option
@pass_options
def members(options: Options, group: str) -> None:
    """Run the command."""
    with options.started() as chat:
        found = chat.members(group)
    _show(options, ("member", "full name", "role", "status"), found, _member_row)


def _show(
    options: Options, columns: Sequence[str], records: Sequence[Any], row: Callable[[Any], Sequence[str]]
) -> None:
    if options.as_json:
        for record in records:
            write_json(record)
    else:
        write_table(columns, [row(record) for record in records])


def _contact_row(contact: types.Contact) -> Sequence[str]:
    connection = contact.active_conn
    state = "none" if connection is None else connection.conn_status.tag
    return f"@{contact.local_display_name}", contact.profile.full_name, state, str(contact.created_at)[:10]


def _group_row(group: types.GroupInfo) -> Sequence[str]:
    own = group.membership
    return (
        f"#{group.local_display_name}",
        group.group_profile.full_name,
        own.member_role.value,
        own.member_status.value,
        str(group.created_at)[:10],
    )


def _member_row(member: types.GroupMember) -> Sequence[str]:
    profile = member.member_profile
    return member.local_display_name, profile.full_name, member.member_role.value, member.member_status.value
