"""`simplex-sync address`, `invite` and `connect`: how people come together."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import click

from simplex_sync.api import types
from simplex_sync.command_line.options import SECONDS, Options, json_option, pass_options, timeout_option
from simplex_sync.command_line.output import visible, write_json, write_line

if TYPE_CHECKING:
    from simplex_sync.conversation import Address, Invitation

ADDRESS_HELP = """Print your address, which is made where there is none. Whoever has it can ask to be your contact.

With --auto-accept everybody who connects to it becomes a contact, whenever the CLI runs (as in `listen`).

Examples:

\b
  simplex-sync --display-name Notes address --qr
  simplex-sync address --auto-accept
"""

INVITE_HELP = """Print a one-time invitation: a link for one contact.

With --wait it ends when somebody has connected by it, or by Ctrl-C; otherwise that happens whenever the CLI runs (as in
`listen`).

Exit code: 0 if all was done; 3 if nobody connected before --timeout: the invitation stays valid.

Examples:

\b
  simplex-sync invite --qr
  simplex-sync invite --wait --timeout 600
"""

CONNECT_HELP = """Connect by LINK, to a contact or a group, and end when that is done.

With - as LINK, the link is read from stdin; use it where others can see your command lines. Where the link leads to
somebody with whom you are connected already, nothing is sent. Prints the name to write to.

Exit code: 0 if you are connected; 3 if that was not done in time: it goes on whenever the CLI runs.

Examples:

\b
  simplex-sync connect 'https://smp.example.org/a#...'
  simplex-sync --display-name Bot connect - <link.txt
"""

_qr = click.option("--qr", is_flag=True, help="Print it as a QR code, too.")


@click.command(name="address", help=ADDRESS_HELP, short_help="Print your address.")
@_qr
@click.option("--auto-accept", is_flag=True, help="Accept everybody who connects to it, from now on.")
@json_option
@pass_options
def address(options: Options, qr: bool, auto_accept: bool) -> None:
    """Run the command."""
    with options.started() as chat:
        found = chat.accept_contacts() if auto_accept else chat.address()
    _show(options, found, qr)


@click.command(name="invite", help=INVITE_HELP, short_help="Print a one-time invitation.")
@_qr
@click.option("--wait", is_flag=True, help="Wait until somebody has connected by it.")
@click.option(
    "--timeout", type=SECONDS, metavar="SECONDS", help="How long to wait for somebody.  [default: without end]"
)
@json_option
@pass_options
def invite(options: Options, qr: bool, wait: bool, timeout: float | None) -> None:
    """Run the command."""
    with options.started() as chat:
        invitation = chat.invite()
        _show(options, invitation, qr)
        if wait:
            _show_connected(options, invitation.wait_connected(math.inf if timeout is None else timeout))


@click.command(name="connect", help=CONNECT_HELP, short_help="Connect by a link.")
@click.argument("link")
@timeout_option("it, with the answer of the other side,")
@json_option
@pass_options
def connect(options: Options, link: str, timeout: float | None) -> None:
    """Run the command."""
    target = sys.stdin.readline().strip() if link == "-" else link
    with options.started() as chat:
        _show_connected(options, chat.connect_to(target, options.deadline(timeout).seconds))


def _show(options: Options, link: Address | Invitation, qr: bool) -> None:
    if options.as_json:
        write_json({"link": link.link, "fullLink": link.full_link})
    else:
        write_line(link.link)
        if qr:
            write_line(str(link.qr()))
        sys.stdout.flush()  # before anybody is waited for


def _show_connected(options: Options, found: types.Contact | types.GroupInfo) -> None:
    if options.as_json:
        write_json(found)
    else:
        sign = "@" if isinstance(found, types.Contact) else "#"
        write_line(f"connected: {sign}{visible(found.local_display_name)}")
