"""A script that works with a client without a pause, to be interrupted: `working_script.py FOLDER PROGRAM SEED ROUNDS`.

It prints a line at the start of each round; then it is to be sent SIGINT at any moment. It answers with the time at
which it had the KeyboardInterrupt and whether the next command was right; at the end come the numbers of all events.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from simplex_sync import EventStream, SimplexChat, events


class Script:
    def __init__(self, chat: SimplexChat, seed: str) -> None:
        self.chat = chat
        self.choice = random.Random(seed)
        self.stream: EventStream[events.UnknownEvent] = chat.events(events.UnknownEvent, timeout=0.01)
        self.event: events.UnknownEvent | None = None
        self.numbers: list[int] = []

    def run(self, *steps: list[Any]) -> str:
        return self.chat.send_command("!" + json.dumps(steps)).tag

    def read(self) -> None:
        for event in self.stream:
            self.event = event  # no call in between: an interrupt cannot come there
            self.note()

    def note(self) -> None:
        """Take down the event that came last, once."""
        if self.event is not None and self.event.tag == "numbered":
            number = self.event.raw["number"]
            if not self.numbers or self.numbers[-1] != number:
                self.numbers.append(number)

    def work(self, number: int) -> None:
        match self.choice.randrange(6):
            case 0:
                assert self.chat.send_command(f"/plain {number}").tag == "cmdOk"
            case 1:
                assert self.run(["events", 3], ["answer", {"type": f"tag{number}"}]) == f"tag{number}"
                self.read()
            case 2:
                self.chat.api_list_contacts()
            case 3:
                with self.chat.expect(events.UnknownEvent, lambda event: event.tag == "one") as expected:
                    self.run(["event", {"type": "one"}], ["answer"])
                assert expected.value.tag == "one"
            case 4:
                # An answer that comes only when the next command is under way, long after the interrupt.
                self.run(["big", 300_000])
            case _:
                for _event in self.chat.events(events.ContactConnected, timeout=0.02):
                    raise AssertionError("nobody connects here")

    def round(self, number: int) -> None:
        try:
            print("ready", flush=True)
            while True:
                self.work(number)
        except KeyboardInterrupt:
            caught = time.monotonic()
        self.note()
        right = self.run(["answer", {"type": f"next{number}"}]) == f"next{number}"
        print(json.dumps({"caught": caught, "right": right}), flush=True)


def main() -> None:
    folder, program, seed, rounds = sys.argv[1:]
    with SimplexChat(f"{folder}/chat", executable=program, timeout=20) as chat:
        script = Script(chat, seed)
        for number in range(int(rounds)):
            script.round(number)
        script.run(["events", 1], ["answer"])
        script.read()
        print(json.dumps(script.numbers), flush=True)


main()
