#!/usr/bin/env python3
"""A bot that takes files: it keeps what contacts send, in a folder for each of them, and answers with the check sum.

It prints its address and accepts everybody who connects, so give the address to those only whose files you want.
Files larger than --max-size are not taken. One file is received after the other.

  file_drop.py --database drop incoming
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from _tool import arguments, run

from simplex_sync import Message, SimplexChat
from simplex_sync.errors import SimplexError

WELCOME = "Send me files; I keep them, and answer with their SHA-256."
LONG = 24 * 3600.0


def check_sum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def main() -> bool:
    """Run the bot until Ctrl-C."""
    parser = arguments(__doc__ or "", migration=False)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the files go")
    parser.add_argument("--max-size", type=float, default=100.0, metavar="MEGABYTES", help="the largest file (100)")
    parser.add_argument(
        "--any-server", action="store_true", help="receive from servers that are not yours; they see the IP address"
    )
    options = parser.parse_args()
    largest = int(options.max_size * 1_000_000)
    with SimplexChat(
        options.database,
        display_name=options.display_name or "File drop",
        bot=True,
        executable=options.executable,
        timeout=options.timeout,
    ) as chat:

        @chat.on_message
        def take(message: Message) -> None:
            if message.file is None or message.is_group:
                return
            if message.file.file_size > largest:
                message.reply(f"That is too large: I take up to {largest} bytes.")
                return
            # By the number: a name that somebody has chosen is no good name for a folder.
            folder = options.folder / str(message.chat_ref.chat_id)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                transfer = message.download(to=folder, approved_relays=options.any_server)
                transfer.wait(LONG)
            except SimplexError as error:
                message.reply(f"I could not receive it: {type(error).__name__}. Please send it again.")
                return
            assert transfer.path is not None
            message.reply(f"{transfer.path.stat().st_size} bytes, SHA-256 {check_sum(transfer.path)}")
            print(transfer.path, flush=True)

        print(chat.accept_contacts(welcome=WELCOME).link, flush=True)
        chat.run()
    return True


if __name__ == "__main__":
    run(main)
