"""The main job, shown: two CLIs connect and write to each other.

Uses real `simplex-chat` programs where one is found, and the simulator of this package otherwise. With SMP_SERVER (and
XFTP_SERVER) set, real ones use those servers instead of the public ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from simplex_sync import EventStream, SimplexChat, errors, events, executable, types

SERVERS = ("SMP_SERVER", "XFTP_SERVER")


def say(text: str) -> None:
    print(text, flush=True)


def choose_program() -> str | None:
    """Return what to pass as executable=: None for a real CLI that was found, otherwise the simulator."""
    try:
        executable.find()
    except errors.ExecutableNotFound:
        return "simulator"
    return None


def is_delivered(item: types.AChatItem) -> bool:
    return isinstance(item.chat_item.meta.item_status, types.CIStatusSndRcvd)


def send_and_see_delivery(chat: SimplexChat, contact: types.Contact, text: str) -> None:
    to = types.ChatRef(chat_type=types.ChatType.DIRECT, chat_id=contact.contact_id)
    message = types.ComposedMessage(msg_content=types.MsgContentText(text=text), mentions={})
    with chat.expect(
        events.ChatItemsStatusesUpdated, lambda event: all(map(is_delivered, event.chat_items)), timeout=60
    ):
        chat.api_send_messages(send_ref=to, composed_messages=[message])
    say(f"  {chat.user.local_display_name} sent {text!r}, and its delivery was confirmed.")


def received_texts(stream: EventStream[events.NewChatItems]) -> list[str]:
    """Return the texts of the first event with received messages."""
    for event in stream:
        contents = [item.chat_item.content for item in event.chat_items]
        texts = [
            content.msg_content.text
            for content in contents
            if isinstance(content, types.CIContentRcvMsgContent)
            and isinstance(content.msg_content, types.MsgContentText)
        ]
        if texts:
            return texts
    return []


def show(program: str | None) -> int:
    """Show the main job; return the exit status."""
    started = time.monotonic()
    smp_servers, xftp_servers = ([os.environ[name]] if os.environ.get(name) else [] for name in SERVERS)
    with tempfile.TemporaryDirectory(prefix="simplex_sync-demo-") as name:
        folder = Path(name)
        os.environ.setdefault("SIMPLEX_SIM_NETWORK", str(folder / "network"))
        say("Starting two SimpleX Chat clients; each makes its user profile on this first run.")

        def client(name: str) -> SimplexChat:
            return SimplexChat(
                folder / name.lower(),
                display_name=name,
                executable=program,
                smp_servers=smp_servers,
                xftp_servers=xftp_servers,
            )

        with client("Alice") as alice, client("Bob") as bob:
            found = executable.find(program)
            which = found[0] if len(found) == 1 else "the simulator of this package"
            say(f"  Both run {which}, version {alice.cli_version}, as processes {alice.pid} and {bob.pid}.")
            bob_messages = bob.events(events.NewChatItems, timeout=60)

            say("Alice makes an address and accepts whoever connects to it.")
            link = alice.api_create_my_address().conn_link_contact
            settings = types.AddressSettings(
                business_address=False, auto_accept=types.AutoAccept(accept_incognito=False)
            )
            alice.api_set_address_settings(settings=settings)

            say("Bob connects to that address.")
            with (
                alice.expect(events.ContactConnected, timeout=120) as at_alice,
                bob.expect(events.ContactConnected, timeout=120) as at_bob,
            ):
                bob.connect(conn_link_=link.conn_short_link or link.conn_full_link)
            say(
                f"  Connected: Alice sees {at_alice.value.contact.local_display_name!r}, "
                f"Bob sees {at_bob.value.contact.local_display_name!r}."
            )

            say("They write to each other.")
            send_and_see_delivery(alice, at_alice.value.contact, "Hello Bob, this is plain Python.")
            send_and_see_delivery(bob, at_bob.value.contact, "Hello Alice, no async code in sight.")
            texts = received_texts(bob_messages)
            say(f"  Bob has received: {texts!r}")

            say("What an error looks like: a second address for the same profile.")
            try:
                alice.api_create_my_address()
            except errors.CommandError as error:
                say(f"  {type(error).__name__}: {error}")
            else:
                say("  The CLI took it, which it should not have.")
                return 1
        say(
            f"Both clients are closed, and nothing is left running. That took {time.monotonic() - started:.1f} seconds."
        )
    return 0


def main() -> int:
    program = choose_program()
    try:
        return show(program)
    except (errors.NetworkError, errors.CommandTimeout) as error:
        if program == "simulator":
            raise
        say(f"  {type(error).__name__}: {error}")
        say("A real CLI was found, but its servers cannot be reached from here. The same on the simulator:")
        return show("simulator")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except errors.SimplexError as failure:
        say(f"The demo failed. {type(failure).__name__}: {failure}")
        output = getattr(failure, "output", "")
        if output:
            say(f"The last lines of the CLI:\n{output}")
        sys.exit(1)
