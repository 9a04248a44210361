"""Signal handlers that use a client which is busy: `signal_handlers.py give|close FOLDER PROGRAM ROUNDS`.

A program of its own, since what measures coverage holds a lock for moments, in which a handler may come as well; and
since the time limit of tests needs the same signal. It prints a JSON value at the end.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time

from simplex_sync import SimplexChat

LONG = 20.0
moments = random.Random(7)


def give_commands(chat: SimplexChat, rounds: int) -> object:
    """Give a command in each handler, and commands outside of them, until so many were answered."""
    answers = 0

    def handler(*_: object) -> None:
        nonlocal answers
        answers += chat.show_version(timeout=LONG).tag == "versionInfo"
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0002, 0.002) if answers < rounds else 0)

    with chat:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        right = True
        while answers < rounds:
            right = right and chat.show_active_user(timeout=LONG).tag == "activeUser"
    return {"answers": answers, "right": right}


def close(chat: SimplexChat, rounds: int) -> object:
    """Close the client in a handler and leave; return how long each end took, and what each call was ended by."""
    took: list[float] = []
    ended: list[str] = []

    def handler(*_: object) -> None:
        began = time.monotonic()
        chat.close()
        took.append(time.monotonic() - began)
        raise SystemExit("ended by a signal")

    signal.signal(signal.SIGALRM, handler)
    for _ in range(rounds):
        with chat:
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.001, 0.01))
            try:
                while True:
                    chat.show_active_user()
            except BaseException as error:
                ended.append(f"{type(error).__name__}: {error}")
    return {"took": took, "ended": ended}


def main() -> None:
    what, folder, program, rounds = sys.argv[1:]
    chat = SimplexChat(f"{folder}/chat", executable=program, timeout=LONG)
    print(json.dumps((give_commands if what == "give" else close)(chat, int(rounds))))


main()
