#!/usr/bin/env python3
"""A bot that answers every message with its own text; the place to begin a bot of your own.

It prints its address, accepts everybody who connects, and ends at Ctrl-C. A message that came while it was not running
is answered when it runs again.

  echo_bot.py --database echo
"""

from __future__ import annotations

from _tool import arguments, run

from simplex_sync import Message, SimplexChat

WELCOME = "I repeat what you write. /help tells more."
HELP = "Write anything, and I repeat it. /ping tells whether I am there."


def main() -> bool:
    """Run the bot until Ctrl-C."""
    options = arguments(__doc__ or "", migration=False).parse_args()
    with SimplexChat(
        options.database,
        display_name=options.display_name or "Echo",
        bot=True,
        executable=options.executable,
        timeout=options.timeout,
    ) as chat:

        @chat.on_command("help")
        def tell(message: Message) -> None:
            message.reply(HELP)

        @chat.on_command("ping")
        def ping(message: Message) -> None:
            message.reply("pong")

        @chat.on_message
        def echo(message: Message) -> None:
            if message.text:
                message.reply(message.text)

        print(chat.accept_contacts(welcome=WELCOME).link, flush=True)
        chat.run()
    return True


if __name__ == "__main__":
    run(main)
